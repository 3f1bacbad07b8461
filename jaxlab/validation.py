"""Checks of the values that all experiments share, before compute is spent."""

from __future__ import annotations

from jaxlab.config import AVERAGES, OPTIMIZERS, SCHEDULES, Config, check, leaves, one_of

CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "average": AVERAGES}
MOST_RECORDS = 1_000_000  # of a run


def validate(config: Config) -> None:
    """Raises ConfigError for a value that no experiment can run with."""
    values = dict(leaves(config))
    for key, value in values.items():
        if isinstance(value, float):
            in_range = value == 0 or 1e-37 < abs(value) < 1e38
            check(in_range, f"{key} is {value}: give a finite number that float32 can hold")
        for part in value if isinstance(value, tuple | list) else (value,):
            fits = not isinstance(part, int) or abs(part) < 2**31
            check(fits, f"{key} is {part}: give a number below 2**31, which int32 can hold")
    check(0 <= config.seed < 2**31, f"seed is {config.seed}: give one from 0 to 2**31 - 1")
    optimizer, schedule, train = config.optimizer, config.schedule, config.train
    one_of(config, "optimizer.name", tuple(OPTIMIZERS))
    one_of(config, "schedule.name", tuple(SCHEDULES))
    one_of(config, "average.name", tuple(AVERAGES))
    one_of(config, "train.compute_dtype", ("float32", "bfloat16"))
    check(
        optimizer.learning_rate > 0,
        f"optimizer.learning_rate is {optimizer.learning_rate}: it must be above 0",
    )
    check(
        optimizer.weight_decay == 0 or optimizer.name == "adamw",
        f"optimizer.weight_decay is {optimizer.weight_decay}, but optimizer.name is "
        f"{optimizer.name!r}, which has none: choose 'adamw' or set it to 0",
    )
    for key in ("clip_norm", "weight_decay", "eps"):
        check(optimizer[key] >= 0, f"optimizer.{key} is {optimizer[key]}: it must not be negative")
    for key in ("momentum", "b1", "b2"):
        value = optimizer[key]
        check(0 <= value < 1, f"optimizer.{key} is {value}: it must lie in [0, 1)")
    for key in ("warmup", "decay", "final"):
        value = schedule[key]
        check(0 <= value <= 1, f"schedule.{key} is {value}: it is a fraction between 0 and 1")
    check(schedule.offset > 0, f"schedule.offset is {schedule.offset}: it must be above 0 steps")
    check(
        0 <= config.average.decay < 1,
        f"average.decay is {config.average.decay}: it must lie in [0, 1)",
    )
    check(
        config.average.power >= 0,
        f"average.power is {config.average.power}: it must not be negative",
    )
    check(
        schedule.name != "wsd" or schedule.warmup + schedule.decay <= 1,
        f"schedule.warmup ({schedule.warmup}) and schedule.decay ({schedule.decay}) are fractions "
        "of one run: together they must not pass 1",
    )
    for key in ("steps", "batch_size", "accumulate"):
        check(train[key] >= 1, f"train.{key} is {train[key]}: it must be at least 1")
    check(
        train.batch_size % train.accumulate == 0,
        f"train.batch_size {train.batch_size} does not divide into train.accumulate = "
        f"{train.accumulate} micro-batches: choose a divisor",
    )
    check(
        config.records.every_steps >= 1,
        f"records.every_steps is {config.records.every_steps}: it must be at least 1",
    )
    check(config.eval.batches >= 1, f"eval.batches is {config.eval.batches}: it must be at least 1")
    check(
        config.checkpoint.keep >= 1,
        f"checkpoint.keep is {config.checkpoint.keep}: keep at least the latest, to resume from",
    )
    counts = ("records.per_decade", "checkpoint.every_steps", "checkpoint.keep_per_decade")
    counts += ("devices.members_at_once", "devices.max_members")
    for key in counts:
        check(values[key] >= 0, f"{key} is {values[key]}: it must not be negative")
    mesh = config.devices.mesh
    check(
        len(mesh) == 2 and min(mesh) >= 0,
        f"devices.mesh is {mesh}: give two numbers of devices, for members and for sharing their "
        "batches, such as (2, 4); 0 is free",
    )
    records = train.steps // config.records.every_steps
    check(
        records <= MOST_RECORDS,
        f"the run would record {records} times: make records.every_steps at least "
        f"{-(-train.steps // MOST_RECORDS)}",
    )
    for key in ("records.per_decade", "checkpoint.keep_per_decade"):
        check(values[key] <= 10_000, f"{key} is {values[key]}: give at most 10000")


def unused_keys(config: Config) -> set[str]:
    """Returns the shared keys that the optimiser, schedule and average of a config do not use."""
    found = set()
    for section, choices in CHOICES.items():
        optional = {key for keys in choices.values() for key in keys}
        read = choices.get(config[section].name, optional)
        found |= {f"{section}.{key}" for key in optional.difference(read)}
    if config.schedule.name != "power" and config.schedule.weight_growth == 0:
        found.add("schedule.offset")
    return found

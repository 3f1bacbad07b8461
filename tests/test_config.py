import json

import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab import validation
from jaxlab.config import ConfigError
from jaxlab.disk import read_config, write_config


def test_floats_and_the_seed_are_traced_and_nothing_else():
    static, values = configs.split(teacher_config())
    assert values["task.temperature"] == 1e-3
    assert values["seed"] == 0
    assert all(isinstance(v, float) for k, v in values.items() if k != "seed")
    assert not [v for _, v in configs.leaves(static.as_configdict()) if isinstance(v, float)]
    assert static.task.classes == 128


def test_a_traced_value_cannot_be_read_at_build_time():
    static, _ = configs.split(teacher_config())
    with pytest.raises(AttributeError, match="temperature"):
        _ = static.task.temperature


def test_override_takes_what_the_type_allows():
    config = teacher_config()
    new = configs.override(
        config, {"optimizer.learning_rate": 1, "task.temperature": np.float64(0.5)}
    )
    assert new.optimizer.learning_rate == 1.0
    assert type(new.optimizer.learning_rate) is type(new.task.temperature) is float
    assert config.optimizer.learning_rate == 1e-3


def test_a_tuple_may_change_its_length_but_not_the_types_in_it():
    config = configs.base()
    config.update({"widths": (8, 16), "window": (1.0, 2.0), "names": ("a",), "empty": ()})

    def changed(**overrides):
        return configs.override(config, overrides)

    assert changed(widths=(4, 8, 12)).widths == (4, 8, 12)
    assert changed(widths=()).widths == ()
    assert changed(empty=(1,)).empty == (1,)
    assert changed(window=(4, np.float64(9.5), 10.0)).window == (4.0, 9.5, 10.0)
    assert {type(end) for end in changed(window=(4, np.float64(9.5))).window} == {float}
    for overrides, message in (
        ({"widths": (4, 8.5)}, r"widths holds int .*: 8\.5 is float"),
        ({"widths": (True,)}, r"widths holds int .*: True is bool"),
        ({"names": ("a", 1)}, "names holds str .*: 1 is int"),
        ({"widths": 4}, "widths is tuple .* the type must stay tuple"),
    ):
        with pytest.raises(ConfigError, match=message):
            changed(**overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"optimizer.learning_rat": 0.1}, "did you mean 'optimizer.learning_rate'"),
        ({"nonsense": 1}, "no key 'nonsense': it has "),
        ({"train.steps": 1.5}, "train.steps is int"),
        ({"train.steps": "many"}, "train.steps is int"),
        ({"optimizer.learning_rate": True}, "optimizer.learning_rate is float"),
    ],
)
def test_override_names_the_bad_key_or_type(overrides, message):
    with pytest.raises(ConfigError, match=message):
        configs.override(teacher_config(), overrides)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("optimizer.learning_rate", 0.0, "must be above 0"),
        ("optimizer.learning_rate", float("nan"), "finite"),
        ("optimizer.name", "adamm", "choose one of sgd"),
        ("optimizer.weight_decay", 0.1, "choose 'adamw'"),
        ("optimizer.b1", 1.0, r"\[0, 1\)"),
        ("optimizer.clip_norm", -1.0, "negative"),
        ("schedule.warmup", 1.5, "fraction"),
        ("schedule.name", "step", "choose one of constant"),
        ("schedule.offset", 0.0, "above 0 steps"),
        ("average.name", "swa", "choose one of none, ema, polynomial"),
        ("average.decay", 1.0, r"\[0, 1\)"),
        ("average.power", -1.0, "negative"),
        ("train.accumulate", 3, "choose a divisor"),
        ("train.steps", 0, "at least 1"),
        ("records.every_steps", 0, "at least 1"),
        ("records.per_decade", -1, "negative"),
        ("eval.batches", 0, "at least 1"),
        ("checkpoint.keep", 0, "keep at least the latest"),
    ],
)
def test_validate_says_what_where_and_what_to_do(key, value, message):
    config = configs.override(teacher_config(), {key: value})
    with pytest.raises(ConfigError, match=message) as error:
        validation.validate(config)
    assert key in str(error.value)


def test_saved_config_comes_back_whole(tmp_path):
    config = teacher_config()
    config.widths = (8, 16)
    members = [{"seed": 1}, {"widths": (4,)}]
    write_config(tmp_path, config, members)
    loaded, members_again = read_config(tmp_path)
    assert members_again == members
    assert configs.differing_keys(config, loaded) == []
    assert configs.fingerprint(loaded) == configs.fingerprint(config)
    assert loaded.widths == (8, 16)
    json.loads((tmp_path / "config.json").read_text(), parse_constant=pytest.fail)


def test_every_value_moves_the_fingerprint():
    config = teacher_config()
    config.window = (1.0, 2.0)
    seen = {configs.fingerprint(config)}
    for key, value in configs.leaves(config):
        changed = value + 1 if isinstance(value, int | float) else (9, 8)
        changed = value + "x" if isinstance(value, str) else changed
        changed = not value if isinstance(value, bool) else changed
        seen.add(configs.fingerprint(configs.override(config, {key: changed})))
    assert len(seen) == 1 + len(list(configs.leaves(config)))


def test_differing_keys_are_named_with_both_values():
    old, new = ConfigDict({"a": {"b": 1, "c": 2}}), ConfigDict({"a": {"b": 3}, "d": 4})
    assert configs.differing_keys(old, new) == [
        "a.b: 1 -> 3",
        "a.c: 2 -> (absent)",
        "d: (absent) -> 4",
    ]
    assert configs.differing_keys(old, new, ignore=("a.b", "d")) == ["a.c: 2 -> (absent)"]


@pytest.mark.parametrize(
    ("overrides", "unused", "used"),
    [
        ({}, {"average.decay", "average.power", "schedule.power", "schedule.offset"}, set()),
        ({"average.name": "ema"}, {"average.power"}, {"average.decay"}),
        ({"average.name": "polynomial"}, {"average.decay"}, {"average.power"}),
        ({"schedule.name": "power"}, {"schedule.final"}, {"schedule.power", "schedule.offset"}),
        ({"schedule.weight_growth": 0.5}, {"schedule.power"}, {"schedule.offset"}),
        ({"optimizer.name": "muon"}, {"optimizer.b1"}, {"optimizer.momentum"}),
        ({"optimizer.name": "sign"}, {"optimizer.momentum", "optimizer.eps"}, set()),
    ],
)
def test_values_that_nothing_reads_are_known(overrides, unused, used):
    found = validation.unused_keys(configs.override(teacher_config(), overrides))
    assert unused <= found
    assert not used & found
    assert "optimizer.learning_rate" not in found


def test_an_unknown_size_names_the_known_ones():
    sizes = {"default": {}, "tiny": {"a": 1}}
    assert configs.choose(None, sizes) == {}
    assert configs.choose("tiny", sizes) == {"a": 1}
    with pytest.raises(ConfigError, match="choose one of default, tiny"):
        configs.choose("huge", sizes)

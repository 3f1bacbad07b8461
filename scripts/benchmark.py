#!/usr/bin/env python
"""Measures how fast a config's groups train on this machine, or how fast its models write.

python scripts/benchmark.py
python scripts/benchmark.py --config=configs/one_third/text.py --steps=200
python scripts/benchmark.py --config=configs/parscale/widths.py:speed --groups=4 --steps=20
python scripts/benchmark.py --config=configs/parscale/widths.py --decode --batch=1,8
"""

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 3
GRID = "configs/one_third/adam_grid.py:one_seed"


def parse() -> tuple[argparse.Namespace, list[str]]:
    """Reads the command line; what is left are `--config.KEY=VALUE` overrides."""
    parser = argparse.ArgumentParser(
        description="Time the compiled programs of a config's groups, and the training loop "
        "around them. CPU seconds are of this process and all its threads: they hold on a busy "
        "machine, where wall seconds do not.",
        epilog="Any value of the config can be set: --config.devices.members_at_once=8",
        allow_abbrev=False,
    )
    parser.add_argument("--config", default=GRID, help=f"FILE.py or FILE.py:SIZE (default {GRID})")
    parser.add_argument("--steps", type=int, default=200, help="steps to time (default 200)")
    parser.add_argument("--groups", type=int, default=1, help="how many to time (default 1)")
    decode = parser.add_argument_group("decoding, instead of training")
    decode.add_argument(
        "--decode", action="store_true", help="time models of experiments/parscale, for every P"
    )
    decode.add_argument("--batch", default="1,8", help="texts at once (default 1,8)")
    decode.add_argument("--prompt", type=int, default=64, help="tokens read (default 64)")
    decode.add_argument("--tokens", type=int, default=64, help="tokens written (default 64)")
    decode.add_argument("--json", type=Path, metavar="FILE", help="where to write them too")
    return parser.parse_known_args()


def main() -> int:
    """Prints the measurements; returns the exit status."""
    args, rest = parse()
    from jaxlab.config import ConfigError, check
    from jaxlab.sweeps import plan
    from jaxlab.sweeps.flags import config_overrides

    try:
        overrides = {**config_overrides(rest), "train.steps": args.steps}
        groups = plan.group(plan.load(args.config, overrides))
        if args.decode:
            decode([group.config for group in groups], args)
        else:
            check(args.groups >= 1, f"--groups={args.groups}: time at least 1")
            first = None
            for group in groups[: args.groups]:
                seconds = measure(group)
                first = first or seconds
                if seconds is not first:
                    print(f"to the first       {seconds / first:.2f} times its CPU-seconds")
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def measure(group) -> float:
    """Times a group: the bare program, and the loop that writes metrics and checkpoints.

    Returns the CPU-seconds of a member's step.

    They take turns, and the share outside the program is the median over turns, so that a machine
    whose speed drifts does not decide it.
    """
    import jax
    import numpy as np

    from jaxlab import config as configs
    from jaxlab.sweeps import local
    from jaxlab.training import loop, metrics, program
    from jaxlab.training import mesh as meshes

    members, steps = len(group.members), group.config.train.steps
    meshes.use_cpu_cores(members)
    experiment = local.build(group.config)
    static, _ = configs.split(group.config)
    mesh = meshes.make(group.config, members)
    compiled = program.build(experiment, static, mesh)
    arguments = compiled.place(loop.member_values(group.config, group.members))
    state = jax.block_until_ready(compiled.init(arguments))

    def timed(stops: list[int]) -> tuple[float, float]:
        """Returns wall and CPU seconds of the bare program over these intervals."""
        nonlocal state
        wall, cpu, start = time.perf_counter(), time.process_time(), 0
        for stop in stops:
            state, last = compiled.run(state, arguments, start, stop)
            start = stop
        jax.block_until_ready((state, last))
        return time.perf_counter() - wall, time.process_time() - cpu

    first_wall, _ = timed([0])
    again_wall, _ = timed([0])
    records = metrics.record_steps(group.config).tolist()
    rounds = [(timed([steps]), timed(records[1:]), _loop(group, experiment)) for _ in range(ROUNDS)]
    seconds = np.median(rounds, axis=0)  # [what, (wall, CPU)]
    shares = np.median([1 - np.divide(inside, whole) for _, inside, whole in rounds], axis=0)

    done = members * steps
    print(f"{jax.device_count()} x {jax.devices()[0].device_kind}, medians of {ROUNDS} rounds")
    print(f"group              {group.name}")
    print(f"                   {members} members, {steps} steps, {len(records) - 1} records")
    print(f"compile            {first_wall - again_wall:.2f} s")
    print(f"steps alone        {done / seconds[0, 1]:.0f} member-steps per CPU-second", end="")
    print(f" ({1e3 * seconds[0, 1] / done:.3f} ms), {done / seconds[0, 0]:.0f} per second")
    if "tokens_per_example" in experiment.info:
        tokens = done * group.config.train.batch_size * experiment.info["tokens_per_example"]
        print(f"                   {tokens / seconds[0, 1]:.0f} tokens per CPU-second", end="")
        print(f", {tokens / seconds[0, 0]:.0f} per second")
    if "cost" in experiment.info:
        forward = done * group.config.train.batch_size * experiment.info["cost"]["flops"]
        print(
            f"                   {3e-9 * forward / seconds[0, 1]:.2f} GFLOP per CPU-second", end=""
        )
        print(", a step taken as three times its forward pass")
    print(f"with evaluations   {seconds[1, 1]:.2f} CPU-seconds, {seconds[1, 0]:.2f} s")
    print(f"the training loop  {seconds[2, 1]:.2f} CPU-seconds, {seconds[2, 0]:.2f} s")
    print(
        f"outside program    {100 * shares[1]:.1f} % of CPU, {100 * shares[0]:.1f} % of wall time"
    )
    return seconds[0, 1] / done


def _loop(group, experiment) -> tuple[float, float]:
    """Returns wall and CPU seconds of the training loop, from its first record to its last."""
    from jaxlab.training import loop

    marks = []
    with tempfile.TemporaryDirectory() as folder:
        loop.train(
            experiment,
            group.config,
            group.members,
            Path(folder) / "run",
            lambda step: marks.append((time.perf_counter(), time.process_time())),
        )
    return marks[-1][0] - marks[0][0], marks[-1][1] - marks[0][1]


def decode(configs: list, args: argparse.Namespace) -> None:
    """Prints what prefill and decoding cost for every P, and writes it where `--json` says."""
    from jaxlab.config import check

    check(
        configs[0].experiment == "parscale",
        f"--decode times models of parscale, not of {configs[0].experiment}: give one of "
        "configs/parscale",
    )
    try:
        batches = [int(batch) for batch in args.batch.split(",")]
    except ValueError:
        batches = []
    check(
        bool(batches) and min(*batches, args.prompt) >= 1 and args.tokens >= 2,
        f"--batch={args.batch} --prompt={args.prompt} --tokens={args.tokens}: give at least "
        "1 text, or several numbers with commas, 1 token to read and 2 to write",
    )
    import jax

    from experiments.parscale import decoding_cost

    works = [decoding_cost.Work(batch, args.prompt, args.tokens) for batch in batches]
    costs = decoding_cost.measure(decoding_cost.models(configs), works)
    device = f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    if args.json:
        record = {"device": device, "prompt": args.prompt, "tokens": args.tokens}
        rows = [dataclasses.asdict(cost) for cost in costs]
        args.json.write_text(json.dumps(record | {"costs": rows}, indent=1) + "\n")
    print(f"{device}, medians of {decoding_cost.ROUNDS} rounds; (A100) is the model of the paper")
    decoding_cost.print_table(costs)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python
"""Measures how fast the lab trains and writes on this machine, beside plain loops.

python scripts/benchmark.py                                 all of it: about 15 minutes
python scripts/benchmark.py decoder --peers=python3         beside PyTorch, if python3 has it
python scripts/benchmark.py --device-check                  what to run first on a GPU or TPU
python scripts/benchmark.py --config=configs/one_third/text.py --steps=200
python scripts/benchmark.py --config=configs/parscale/trunk.py --decode --batch=1,8
"""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from jaxlab.command import local_path, run_command

# In the order of `jaxlab.benchmark.sections`, which takes seconds to import.
SECTIONS = ("decoder", "parts", "streams", "shapes", "grid", "members", "recurrent", "checkpoints")


def parse() -> tuple[argparse.Namespace, list[str]]:
    """Reads the command line; what is left are `--config.KEY=VALUE` overrides."""
    parser = argparse.ArgumentParser(
        description="Time the lab's programs beside plain loops written by hand. The contestants "
        "of a table take turns, so their ratios hold on a machine whose speed drifts; the numbers "
        "are medians over rounds. CPU seconds are of the process and all its threads. With "
        "--config, time the groups of that config instead.",
        epilog="With --config any of its values can be set: --config.devices.members_at_once=8",
        allow_abbrev=False,
    )
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=f"what to time: {', '.join(SECTIONS)}"
    )
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (default 5)")
    parser.add_argument(
        "--peers",
        default="",
        metavar="PYTHON",
        help="time PyTorch too, of this Python",
    )
    parser.add_argument(
        "--json", type=local_path, metavar="FILE", help="where to write the numbers too"
    )
    parser.add_argument(
        "--page", action="store_true", help="fill docs/performance.md from results/; time nothing"
    )
    parser.add_argument(
        "--device-check",
        action="store_true",
        help="train every kind of program for a few steps, compare with the numbers of a CPU, and "
        "write device_check.json, or --json: what to run first on a GPU or TPU (minutes)",
    )
    own = parser.add_argument_group("a config, instead of sections")
    own.add_argument("--config", help="FILE.py or FILE.py:SIZE")
    own.add_argument("--steps", type=int, default=200, help="steps to time (default 200)")
    own.add_argument("--groups", type=int, default=1, help="how many to time (default 1)")
    decode = parser.add_argument_group("writing text, instead of training")
    decode.add_argument(
        "--decode", action="store_true", help="time models of experiments/parscale, for every P"
    )
    decode.add_argument("--batch", default="1,8", help="texts at once (default 1,8)")
    decode.add_argument("--prompt", type=int, default=64, help="tokens read (default 64)")
    decode.add_argument("--tokens", type=int, default=64, help="tokens written (default 64)")
    parser.add_argument("--section", choices=SECTIONS, help=argparse.SUPPRESS)  # of a child
    args, rest = parser.parse_known_args()
    unknown = [name for name in args.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no section {unknown[0]!r}: choose from {', '.join(SECTIONS)}")
    if rest and not args.config:
        parser.error(f"unknown argument {rest[0]!r}: values of a config can be set with --config")
    if args.rounds < 1:
        parser.error(f"--rounds={args.rounds}: take at least 1")
    return args, rest


def main() -> int:
    """Prints the measurements; returns the exit status."""
    args, rest = parse()
    if args.section:
        return time_section(args)
    if args.page:
        from jaxlab.benchmark import tables

        root = Path(__file__).parents[1]
        page, names = root / "docs" / "performance.md", ("performance_before", "performance")
        records = [json.loads((root / "results" / f"{n}.json").read_text()) for n in names]
        page.write_text(tables.fill(page.read_text(), *records))
        return 0
    if args.device_check:
        from jaxlab.benchmark import device_check

        return device_check.check(args.json or Path("device_check.json"))
    from jaxlab.config import ConfigError

    try:
        if args.config:
            time_config(args, rest)
        else:
            time_sections(args)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def time_sections(args: argparse.Namespace) -> None:
    """Times each section in a process of its own, so that none holds the memory of another."""
    from jaxlab.benchmark import tables
    from jaxlab.config import check

    if args.peers:
        python = shutil.which(args.peers)
        check(python is not None, f"--peers: there is no Python {args.peers}")
        found = subprocess.run([args.peers, "-c", "import torch"], capture_output=True)
        check(found.returncode == 0, f"--peers: {args.peers} cannot import torch")
    record: dict[str, Any] = {}
    for section in args.sections or SECTIONS:
        print(f"\n{section}: compiling and timing", flush=True)
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            line = [sys.executable, __file__, f"--section={section}", f"--json={file.name}"]
            line += [f"--rounds={args.rounds}", *([f"--peers={args.peers}"] if args.peers else [])]
            child = subprocess.run(line)
            check(child.returncode == 0, f"{section} failed: its own message is above")
            found = json.loads(Path(file.name).read_text())
        record[section] = found
        print(tables.text(found))
        if args.json:  # after each, so that an interruption costs one section
            args.json.write_text(json.dumps(record, indent=1) + "\n")


def time_section(args: argparse.Namespace) -> int:
    """Times a section in this process and writes its rows."""
    from jaxlab.benchmark import machine
    from jaxlab.benchmark.sections import SECTIONS, Options

    before = machine.load_average()
    rows = SECTIONS[args.section](Options(rounds=args.rounds, peer_python=args.peers))
    about = machine.about() | {"load_average_before": before}
    about["peak_memory_bytes"] = machine.peak_memory_bytes()
    about["rounds"] = args.rounds
    for dtype in ("float32", "bfloat16"):
        about[f"peak_{dtype}_flops"] = machine.peak_flops(dtype)
    found = {"machine": about, "rows": [dataclasses.asdict(row) for row in rows]}
    args.json.write_text(json.dumps(found))
    return 0


def time_config(args: argparse.Namespace, rest: list[str]) -> None:
    """Times the groups of a config, or how its models write."""
    from jaxlab.config import check
    from jaxlab.sweeps import plan
    from jaxlab.sweeps.flags import config_overrides

    overrides = {**config_overrides(rest), "train.steps": args.steps}
    groups = plan.load(args.config, overrides).groups
    if args.decode:
        decode([group.config for group in groups], args)
        return
    check(args.groups >= 1, f"--groups={args.groups}: time at least 1")
    first = None
    for group in groups[: args.groups]:
        seconds = time_group(group, args.rounds)
        first = first or seconds
        if seconds is not first:
            print(f"to the first       {seconds / first:.2f} times its CPU-seconds")


def time_group(group: Any, rounds: int) -> float:
    """Times a group: the bare program, and the loop that writes metrics and checkpoints.

    Returns the CPU-seconds of a member's step.
    """
    import jax

    from jaxlab.benchmark.groups import TimedGroup
    from jaxlab.benchmark.timing import interleave
    from jaxlab.training import mesh as meshes
    from jaxlab.training import metrics

    meshes.use_cpu_cores(len(group.members))
    own, steps = TimedGroup(group), group.config.train.steps
    compile_seconds = own.interval(0).wall - own.interval(0).wall
    found = interleave(
        {"steps": lambda: own.steps(steps), "records": own.records, "loop": own.loop}, rounds
    )
    alone, records, loop = (found.median(name) for name in ("steps", "records", "loop"))
    outside = found.ratio("records", "loop")

    done = own.members * steps
    print(f"{jax.device_count()} x {jax.devices()[0].device_kind}, medians of {rounds} rounds")
    print(f"group              {group.name}")
    count = len(metrics.record_steps(group.config)) - 1
    print(f"                   {own.members} members, {steps} steps, {count} records")
    print(f"compile            {compile_seconds:.2f} s")
    print(f"steps alone        {done / alone.cpu:.0f} steps of one member per CPU-second", end="")
    print(f" ({1e3 * alone.cpu / done:.3f} ms), {done / alone.wall:.0f} per second")
    if "tokens_per_example" in own.experiment.info:
        tokens = done * group.config.train.batch_size * own.experiment.info["tokens_per_example"]
        print(f"                   {tokens / alone.cpu:.0f} tokens per CPU-second", end="")
        print(f", {tokens / alone.wall:.0f} per second")
    print(f"with evaluations   {records.cpu:.2f} CPU-seconds, {records.wall:.2f} s")
    print(f"the training loop  {loop.cpu:.2f} CPU-seconds, {loop.wall:.2f} s")
    cpu, wall = 100 * (1 - outside.cpu), 100 * (1 - outside.wall)
    print(f"outside program    {cpu:.1f} % of CPU, {wall:.1f} % of wall time")
    return alone.cpu / done


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
    from experiments.parscale.words import PUBLISHED_K

    works = [decoding_cost.Work(batch, args.prompt, args.tokens) for batch in batches]
    found = decoding_cost.contestants(configs, PUBLISHED_K)
    costs = decoding_cost.measure(found, works, lambda line: print(line, file=sys.stderr))
    device = f"{jax.device_count()} x {jax.devices()[0].device_kind}"
    if args.json:
        record = {"device": device, "prompt": args.prompt, "tokens": args.tokens}
        rows = [dataclasses.asdict(cost) for cost in costs]
        args.json.write_text(json.dumps(record | {"costs": rows}, indent=1) + "\n")
    print(f"{device}, medians of {decoding_cost.ROUNDS} rounds; (A100) is the model of the paper")
    decoding_cost.print_table(costs)


if __name__ == "__main__":
    run_command(main)

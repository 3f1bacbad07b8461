"""A check of the devices here: every kind of program for a few steps, beside a CPU's numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxlab.benchmark import machine
from jaxlab.benchmark.groups import TimedGroup, load
from jaxlab.training import compilation_cache

REFERENCE = Path(__file__).parents[2] / "results" / "device_check.json"
STEPS = 4  # of each of the two calls; the second is timed
MEMBERS = 8


class Kind(NamedTuple):
    """A kind of program.

    Attributes:
        config: FILE.py:SIZE below configs/.
        group: which of its groups, from 0.
        overrides: of the config.
        members: how many, at most.
        tolerance: of the relative difference of a loss.
    """

    config: str
    group: int = 0
    overrides: Mapping[str, Any] = MappingProxyType({})
    members: int = MEMBERS
    tolerance: float = 1e-3


BFLOAT16 = {"train.compute_dtype": "bfloat16"}
KINDS = {
    "softmax, members on all devices": Kind("one_third/headline.py:tiny", 0, {"seeds": MEMBERS}),
    "softmax, devices share a batch": Kind("one_third/headline.py:tiny", members=1),
    "residual tower": Kind("one_third/tower.py:tiny", 1),
    "decoder": Kind("parscale/memory.py:tiny", 0),
    "decoder with two streams": Kind("parscale/memory.py:tiny", 1),
    "the same in bfloat16": Kind("parscale/memory.py:tiny", 1, BFLOAT16, tolerance=3e-2),
    "local circuits": Kind("serial/headline.py:tiny", 1),
    "looped transformer": Kind("serial/loops.py:tiny", 1),
    "recurrent network": Kind("serial/words.py:tiny", 1),
    "state space model": Kind("serial/words.py:tiny", 2),
}


def run() -> dict[str, Any]:
    """Trains all kinds; returns what to send back, JSON-ready."""
    compilation_cache.enable()
    found: dict[str, Any] = {"machine": machine.about(), "kinds": {}}
    for name, kind in KINDS.items():
        print(f"{name}: compiling and training", flush=True)
        found["kinds"][name] = train(kind)
    return found


def train(kind: Kind) -> dict[str, Any]:
    """Trains a kind for a few steps; returns its losses and times."""
    file = REFERENCE.parents[1] / "configs" / kind.config
    group = load(str(file), dict(kind.overrides))[kind.group]
    own = TimedGroup(group._replace(members=group.members[: kind.members]))
    losses: list[float] = []
    seconds = []
    for call in range(2):
        started = time.perf_counter()
        own.state, metrics = own.program.run(
            own.state, own.arguments, call * STEPS, (call + 1) * STEPS
        )
        numbers = jax.device_get(metrics)
        seconds.append(time.perf_counter() - started)
        for key in ("loss", "eval_loss"):
            losses += [float(f"{loss:.7g}") for loss in numbers[key][: own.members]]
    return {
        "members": own.members,
        "losses": losses,
        "compile_seconds": round(seconds[0] - seconds[1], 3),
        "seconds_per_step": round(seconds[1] / STEPS, 6),
    }


def compare(found: dict[str, Any], reference: dict[str, Any]) -> tuple[str, bool]:
    """Returns a table of the kinds, and whether all are as near the reference as they must be."""
    lines, right = [f"{found['machine']['device']}, JAX {found['machine']['jax']}"], True
    for name, own in found["kinds"].items():
        known = reference["kinds"][name]["losses"]
        difference = float(np.max(np.abs(np.divide(own["losses"], known) - 1)))
        near = difference <= KINDS[name].tolerance
        right &= near
        lines.append(
            f"{name:36} compiled in {own['compile_seconds']:6.1f} s, "
            f"{1e3 * own['seconds_per_step']:9.2f} ms a step, differs from the CPU by "
            f"{difference:.1e}{'' if near else f' (DIFFERS: at most {KINDS[name].tolerance:g})'}"
        )
    return "\n".join(lines), right


def check(file: Path) -> int:
    """Runs the check, prints it and writes it; returns the exit status."""
    found = run()
    if not REFERENCE.exists() or file.resolve() == REFERENCE:
        reference = found  # this makes the reference
    else:
        reference = json.loads(REFERENCE.read_text())
    text, right = compare(found, reference)
    found["right"] = right
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{text}\nwritten to {file}: please send it with a report of a problem or a speed")
    return 0 if right else 1

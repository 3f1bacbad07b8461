"""What `scripts/benchmark.py` measures: each section in a process of its own, as rows of a table.

The lab's programs stand beside plain loops written by hand, and beside PyTorch where it is asked
for. All contestants of a table take turns in one process, so that their ratios hold on a machine
whose speed drifts.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxlab import config as configs
from jaxlab.benchmark import checkpoints as inspector
from jaxlab.benchmark import machine, plain_decoder, plain_grid, plain_recurrent
from jaxlab.benchmark.groups import TimedGroup, compile_seconds, load
from jaxlab.benchmark.parts import parts as parts_of_a_step
from jaxlab.benchmark.timing import Peer, Rounds, Run, interleave, timed
from jaxlab.training import mesh as meshes
from jaxlab.training import optimizer

DECODER = "configs/parscale/widths.py:speed"
GRID = "configs/one_third/adam_grid.py:one_seed"
RECURRENT = "configs/serial/words.py:speed"
DTYPES = ("float32", "bfloat16")
PEERS = {"same": "PyTorch, same architecture", "nanogpt": "PyTorch, nanoGPT's model"}


@dataclasses.dataclass(frozen=True)
class Row:
    """The speed of one contestant, and how many times as fast its reference is."""

    name: str
    unit: str  # what is counted: tokens, or steps of one member
    per_second: float  # median over rounds, as all that follows
    per_second_low: float
    per_second_high: float
    per_cpu_second: float
    reference: str = ""
    reference_wall_ratio: float | None = None  # its own seconds over those of the reference
    reference_cpu_ratio: float | None = None
    peak_share: float | None = None  # of matrix products, in the dtype of the contestant
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Options:
    """How long to measure, and against whom."""

    rounds: int
    peer_python: str = ""  # a Python that has PyTorch; "" leaves it out


def rows(
    rounds: Rounds,
    unit: str,
    units: float,
    reference: str,
    peak_shares: dict[str, float] | None = None,
    notes: dict[str, str] | None = None,
) -> list[Row]:
    """Returns a row per contestant, each of which did `units` of work a round.

    peak_shares: FLOPs per unit of work over the peak, by contestant; times units a second, a share.
    """
    found = []
    for name in rounds.seconds:
        median, (least, most) = rounds.median(name), rounds.wall_range(name)
        ratio = rounds.ratio(name, reference) if name != reference else None
        share = (peak_shares or {}).get(name)
        found.append(
            Row(
                name=name,
                unit=unit,
                per_second=units / median.wall,
                per_second_low=units / most,
                per_second_high=units / least,
                per_cpu_second=units / median.cpu,
                reference=reference if ratio else "",
                reference_wall_ratio=ratio.wall if ratio else None,
                reference_cpu_ratio=ratio.cpu if ratio else None,
                peak_share=share * units / median.wall if share else None,
                note=(notes or {}).get(name, ""),
            )
        )
    return found


def decoder(options: Options) -> list[Row]:
    """Training of a decoder in float32 and bfloat16, beside a plain loop and PyTorch."""
    meshes.use_cpu_cores(1)
    steps = 5
    contestants: dict[str, Run] = {}
    flops_over_peak, notes, peers = {}, {}, []
    sizes = None
    for dtype in DTYPES:
        group = _decoders({"train.compute_dtype": dtype})[0]
        cold, cached = compile_seconds(group)
        own = TimedGroup(group)
        sizes = _sizes(group.config, dtype)
        text_N = own.experiment.data["train_tokens"]
        plain = plain_decoder.training(sizes, np.asarray(text_N))
        names = f"jaxlab, {dtype}", f"plain JAX loop, {dtype}"
        contestants[names[0]] = lambda own=own: own.steps(steps)
        contestants[names[1]] = lambda plain=plain: timed(lambda: plain(steps))
        tokens = sizes.batch * sizes.length
        share = own.product_flops() / tokens / machine.peak_flops(dtype)
        flops_over_peak |= dict.fromkeys(names, share)
        notes[names[0]] = f"ready after {cold:.1f} s, from the cache after {cached:.1f} s"
        for model, name in PEERS.items() if options.peer_python else ():
            peer = Peer(options.peer_python, _TORCH, _peer_sizes(sizes, model))
            peers.append(peer)
            contestants[f"{name}, {dtype}"] = lambda peer=peer: peer.take(steps)
            about = f"PyTorch {peer.about['torch']}, eager"
            notes[f"{name}, {dtype}"] = f"{about}, {peer.about['parameters']} parameters"
    assert sizes is not None
    found = interleave(contestants, options.rounds)
    for peer in peers:
        peer.close()
    units = steps * sizes.batch * sizes.length
    by_dtype = [
        rows(
            Rounds({name: s for name, s in found.seconds.items() if name.endswith(dtype)}),
            "tokens",
            units,
            f"jaxlab, {dtype}",
            flops_over_peak,
            notes,
        )
        for dtype in DTYPES
    ]
    float32, bfloat16 = (f"jaxlab, {dtype}" for dtype in DTYPES)
    gain = found.ratio(float32, bfloat16)
    by_dtype[0][0] = dataclasses.replace(
        by_dtype[0][0],
        reference=bfloat16,
        reference_wall_ratio=gain.wall,
        reference_cpu_ratio=gain.cpu,
    )
    return [*by_dtype[0], *by_dtype[1]]


def parts(options: Options) -> list[Row]:
    """The parts of a decoder's step alone, beside the whole step."""
    meshes.use_cpu_cores(1)
    group = _decoders()[0]
    own = TimedGroup(group)
    static, values = configs.split(group.config)
    traced = {key: jax.numpy.asarray(value) for key, value in values.items()}
    params = jax.tree.map(lambda leaf: leaf[0], own.state.params)
    pieces = parts_of_a_step(
        _sizes(group.config, "float32"), params, optimizer.make(static, traced)
    )
    found = interleave({"the whole step": lambda: own.steps(1), **pieces}, 4 * options.rounds)
    return rows(found, "passes", 1, "the whole step")


def streams(options: Options) -> list[Row]:
    """Training and the forward pass of a decoder with P streams, over one stream."""
    meshes.use_cpu_cores(1)
    steps = 3
    training: dict[str, Run] = {}
    forward: dict[str, Run] = {}
    notes, units = {}, 0
    for group in _decoders():
        own = TimedGroup(group)
        name = f"P = {group.config.streams.count}"
        if group.config.streams.lone:
            name += " with a prefix"
        training[name] = lambda own=own: own.steps(steps)
        forward[f"{name}, forward"] = own.forward()
        notes[name] = f"{_parameters(own)} parameters"
        units = group.config.train.batch_size * group.config.task.length
    return [
        *rows(interleave(training, options.rounds), "tokens", steps * units, "P = 1", None, notes),
        *rows(interleave(forward, options.rounds), "tokens", units, "P = 1, forward"),
    ]


def shapes(options: Options) -> list[Row]:
    """Training of decoders of other depths and widths."""
    meshes.use_cpu_cores(1)
    steps, units = 5, 0
    contestants: dict[str, Run] = {}
    shares, notes, peak = {}, {}, machine.peak_flops("float32")
    for layers, width in ((4, 128), (2, 128), (8, 128), (4, 64), (4, 256)):
        group = _decoders({"model.layers": layers, "widths": (width,)})[0]
        own = TimedGroup(group)
        name = f"{layers} layers of {width}"
        units = group.config.train.batch_size * group.config.task.length
        contestants[name] = lambda own=own: own.steps(steps)
        shares[name] = own.product_flops() / units / peak
        notes[name] = f"{_parameters(own)} parameters"
    found = interleave(contestants, options.rounds)
    return rows(found, "tokens", steps * units, next(iter(contestants)), shares, notes)


def grid(options: Options) -> list[Row]:
    """The grid of the one-third law as one program, beside a `vmap` written by hand."""
    meshes.use_cpu_cores(96)
    steps = 50
    group = load(GRID, {"train.steps": 200})[0]
    own = TimedGroup(group)
    temperature_C = own.values_M["task.temperature"].astype(np.float32)
    rate_C = own.values_M["optimizer.learning_rate"].astype(np.float32)
    plain = plain_grid.training(temperature_C, rate_C)
    found = interleave(
        {
            "jaxlab": lambda: own.steps(steps),
            "plain vmap over all cells": lambda: timed(lambda: plain(steps)),
        },
        options.rounds,
    )
    cold, cached = compile_seconds(group)
    notes = {"jaxlab": f"ready after {cold:.1f} s, from the cache after {cached:.1f} s"}
    whole = interleave(
        {
            "jaxlab, 200 steps with evaluations": own.records,
            "jaxlab, 200 steps of the training loop": own.loop,
        },
        options.rounds,
    )
    unit = "steps of one member"
    return [
        *rows(found, unit, own.members * steps, "jaxlab", None, notes),
        *rows(whole, unit, own.members * 200, "jaxlab, 200 steps with evaluations"),
    ]


def members(options: Options) -> list[Row]:
    """The cost of a member in groups of several sizes."""
    meshes.use_cpu_cores(96)
    steps, unit = 50, "steps of one member"
    groups: dict[str, TimedGroup] = {}
    for shape in ((1, 1), (2, 2), (4, 6), (8, 12)):
        own = TimedGroup(load(GRID, {"grid": shape})[0])
        groups[f"members: {own.members}"] = own
    found = interleave(
        {name: lambda own=own: own.steps(steps) for name, own in groups.items()}, options.rounds
    )
    return [
        rows(Rounds({name: found.seconds[name]}), unit, own.members * steps, name)[0]
        for name, own in groups.items()
    ]


def recurrent(options: Options) -> list[Row]:
    """A recurrent network on a serial task, beside a `scan` written by hand."""
    meshes.use_cpu_cores(1)
    steps = 200
    group = load(RECURRENT, {})[0]
    own = TimedGroup(group)
    plain = plain_recurrent.training()
    found = interleave(
        {
            "jaxlab, GRU of 64 units": lambda: own.steps(steps),
            "plain JAX loop": lambda: timed(lambda: plain(steps)),
        },
        options.rounds,
    )
    units = steps * group.config.train.batch_size * group.config.task.length
    return rows(found, "tokens", units, "jaxlab, GRU of 64 units")


def checkpoints(options: Options) -> list[Row]:
    """The inspector on large checkpoints: its time, and in the note its memory."""
    return [
        Row(
            name=name,
            unit="calls",
            per_second=1 / statistics.median(cost.wall_seconds for cost in own),
            per_second_low=1 / max(cost.wall_seconds for cost in own),
            per_second_high=1 / min(cost.wall_seconds for cost in own),
            per_cpu_second=1 / statistics.median(cost.cpu_seconds for cost in own),
            note=inspector.note(own),
        )
        for name, own in inspector.costs(options.rounds).items()
    ]


SECTIONS: dict[str, Callable[[Options], list[Row]]] = {
    section.__name__: section
    for section in (decoder, parts, streams, shapes, grid, members, recurrent, checkpoints)
}
_TORCH = Path(__file__).with_name("torch_decoder.py")


def _decoders(overrides: dict[str, Any] | None = None) -> list[Any]:
    return load(DECODER, overrides or {})


def _sizes(config: Any, dtype: str) -> plain_decoder.Sizes:
    model = config.model
    return plain_decoder.Sizes(
        vocabulary=config.task.vocabulary,
        width=model.width,
        layers=model.layers,
        heads=model.heads,
        hidden=model.hidden,
        length=config.task.length,
        batch=config.train.batch_size,
        dtype=dtype,
    )


def _peer_sizes(sizes: plain_decoder.Sizes, model: str) -> dict[str, Any]:
    return sizes._asdict() | {"model": model, "threads": meshes.cpu_cores()}


def _parameters(own: TimedGroup) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(own.state.params)) // own.members

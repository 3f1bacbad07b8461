"""What else could lower the loss: a prefix, equal streams, more tokens, a wider decoder."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import xarray as xr

from experiments.parscale import drawing
from experiments.parscale.cells import LONE, PLAIN, attempt, compared, ends, gain
from experiments.parscale.expected import BY, PAPER, PUBLISHED_GAINS
from experiments.parscale.studies import PUBLISHED, TEXT
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

# Name of a cell to what it is.
CELLS = {
    "plain": "one stream",
    "prefix": "one stream with a prefix",
    "tied": "four equal streams",
    "mean": "four streams, plain mean",
    "streams": "four streams",
    "tokens": "one stream, tokens of four",
    "wider": "one stream, wider MLP",
}
# Claim to (before, after) of its gain, which is measured pair by pair.
PAIRS = {
    "controls_streams": ("plain", "streams"),
    "controls_prefix": ("plain", "prefix"),
    "controls_tied": ("prefix", "tied"),
    "controls_over_prefix": ("prefix", "streams"),
    "controls_mean": ("plain", "mean"),
    "controls_over_wider": ("wider", "streams"),
    "controls_tokens": ("streams", "tokens"),
}
EXPECTED = {
    "controls_streams": Expected(
        "Four streams have a lower loss than one (gain, per cent of the loss)",
        f"{PAPER}, Fig. 2: mean of its sizes and corpora",
        PUBLISHED_GAINS[4],
        (0.0, inf),
        in_overview=True,
        short="4 streams instead of one, at one width",
    ),
    "controls_prefix": Expected(
        "Control: one stream with a prefix is no better than one without (gain, per cent)",
        BY,
        None,
        (-inf, 0.2),
        control=True,
        in_overview=True,
        group="control",
        short="one stream with a prefix",
    ),
    "controls_tied": Expected(
        "Noise floor: four streams with the same prefix are one with it, so what they differ by is "
        "rounding that training has enlarged (gain, per cent)",
        BY,
        None,
        (-0.2, 0.2),
        control=True,
        in_overview=True,
        group="control",
        short="noise floor: 4 equal streams instead of one",
    ),
    "controls_over_prefix": Expected(
        "Four streams have a lower loss than one that has a prefix too (gain, per cent)",
        BY,
        None,
        (0.0, inf),
        in_overview=True,
        short="4 streams instead of one with a prefix",
    ),
    "controls_mean": Expected(
        "Four streams gain without learned weights too: their plain mean over one stream at the "
        "same rate (per cent)",
        BY,
        None,
        (0.0, inf),
    ),
    "controls_over_wider": Expected(
        "Four streams gain more than their own parameters would in a wider MLP of one stream (per "
        "cent)",
        BY,
        None,
        (0.0, inf),
        in_overview=True,
        short="4 streams instead of as many parameters",
    ),
    "controls_tokens": Expected(
        "Control: the training compute of four streams takes off more as tokens of one stream, at "
        "the same rate (per cent)",
        f"{BY}; a decoder this small has not seen enough",
        None,
        (0.0, inf),
        control=True,
        in_overview=True,
        group="control",
        short="four times the tokens instead of 4 streams",
    ),
}
PINNED = TEXT | PUBLISHED
STEPS = 2500  # of all but `tokens`
RATE = "optimizer.learning_rate"
KEYS = ("train.steps", "model.hidden", "streams.count", "streams.lone")
KEYS += ("streams.tied", "streams.aggregation", RATE)


def cells(study: Study) -> dict[str, dict[float, xr.Dataset]]:
    """Returns the cells of CELLS that the study has, by learning rate."""
    data = ends(study, *KEYS)
    steps, hidden = levels(data, "train.steps"), levels(data, "model.hidden")
    same = {"train.steps": steps[0], "model.hidden": hidden[0]}
    four = same | {"streams.count": 4, "streams.tied": False}
    wanted = {
        "plain": PLAIN | same,
        "prefix": LONE | same,
        "tied": same | {"streams.count": 4, "streams.tied": True},
        "mean": four | {"streams.aggregation": "mean"},
        "streams": four | {"streams.aggregation": "learned"},
        "tokens": PLAIN | same | {"train.steps": 4 * steps[0]},
        "wider": PLAIN | same | {"model.hidden": hidden[-1]} if len(hidden) > 1 else None,
    }
    found = {name: pick(data, values) for name, values in wanted.items() if values is not None}
    return {
        name: {rate: cell(own, {RATE: rate}) for rate in levels(own, RATE)}
        for name, own in found.items()
        if own.sizes["member"]
    }


def pair(own: Mapping[str, Mapping[float, xr.Dataset]], claim: str) -> list[xr.Dataset]:
    """Returns the two cells of a claim, each at the rate with its lowest mean loss over the seeds.

    Where one of them has a single rate, the other has it too: then nothing is chosen for either.
    """
    by_rate = [own[name] for name in PAIRS[claim]]
    shared = set.intersection(*(set(rates) for rates in by_rate))
    if min(len(rates) for rates in by_rate) > 1:
        return [rates[best(rates)] for rates in by_rate]
    if not shared:
        raise ValueError("the two cells have no learning rate in common")
    return [rates[min(shared)] for rates in by_rate]


def best(rates: Mapping[float, xr.Dataset]) -> float:
    """Returns the rate with the lowest mean loss over the seeds."""
    return min(rates, key=lambda rate: float(rates[rate]["eval_loss"].mean()))


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns every gain, paired by seed."""
    own, found = cells(study), {}
    if (steps := levels(ends(study, "train.steps"), "train.steps")[0]) != STEPS:
        raise ValueError(f"train.steps is {steps}, the claim is of {STEPS}")
    for claim, names in PAIRS.items():
        if missing := [CELLS[name] for name in names if name not in own]:
            found[claim] = Unmeasured(f"the study has no cell of {' and of '.join(missing)}")
            continue
        found[claim] = attempt(lambda claim=claim: _gain(*pair(own, claim)))
    return found


def _gain(before: xr.Dataset, after: xr.Dataset) -> Measured:
    nats = float((before["eval_loss"].values - after["eval_loss"].values).mean())
    rates = [f"{float(data[RATE][0]):g}" for data in (after, before)]
    detail = f"{nats:.4f} nats per token; rates {rates[0]} and {rates[1]}"
    return Measured(student_interval(gain(before, after)), detail)


def figures(study: Study) -> list[Figure]:
    """Returns the gain of every pair that the study has."""
    own, found = cells(study), {}
    for claim, (before, after) in PAIRS.items():
        if before in own and after in own:
            cells_2 = pair(own, claim)
            rates = ", ".join(f"{float(data[RATE][0]):g}" for data in reversed(cells_2))
            name = f"{CELLS[after]}\nover {CELLS[before]} (rates {rates})"
            found[name] = student_interval(gain(*cells_2))
    caption = (
        f"What the first cell's loss is below that of the second, at width "
        f"{study.config.model.width}, paired by seed, with 95 % intervals. Each has the learning "
        "rate with its lowest mean loss, chosen on these same seeds, unless one of them ran at a "
        "single rate, which the other then has too; the table has all. Equal streams compute four "
        "times the same; the tokens of four streams cost the same training."
    )
    return [drawing.rows("controls", "Streams and what else could do it", caption, found)]


def tables(study: Study) -> list[Table]:
    """Returns every cell at every rate."""
    own = cells(study)
    named = {
        f"{CELLS[name]}, rate {rate:g}": data
        for name, rates in own.items()
        for rate, data in rates.items()
    }
    plain = own["plain"]
    caption = f"controls: final losses; reference: one stream at its best rate, {best(plain):g}"
    return [compared(named, plain[best(plain)], caption)]

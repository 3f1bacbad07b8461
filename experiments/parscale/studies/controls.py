"""What else could lower the loss: a prefix, equal streams, more tokens, a wider decoder."""

from __future__ import annotations

from math import inf

import xarray as xr

from experiments.parscale import drawing
from experiments.parscale.cells import LONE, PLAIN, compared, ends, gain
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
        (-0.2, 0.2),
        control=True,
        in_overview=True,
        group="control",
        short="one stream with a prefix",
    ),
    "controls_tied": Expected(
        "Control: four streams with the same prefix are one stream with it, at four times the "
        "compute (gain, per cent)",
        BY,
        None,
        (-0.2, 0.2),
        control=True,
        in_overview=True,
        group="control",
        short="4 equal streams instead of one with a prefix",
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
        "Four streams gain without learned weights too: their plain mean over one stream (per "
        "cent)",
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
        "Control: the training compute of four streams takes off more as tokens of one stream (per "
        "cent)",
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
KEYS = ("train.steps", "model.hidden", "streams.count", "streams.lone")
KEYS += ("streams.tied", "streams.aggregation")


def cells(study: Study) -> dict[str, xr.Dataset]:
    """Returns the cells of CELLS that the study has."""
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
    return {
        name: cell(data, values)
        for name, values in wanted.items()
        if values is not None and pick(data, values).sizes["member"]
    }


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns every gain, paired by seed."""
    own, found = cells(study), {}
    for claim, pair in PAIRS.items():
        if missing := [CELLS[name] for name in pair if name not in own]:
            found[claim] = Unmeasured(f"the study has no cell of {' and of '.join(missing)}")
            continue
        before, after = (own[name] for name in pair)
        nats = float((before["eval_loss"].values - after["eval_loss"].values).mean())
        found[claim] = Measured(student_interval(gain(before, after)), f"{nats:.4f} nats per token")
    return found


def figures(study: Study) -> list[Figure]:
    """Returns every cell's gain over one stream."""
    own = cells(study)
    plain = own.pop("plain")
    found = {CELLS[name]: student_interval(gain(plain, after)) for name, after in own.items()}
    caption = (
        f"What each cell's loss is below that of one stream, at width {study.config.model.width}, "
        f"paired over {plain.sizes['member']} seeds, with 95 % intervals. Equal streams compute "
        "four times the same; the tokens of four streams cost the same training."
    )
    return [drawing.rows("controls", "Streams and what else could do it", caption, found)]


def tables(study: Study) -> list[Table]:
    """Returns every cell."""
    own = cells(study)
    named = {CELLS[name]: data for name, data in own.items()}
    return [compared(named, own["plain"], "controls: final losses; reference: one stream")]

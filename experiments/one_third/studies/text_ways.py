"""Do the ways out help on real text?"""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

BY = "docs/ways_out.md; measured by this lab"
EXPECTED = {
    "text_average": Expected(
        "Text: averaged weights of Adam lower the validation loss (gain in nats, best rates)",
        BY,
        None,
        (0.0, inf),
    ),
    "text_growing_rate": Expected(
        "Text: a rate ~ t^1/3 with averaged weights gains over a constant one with them (nats)",
        BY,
        None,
        (0.0, inf),
    ),
    "text_growing_scale": Expected(
        "Text has entropy: weights ~ t^0.1 gain less than 0.02 nats over constant ones",
        BY,
        None,
        (-inf, 0.02),
    ),
}
CLOCK = "step"
FITS_CONFIG_WINDOW = False

PINNED = {
    "task.name": "text",
    "task.dataset": "python_source",
    "optimizer.name": "adam",
    "schedule.name": "power",
    "train.steps": 4_000,
    "train.batch_size": 512,
    "schedule.offset": 100.0,
    "rates": 3,
}

WAYS = {  # powers of the rate and of the weights
    "constant": (0.0, 0.0),
    "rate ~ t^1/3": (1 / 3, 0.0),
    "rate ~ t^-1/2": (-0.5, 0.0),
    "weights ~ t^0.1": (0.0, 0.1),
}


def way(study: Study, name: str, weights: str) -> envelopes.Envelope:
    """Returns the envelope of a way over its rates: validation loss, nats per byte."""
    keys = ("schedule.power", "schedule.weight_growth")
    same = [
        np.isclose(study.data[key].values, value)
        for key, value in zip(keys, WAYS[name], strict=True)
    ]
    return envelopes.envelope(study.data.isel(member=np.logical_and(*same)), weights + "loss")


def measure(study: Study) -> dict[str, Measured]:
    """Returns gains in nats at the end, each side at its best rate, paired by seed."""
    pairs = {
        "text_average": (("constant", LAST), ("constant", AVERAGE)),
        "text_growing_rate": (("constant", AVERAGE), ("rate ~ t^1/3", AVERAGE)),
        "text_growing_scale": (("constant", LAST), ("weights ~ t^0.1", LAST)),
    }
    found = {}
    for claim, (before, after) in pairs.items():
        ends = [way(study, *side).ends for side in (before, after)]
        detail = f"{ends[0].mean():.4f} before, {ends[1].mean():.4f} nats per byte after"
        places = [way(study, *side) for side in (before, after)]
        if any(place.best_R[-1] in (0, len(place.settings) - 1) for place in places):
            detail += "; a best rate ends its ladder of three"
        found[claim] = Measured(student_interval(ends[0] - ends[1]), detail)
    return found


def figures(study: Study) -> list[Figure]:
    """Returns the envelopes of the ways."""
    figure, axes = panels(1, 2)
    for ax, weights, title in zip(axes, (LAST, AVERAGE), ("last", "averaged"), strict=True):
        found = [way(study, name, weights) for name in WAYS]
        means = np.stack([envelope.value_SxR.mean(axis=0) for envelope in found])
        plots.loglog_curves(ax, found[0].step_R, means, labels=list(WAYS))
        ax.set(xlabel="steps", ylabel="nats per byte", title=f"{title} weights")
        ax.set_xlim(left=100)
        ax.set_ylim(1.4, 3.5)
    caption = (
        "Next byte of the Python standard library, Adam: the lowest validation loss over each "
        f"way's rates at every step, mean of {len(found[0].value_SxR)} seeds."
    )
    return [Figure("text_ways", "The ways out on real text", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every way with both kinds of weights."""
    rows = []
    for name in WAYS:
        for weights, label in ((LAST, "last"), (AVERAGE, "average")):
            envelope = way(study, name, weights)
            end, best = student_interval(envelope.ends), envelope.best_R[-1]
            rows.append(
                [
                    *(name, label, end.value, end.low, end.high, envelope.settings[best][0]),
                    *(f"{best + 1} of {len(envelope.settings)}", envelope.diverged),
                ]
            )
    header = ["way", "weights", "nats per byte", "low", "high", "best first rate"]
    header += ["in its ladder", "diverged"]
    return [Table("text_ways: validation loss at the end, at equal cost", header, rows)]

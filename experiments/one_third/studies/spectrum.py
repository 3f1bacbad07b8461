"""Teachers with power laws in their singular values: a softmax takes no notice of them."""

from __future__ import annotations

from functools import cache

import numpy as np

from experiments.one_third import measures
from experiments.one_third.cells import cells, difference, exponent, farthest, seed_mean
from experiments.one_third.drawing import TAU
from experiments.one_third.expected import PAPER, THIRD
from experiments.one_third.studies import ADAM, TEACHER
from jaxlab.analysis.interval import ExponentInterval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
from jaxlab.report.figures import Figure, panels
from jaxlab.report.page import Table

EXPECTED = {
    "spectrum_exponent": Expected(
        "The headline's cell with singular values i^-a of the teacher: the loss falls as τ^-1/3 "
        "for every a from 0 to 1 (the one farthest from it)",
        f"{PAPER}, App. D.6",
        THIRD,
        (THIRD - 0.03, THIRD + 0.03),
        in_overview=True,
        short="Adam, teachers with a spectrum",
    ),
    "spectrum_difference": Expected(
        "The same runs: the exponent at a = 1 minus that at a = 0, of the same seeds",
        f"{PAPER}, App. D.6; measure by this lab",
        0.0,
        (-0.03, 0.03),
    ),
}

PINNED = (
    TEACHER
    | ADAM
    | {"task.labels": "soft", "task.temperature": 1e-3, "task.weights": "spectral"}
    | {"model.init_scale": 0.0, "window": (4.0, 162.0)}
    | {"optimizer.learning_rate": measures.HEADLINE_RATE, "train.steps": 2000}
)


def measure(study: Study) -> dict[str, Measured]:
    """Returns the exponent farthest from 1/3, and how far the ends of the scan lie apart."""
    exponents = _exponents(study)
    flattest, steepest = min(exponents), max(exponents)
    values = [found.value for found in exponents.values()]
    return {
        "spectrum_exponent": Measured(
            farthest(exponents.values(), THIRD),
            f"{len(values)} spectra, from {min(values):.3f} to {max(values):.3f}; the interval "
            "covers the seeds and windows of all; `cause_spectrum_exponent` checks why",
        ),
        "spectrum_difference": Measured(
            difference(exponents[steepest], exponents[flattest]), "over seeds and windows"
        ),
    }


@cache
def _exponents(study: Study) -> dict[float, ExponentInterval]:
    found = cells(study.data, "task.spectrum")
    return {decay: exponent(data, study.config.window) for (decay,), data in found}


def figures(study: Study) -> list[Figure]:
    """Returns the loss for every spectrum, and the exponent against its decay."""
    found = cells(study.data, "task.spectrum")
    decays = [decay for (decay,), _ in found]
    figure, (left, right) = panels(1, 2)
    plots.loglog_curves(
        left,
        measures.curves(study.data).tau_SxR[0],
        np.stack([seed_mean(data, measures.LOSS) for _, data in found]),
        values=decays,
        value_label="a, of singular values i^-a",
        log_values=False,
    )
    left.set(xlabel=TAU, ylabel="KL on fresh batches, nats")
    exponents = [_exponents(study)[decay] for decay in decays]
    plots.interval_plot(
        right,
        decays,
        *zip(*((e.value, e.low, e.high) for e in exponents), strict=True),
        expected=EXPECTED["spectrum_exponent"].range,
        label="exponent",
    )
    right.axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    right.set(xlabel="a, of the teacher's singular values i^-a", ylabel="exponent")
    right.legend(loc="lower right")
    low, high = study.config.window
    caption = (
        f"Adam at rate {study.config.optimizer.learning_rate:.4f}, temperature "
        f"{study.config.task.temperature:g}, means of {exponents[0].seeds} seeds. Right: the "
        f"exponent for τ in [{low:g}, {high:g}], with the interval over seeds and windows."
    )
    return [Figure("spectrum", "Teachers whose singular values are a power law", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns the exponent of every spectrum."""
    rows = [
        [decay, e.value, e.low, e.high, e.seed_low, e.seed_high]
        for decay, e in _exponents(study).items()
    ]
    header = ["a", "exponent", "low", "high", "seeds low", "seeds high"]
    return [Table("spectrum: the exponent for singular values i^-a", header, rows)]

"""Does a power law in the teacher's singular values change the exponent 1/3? (App. D.6)

Prediction: no. With singular values i^-a of the teacher the exponent stays 1/3 for every a from 0
to 1 (arXiv 2602.03685, App. D.6: no table published). The headline's cell otherwise: Adam at rate
0.0811, temperature 1e-3, 2000 steps. The control without softmax: configs/one_third/regression.py.
Time: 16 spectra x 5 seeds x 2000 steps, 2 minutes on two CPU cores. The paper ran one seed.

python scripts/sweep.py --config=configs/one_third/spectrum.py --workdir=runs/spectrum
"""

from functools import cache

import numpy as np

from experiments.one_third import measures, teacher
from experiments.one_third.cells import cells, difference, exponent, worst
from experiments.one_third.words import PAPER, THIRD
from jaxlab.analysis.estimate import SEEDS_AND_WINDOWS, Estimate, of_interval
from jaxlab.analysis.interval import ExponentInterval
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, panels

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "spectra": 2, "train.steps": 20, "train.batch_size": 32},
}
WINDOW = (4.0, 162.0)  # τ
EXPECTED = (THIRD - 0.03, THIRD + 0.03)


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.weights = "spectral"
    config.optimizer.learning_rate = measures.HEADLINE_RATE
    config.train.steps = 2000
    config.records.every_steps = 20
    config.spectra = 16
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds spectra from flat to 1/i, each with all seeds."""
    for decay in np.linspace(0, 1, config.spectra):
        for seed in range(config.seeds):
            add(**{"task.spectrum": float(decay), "seed": config.first_seed + seed})


@cache
def exponents(study: Study) -> dict[float, ExponentInterval]:
    """Returns the exponent of the loss for every a, in ascending order."""
    return {decay: exponent(data, WINDOW) for (decay,), data in cells(study.data, "task.spectrum")}


def farthest_exponent(study: Study) -> Estimate:
    """Measures the exponent farthest from 1/3 over a."""
    found = exponents(study)
    values = [part.value for part in found.values()]
    detail = (
        f"{len(values)} spectra, from {min(values):.3f} to {max(values):.3f}; "
        "`cause_spectrum_exponent` checks why"
    )
    return worst(found.values(), THIRD, covers=f"{SEEDS_AND_WINDOWS}, at every a", detail=detail)


def difference_of_ends(study: Study) -> Estimate:
    """Measures the exponent at the largest a minus that at the smallest, paired by seed."""
    found = exponents(study)
    ends = difference(found[max(found)], found[min(found)])
    return of_interval(ends, covers=SEEDS_AND_WINDOWS)


def figure_of_spectra(study: Study) -> Figure:
    """Returns the exponent against the decay of the singular values."""
    figure, (ax,) = panels()
    ends = zip(*((e.value, e.low, e.high) for e in exponents(study).values()), strict=True)
    plots.interval_plot(ax, list(exponents(study)), *ends, expected=EXPECTED, label="exponent")
    ax.axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    ax.set(xlabel="a, of the teacher's singular values i^-a", ylabel="exponent of the loss")
    plots.legend(ax)
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"Adam at rate {study.config.optimizer.learning_rate:.4f}, temperature "
        f"{study.config.task.temperature:g}, means of {seeds} seeds: the "
        f"exponent for τ in [{WINDOW[0]:g}, {WINDOW[1]:g}], with the interval over seeds and fit "
        "windows."
    )
    return Figure("spectrum", "Teachers whose singular values are a power law", caption, figure)


CLAIMS = (
    Claim(
        "spectrum_exponent",
        "The headline's cell with singular values i^-a of the teacher: over τ in [4, 162] the loss "
        "falls as τ^-1/3 for every a from 0 to 1 (exponent farthest from 1/3)",
        expected=EXPECTED,
        published=THIRD,
        measure=farthest_exponent,
        source=f"{PAPER}, App. D.6",
        free=("spectra",),
        heading="The law",
        label="Adam, teachers with a spectrum",
    ),
    Claim(
        "spectrum_difference",
        "The headline's cell with singular values i^-a of the teacher: the exponent over τ in [4, "
        "162] at a = 1 minus that at a = 0, of the same seeds",
        expected=(-0.03, 0.03),
        published=0.0,
        measure=difference_of_ends,
        source=f"{PAPER}, App. D.6; measure by this lab",
        free=("spectra",),
    ),
)
FIGURES = (figure_of_spectra,)

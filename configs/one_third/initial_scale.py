"""Do students with large, misaligned initial weights come back to the law? (Fig. 5a, b)

Prediction: a student that starts as another teacher, at any scale up to that of the target,
realigns and falls as τ^(-1/3) again (arXiv 2602.03685, Fig. 5a, b: no numbers published).
Adam at temperature 6e-3 (β* = 96); the initial weights are an independent draw times
linspace(0, 1, 5) / temperature. Each scale is judged at its best learning rate of three.
Time: 5 scales x 3 rates x 3 seeds x 10 000 steps, 4 minutes on two CPU cores. Size `large` is as
published, for an accelerator: 8 scales x 12 rates x 100 000 steps.

python scripts/sweep.py --config=configs/one_third/initial_scale.py --workdir=runs/initial_scale
"""

from functools import cache
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.one_third import cells, measures, teacher
from experiments.one_third.words import PAPER, TAU, THIRD
from jaxlab.analysis.cells import lowest
from jaxlab.analysis.estimate import SEEDS_AND_WINDOWS, Estimate, NotMeasurable, of_interval
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim
from jaxlab.report.figures import Figure, panels

if TYPE_CHECKING:
    import xarray as xr

SIZES = {
    "default": {},
    "large": {"scales": 8, "log10_rates": (-3.0, 0.0, 12), "eval.batches": 10}
    | {"train.steps": 100_000, "records.every_steps": 10_000},
    "tiny": {"seeds": 2, "scales": 2, "train.steps": 20, "train.batch_size": 32},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = teacher.config()
    config.task.temperature = 6e-3
    config.train.steps = 10_000
    config.records.every_steps = 1_000
    config.records.per_decade = 20
    config.eval.channels = True
    config.scales = 5  # from 0 to the scale of the target
    config.log10_rates = (-24 / 11, -12 / 11, 3)  # first, last, how many
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds initial scales by learning rates, each with all seeds."""
    for scale in np.linspace(0, 1, config.scales) / config.task.temperature:
        for learning_rate in np.logspace(*config.log10_rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "model.init_scale": float(scale),
                        "optimizer.learning_rate": float(learning_rate),
                        "seed": config.first_seed + seed,
                    }
                )


COVERS = f"{SEEDS_AND_WINDOWS}, at every scale"


class Start(NamedTuple):
    """The members of one initial scale at its best rate, and those of a student of zeros there."""

    scale: float
    rate: float
    data: "xr.Dataset"
    zeros: "xr.Dataset"


@cache
def best_starts(study: Study) -> list[Start]:
    """Returns a start per scale, zeros first, at the rate with the lowest mean loss at the end."""
    found = dict(cells.cells(study.data, "model.init_scale", "optimizer.learning_rate"))
    scales, rates = (sorted(set(values)) for values in zip(*found, strict=True))
    if scales[0] or len(scales) < 2:
        raise NotMeasurable("the study needs a start of zeros, and others")
    starts = []
    for scale in scales:
        ends = [cells.seed_mean(found[scale, rate], measures.LOSS)[-1] for rate in rates]
        if not np.isfinite(ends).any():
            raise NotMeasurable(f"every rate diverged from initial scale {scale:.4g}")
        rate = rates[int(np.nanargmin(ends))]
        starts.append(Start(scale, rate, found[scale, rate], found[0.0, rate]))
    return starts


def alignment(study: Study) -> Estimate:
    """Measures the cosine with the teacher at the end, the lowest of the misaligned starts."""
    _, *starts = best_starts(study)
    ends = [measures.curves(start.data, "eval_alignment").value_SxR[:, -1] for start in starts]
    rates = ", ".join(f"{start.rate:.3g}" for start in starts)
    found = lowest(student_interval(end_S) for end_S in ends)
    return of_interval(
        found, covers="95 % over seeds, at every scale", detail=f"best rates {rates}"
    )


def exponent(study: Study) -> Estimate:
    """Measures the exponent in the last decade of τ, that farthest from 1/3 of all starts."""
    zeros, *starts = best_starts(study)
    found = [cells.last_decade(start.data) for start in starts]
    values = [part.value for part in found]
    detail = (
        f"{min(values):.3f} to {max(values):.3f} over {len(values)} scales; a student of zeros has "
        f"{cells.last_decade(zeros.data).value:.3f}; `cause_start_exponent` checks why"
    )
    return cells.worst(found, THIRD, covers=COVERS, detail=detail)


def difference_from_zeros(study: Study) -> Estimate:
    """Measures that exponent minus that of zeros at the same rate, the farthest from 0."""
    _, *starts = best_starts(study)
    found = [
        cells.difference(cells.last_decade(start.data), cells.last_decade(start.zeros))
        for start in starts
    ]
    ratios = [
        np.divide(*(cells.seed_mean(data, measures.LOSS)[-1] for data in (start.data, start.zeros)))
        for start in starts
    ]
    detail = "end loss over that of zeros at the same rate, by scale: "
    detail += ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return cells.worst(found, 0.0, covers=COVERS, detail=detail)


def figure_of_starts(study: Study) -> Figure:
    """Returns loss, alignment and scale of every start at its best rate, and the exponents."""
    starts, temperature = best_starts(study), study.config.task.temperature
    shares = [start.scale * temperature for start in starts]
    figure, axes = panels(2, 2)
    for ax, name, label in (
        (axes[0], measures.LOSS, "KL on fresh batches, nats"),
        (axes[1], "eval_alignment", "alignment: cosine with the teacher"),
        (axes[2], measures.SCALE, "logit scale β"),
    ):
        plots.loglog_curves(
            ax,
            np.stack([measures.curves(start.data).tau_SxR[0] for start in starts]),
            np.stack([cells.seed_mean(start.data, name) for start in starts]),
            values=shares,
            value_label="initial scale over the target's",
            log_values=False,
        )
        ax.set(xlabel=TAU, ylabel=label)
    axes[1].set(yscale="linear")
    target = float(measures.beta_star(temperature))
    axes[2].axhline(target, color="grey", ls=":", lw=1, label="β* of the teacher")
    plots.legend(axes[2])
    for label, name, aside in (("this start", "data", -0.01), ("zeros, same rate", "zeros", 0.01)):
        found = [cells.last_decade(getattr(start, name)) for start in starts]
        ends = zip(*((e.value, e.low, e.high) for e in found), strict=True)
        plots.interval_plot(axes[3], np.add(shares, aside), *ends, label=label)
    axes[3].axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
    axes[3].set(xlabel="initial scale over the target's", ylabel="exponent, last decade of τ")
    plots.legend(axes[3])
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"Adam at temperature {temperature:g}, students that start as another teacher, each scale "
        f"at its best rate, means of {seeds} seeds. Exponents are those of the last "
        "decade of τ, with intervals over seeds and fit windows; a start that realigned late has "
        "its fall in that decade."
    )
    return Figure("initial_scale", "Large and misaligned starts", caption, figure)


FREE = ("train.steps", "scales", "log10_rates")  # any number of them answers the claims
CLAIMS = (
    Claim(
        "start_alignment",
        "Adam from another teacher's weights, at scales up to the target's, each at its best rate: "
        "the student realigns. Lowest cosine with its own teacher at the end, over scales",
        expected=(0.95, inf),
        measure=alignment,
        source=f"{PAPER}, Fig. 5a, b",
        free=FREE,
    ),
    Claim(
        "start_exponent",
        "Adam from another teacher's weights: in the last decade of τ the loss falls as τ^-1/3, "
        "from every initial scale (exponent farthest from 1/3)",
        expected=(THIRD - 0.05, THIRD + 0.05),
        published=THIRD,
        measure=exponent,
        source=f"{PAPER}, Fig. 5a, b; window by this lab",
        free=FREE,
        heading="The law",
        label="Adam, misaligned starts",
    ),
    Claim(
        "start_as_zero",
        "Adam from another teacher's weights: the exponent in the last decade of τ equals the one "
        "of a student of zeros at the same rate (largest difference over scales)",
        expected=(-0.05, 0.05),
        published=0.0,
        measure=difference_from_zeros,
        source=f"{PAPER}, Fig. 5a, b; comparison by this lab",
        free=FREE,
    ),
)
FIGURES = (figure_of_starts,)

"""Is τ, the sum of the learning rates, the clock under warm-up and cosine decay too? (App. D.4)

Prediction: at equal τ a schedule changes nothing: losses under a 1 % warm-up and a cosine to 10 %
are those of a constant rate (arXiv 2602.03685, App. D.4: no numbers published). At equal steps
they differ: the control. Adam at temperature 6e-3 (β* = 96), and SGD, where the theory speaks.
Time: 2 optimizers x 2 schedules x 3 rates x 3 seeds x 5 000 steps, 3 minutes on two CPU cores.
Size `large` is as published, for an accelerator: 12 rates x 100 000 steps.

python scripts/sweep.py --config=configs/one_third/schedules.py --workdir=runs/schedules
"""

from collections.abc import Callable
from math import inf

import numpy as np

from experiments.one_third import measures, teacher
from experiments.one_third.cells import farthest, worst
from experiments.one_third.schedule_pairs import PARTS, Pair, pairs, times
from experiments.one_third.words import OPTIMIZERS, PAPER
from jaxlab.analysis.cells import select
from jaxlab.analysis.estimate import SEEDS, Estimate, of_interval
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

SIZES = {
    "default": {},
    "large": {"log10_rates": (-3.0, 0.0, 12), "eval.batches": 10}
    | {"train.steps": 100_000, "records.every_steps": 10_000},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32},
}
FACTORS = {"adam": 1.0, "sgd": 10.0}  # on the rates


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = teacher.config()
    config.task.temperature = 6e-3
    config.schedule.warmup = 0.01
    config.schedule.final = 0.1
    config.train.steps = 5_000
    config.records.every_steps = 500
    config.records.per_decade = 20
    config.log10_rates = (-24 / 11, -12 / 11, 3)  # of Adam: first, last, how many
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds both optimizers with both schedules, each at all rates with all seeds."""
    for name, factor in FACTORS.items():
        for schedule in ("constant", "cosine"):
            for learning_rate in factor * np.logspace(*config.log10_rates):
                for seed in range(config.seeds):
                    add(
                        **{
                            "optimizer.name": name,
                            "schedule.name": schedule,
                            "optimizer.learning_rate": float(learning_rate),
                            "seed": config.first_seed + seed,
                        }
                    )


def pairs_of(study: Study, optimizer: str) -> list[Pair]:
    """Returns the pairs of schedules of an optimizer, by rate."""
    return pairs(select(study.data, {"optimizer.name": optimizer}))


def ratio_at_equal_tau(optimizer: str, remark: str = "") -> Callable[[Study], Estimate]:
    """Measures the loss with the cosine over that without, where it is farthest from 1."""

    def measure(study: Study) -> Estimate:
        found = {pair.rate: pair.ratios("tau") for pair in pairs_of(study, optimizer)}
        rates = [f"{farthest(own, 1).value:.3f} at {rate:.3g}" for rate, own in found.items()]
        detail = f"means in {PARTS} parts of the last 1.6 decades of τ; farthest from 1 by rate: "
        parts = [part for own in found.values() for part in own]
        covers = f"{SEEDS}, in every part of τ and at every rate"
        return worst(parts, 1.0, covers=covers, detail=detail + ", ".join(rates) + remark)

    return measure


def ratio_at_equal_steps(study: Study) -> Estimate:
    """Measures the largest such ratio at equal steps, of the optimizer where it is smaller."""
    largest = {}
    for name in OPTIMIZERS:
        parts = [part for pair in pairs_of(study, name) for part in pair.ratios("step")]
        largest[name] = max(parts, key=lambda part: part.value)
    detail = ", ".join(f"{OPTIMIZERS[name]}: {part.value:.3f}" for name, part in largest.items())
    return of_interval(min(largest.values(), key=lambda part: part.value), detail=detail)


EXPECTED = (0.9, 1.1)  # the ratio at equal τ


def figure_of_clocks(study: Study) -> Figure:
    """Returns the ratio of the losses under both schedules on both clocks, by optimizer."""
    figure, axes = panels(1, 2)
    for ax, (name, title) in zip(axes, OPTIMIZERS.items(), strict=True):
        for number, pair in enumerate(pairs_of(study, name)):
            colour = CATEGORY_COLOURS[number % len(CATEGORY_COLOURS)]
            for clock, line, label in (
                ("tau", "-", f"rate {pair.rate:.3g}, at equal τ"),
                ("step", ":", "" if number else "the same, at equal steps"),
            ):
                log_ratio_SxR, clock_R = pair.log_ratio(clock)
                share_R = clock_R / clock_R[-1]
                late_R = share_R >= measures.GRID_START
                ratio_R = np.exp(log_ratio_SxR.mean(axis=0))[late_R]
                ax.plot(share_R[late_R], ratio_R, ls=line, color=colour, label=label)
        ax.axhspan(*EXPECTED, color="grey", alpha=0.12, lw=0, label="expected at equal τ")
        ax.set(xscale="log", xlabel="clock over its end", ylabel="loss, cosine over constant rate")
        ax.set_title(title)
        plots.legend(ax)
    seeds = len(np.unique(study.data["seed"]))
    caption = (
        f"Temperature {study.config.task.temperature:g}, {study.config.train.steps} steps, means "
        f"of {seeds} seeds: the loss with 1 % warm-up and a cosine to 10 % over that with a "
        "constant rate, at equal τ, and at equal steps (the control)."
    )
    return Figure("schedules", "Schedules: τ as the clock", caption, figure)


def ratio_table(study: Study) -> Table:
    """Returns the ratio farthest from 1 at every rate, on both clocks."""
    rows = []
    for name, title in OPTIMIZERS.items():
        for pair in pairs_of(study, name):
            ends = [float(times(data, "tau")[-1]) for data in (pair.constant, pair.cosine)]
            found = [farthest(pair.ratios(clock), 1.0) for clock in ("tau", "step")]
            ratios = [end for part in found for end in (part.value, part.low, part.high)]
            rows.append([title, pair.rate, *ends, *ratios])
    header = ["optimizer", "rate", "last τ, constant", "last τ, cosine"]
    header += [
        f"{name} at equal {clock}" for clock in ("τ", "steps") for name in ("ratio", "low", "high")
    ]
    return Table("schedules: the ratio farthest from 1, cosine over constant", header, rows)


FREE = ("train.steps", "log10_rates")  # the claims hold for any
CLAIMS = (
    Claim(
        "schedule_sgd",
        "SGD: under warm-up and cosine the loss at equal τ is that of a constant rate (ratio, the "
        "farthest from 1 over τ and rates)",
        expected=EXPECTED,
        published=1.0,
        measure=ratio_at_equal_tau("sgd"),
        source=f"{PAPER}, App. D.4; SGD and measure by this lab",
        free=FREE,
    ),
    Claim(
        "schedule_adam",
        "Adam: under warm-up and cosine the loss at equal τ is that of a constant rate (ratio, the "
        "farthest from 1 over τ and rates)",
        expected=EXPECTED,
        published=1.0,
        measure=ratio_at_equal_tau("adam", "; `cause_schedule_average` checks why"),
        source=f"{PAPER}, App. D.4; measure by this lab",
        free=FREE,
    ),
    Claim(
        "schedule_steps",
        "Control: at equal steps the losses under the two schedules differ (largest ratio over "
        "steps and rates, of SGD or of Adam, whichever is smaller)",
        expected=(1.1, inf),
        measure=ratio_at_equal_steps,
        source=f"{PAPER}, App. D.4; control by this lab",
        kind=Kind.CONTROL,
        free=FREE,
    ),
)
FIGURES = (figure_of_clocks,)
TABLES = (ratio_table,)

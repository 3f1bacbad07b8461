"""Is it growth of the learning rate or growth of the weights that changes the exponent 1/3?

SGD on one-hot labels, batch 512, rate η (1 + t/100)^p, weights also scaled by (1 + t/100)^q.
Prediction: without growth of the weights (q = 0), and while the noise of the logits is small, the
radial loss is that of the flow, t^-((1+p)/3) (p = 0: arXiv 2602.03685; the rest: docs/methods.md).
With p = 0 the loss falls as t^-q for q between 1/3 and 1, and q > 1 is more than the directions can
follow. The averaged iterate, tuned: t^-2/3 for q = 0.
Three seeds leave intervals over windows wide; `escape` repeats the main cells with eight.
Time: 10 pairs (p, q) x 4 rates x 3 seeds x 20 000 steps; 15 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/growth.py --workdir=runs/growth
"""

from math import inf

import numpy as np

from experiments.one_third import measures, methods, teacher
from experiments.one_third.envelopes import AVERAGE, LAST, RATE
from experiments.one_third.methods import GROWTH, POWER, THEORY, Side, falls, loss_ratio
from experiments.one_third.words import THIRD
from jaxlab.analysis.estimate import Estimate
from jaxlab.analysis.interval import student_interval
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels

POWERS = (
    *((p, 0.0) for p in (-0.5, 0.0, 0.25, 1 / 3, 0.5, 1.0)),
    *((0.0, q) for q in (0.5, 0.75, 1.0, 1.5)),
)
SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "rates": 1, "train.steps": 20, "train.batch_size": 32}
    | {"task.classes": 16},
}
WINDOW = (1_000.0, 20_000.0)  # of steps, as rates differ between members
QUIET, MODERATE = 10**0.5, 10.0  # the ladder's first rate: small noise; and its second


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.task.labels = "hard"
    config.task.temperature = 0.0
    config.optimizer.name = "sgd"
    config.schedule.name = "power"
    config.average.name = "polynomial"
    config.train.steps = 20_000
    config.train.batch_size = 512
    config.records.every_steps = 10_000
    config.records.per_decade = 10
    config.eval.batches = 32
    config.eval.channels = True
    config.rates = 4  # 3, 10, 30, 100
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds every pair of powers at every rate, each with all seeds."""
    for power, growth in POWERS:
        for number in range(config.rates):
            for seed in range(config.seeds):
                add(
                    **{
                        "schedule.power": power,
                        "schedule.weight_growth": growth,
                        "optimizer.learning_rate": 10 ** (0.5 * (number + 1)),
                        "seed": config.first_seed + seed,
                    }
                )


def radial_over_flow(study) -> Estimate:
    """Measures the radial loss over that of the flow: mean over powers, seeds and evaluations."""
    means, lows, highs = {}, [], []
    for power in [p for p, growth in POWERS if growth == 0 and p <= 0.5]:
        members = _cell(power, 0.0, QUIET).members(study)
        task, late_R = study.config.task, members["step"].values[1:] >= WINDOW[0]
        _, flow_SxR = measures.aligned_flows(members, task.features, task.classes)
        ratio_SxR = measures.curves(members, "eval_loss_radial").value_SxR / flow_SxR
        found = [student_interval(ratio_S) for ratio_S in ratio_SxR[:, late_R].T]
        means[f"p = {power:.2g}"] = np.mean([one.value for one in found])
        lows += [one.low for one in found]
        highs += [one.high for one in found]
    return Estimate(
        float(np.mean(list(means.values()))),
        min(lows),
        max(highs),
        methods.seeds_of(study),
        "envelope of the 95 % intervals over seeds of all powers and evaluations",
        "; ".join(f"{power}: {mean:.3f}" for power, mean in means.items()),
    )


def _cell(power: float, growth: float, rate: float, iterate: str = LAST) -> Side:
    label = f"SGD at the fixed rate {rate:g}" + f", weights also ~ t^{growth:g}" * bool(growth)
    return Side(label, {POWER: power, GROWTH: growth, RATE: rate}, iterate, tuned=())


def _falls(id: str, growth: float) -> Claim:
    return falls(id, _cell(0.0, growth, MODERATE), WINDOW, growth, 0.06, heading="")


CLAIMS = (
    Claim(
        "growth_radial_flow",
        "SGD at rates ~ t^p, p from -1/2 to 1/2, first rate 3: the radial part of the loss is that "
        "of the flow at the same τ (ratio)",
        expected=(0.9, 1.1),
        published=1.0,
        measure=radial_over_flow,
        source=THEORY,
        free=methods.FREE,
    ),
    _falls("growth_scale_050", 0.5),
    _falls("growth_scale_075", 0.75),
    _falls("growth_scale_100", 1.0),
    falls(
        "growth_average",
        Side("SGD, rate and its power", {GROWTH: 0.0}, AVERAGE, tuned=(POWER, RATE)),
        WINDOW,
        2 / 3,
        0.08,
    ),
    loss_ratio(
        "growth_too_fast",
        "Control: weights that also grow as t^1.5 end above weights that also grow as t, final "
        "iterates, each at its best rate",
        [Side("weights also ~ t^1.5", {GROWTH: 1.5})],
        [Side("weights also ~ t", {GROWTH: 1.0})],
        (1.0, inf),
        kind=Kind.CONTROL,
    ),
)
SHOWN = {  # of the lower panels
    "no growth": (0.0, 0.0),
    "rate ~ t^1/3": (1 / 3, 0.0),
    "rate ~ t": (1.0, 0.0),
    "weights also ~ t^1/2": (0.0, 0.5),
    "weights also ~ t": (0.0, 1.0),
    "weights also ~ t^1.5": (0.0, 1.5),
}


def parts_figure(study) -> Figure:
    """Returns the exponent against both powers, and the parts of the loss."""
    figure, axes = panels(2, 2)
    rates = np.unique(study.data[RATE].values).tolist()
    for axis, ax in enumerate(axes[:2]):  # the power that varies: of the rate, of the weights
        cells = sorted(cell for cell in POWERS if cell[1 - axis] == 0)
        for iterate, colour, marker in ((LAST, "C0", "o"), (AVERAGE, "C1", "s")):
            for number, rate in enumerate(rates, 1):
                found = [_cell(*cell, rate, iterate).exponent(study, WINDOW) for cell in cells]
                slopes = [one.value if one else np.nan for one in found]
                name = methods.ITERATES[iterate]
                label = name if rate == rates[-1] else f"_{name}, rate {rate:.3g}"
                style = {"marker": marker, "ms": 4, "lw": 1, "alpha": number / len(rates)}
                ax.plot([c[axis] for c in cells], slopes, color=colour, label=label, **style)
        ax.axhline(THIRD, color="grey", ls=":", lw=1, label="1/3")
        ax.set(ylabel="exponent, against steps", ylim=(-0.5, 1.2))
    axes[0].plot([-0.5, 1], [1 / 6, 2 / 3], "k--", lw=1, label="the flow: (1+p)/3")
    axes[0].axhline(2 / 3, color="black", ls=":", lw=1, label="2/3")
    axes[0].set_xlabel("power p of the learning rate")
    axes[1].plot([1 / 3, 1], [1 / 3, 1], "k--", lw=1, label="theory: q, up to 1")
    axes[1].set_xlabel("power q of the weights")
    for ax, metric, unit, title in (
        (axes[2], "loss_radial", "nats", "radial part: right, but not sharp enough"),
        (axes[3], "error", "share of wrong answers", "wrong answers: the angular error"),
    ):
        for number, (name, cell) in enumerate(SHOWN.items()):
            for iterate, style, label in ((LAST, "-", name), (AVERAGE, "--", f"_{name}, averaged")):
                envelope = _cell(*cell, MODERATE, iterate).envelope(study, metric)
                value_R = envelope.value_SxR.mean(axis=0)
                ax.plot(envelope.step_R, value_R, style, color=f"C{number}", label=label)
        ax.set(xscale="log", yscale="log", xlabel="steps", ylabel=unit, title=title)
        plots.legend(ax)
    for ax in axes[:2]:
        plots.legend(ax)
    caption = (
        f"SGD on one-hot labels. Above: exponents over steps {WINDOW[0]:,.0f} to {WINDOW[1]:,.0f} "
        "for every rate of the ladder (darker is higher), against the power of the rate (left) and "
        f"of the weights (right). Below, at rate {MODERATE:g}: what each bottleneck holds, final "
        "iterates solid and averaged iterates dashed."
    )
    return Figure("growth", "Growth of the rate, and growth of the weights", caption, figure)


FIGURES = (parts_figure,)

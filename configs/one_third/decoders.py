"""Does the loss of decoders of text, trained at a constant rate, fall to a floor as τ^(-1/3)?

Prediction: arXiv 2602.03685, Fig. 6, has τ^(-α) + floor with α of 0.341, 0.367, 0.337 and 0.307 for
four Pythia models, warm-up included (from step 2000 on, the same points give 0.69, 0.42, 0.35 and
0.29). Here decoders of three widths learn the bytes of the Python standard library with Adam. The
window begins after the first 70th of the run, where the warm-up of Pythia's checkpoints ends. At a
constant rate τ is the learning rate times the step, so no warm-up bends the clock. While the loss
falls so, the logits' standard deviation β should grow as τ^(1/3).
Control: the same bytes in random order, whose best prediction is that of the bytes' frequencies. It
is not peaked, so the paper expects an exponential, which a tenth of the run completes. All seeds
and steps are evaluated on the same text: no interval covers the choice of it.
Time: widths 8, 16 and 32, 4 seeds x 5000 steps of 1024 bytes, 12 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/decoders.py --workdir=runs/decoders
python scripts/evaluate_series.py runs/decoders --csv=runs/decoders/series.csv
"""

from math import inf

import numpy as np

from experiments.one_third import decoder
from experiments.one_third.words import PAPER, TAU, THIRD
from jaxlab.analysis import estimators
from jaxlab.analysis.cells import cell, levels, with_values
from jaxlab.analysis.estimate import Estimate, NotMeasurable
from jaxlab.analysis.interval import exponent_interval
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

SIZES = {
    "default": {},
    "tiny": {
        "widths": (4,),
        "seeds": 2,
        "task.length": 8,
        "model.layers": 1,
        "train.steps": 6,
        "train.batch_size": 4,
        "eval.batches": 1,
    },
}
RATE, STEPS, WIDTHS, CONTROL_WIDTH = 3e-3, 5000, (8, 16, 32), 8
WINDOW = (RATE * STEPS / 70, RATE * STEPS)  # τ
NEAR_THIRD = (THIRD - 0.05, THIRD + 0.05)
LOSS, SCALE = "eval_loss", "eval_logit_std"


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = decoder.config()
    config.task.length = 64
    config.model.heads = 2
    config.model.kv_heads = 1
    config.model.deviation = 0.1  # gives a narrow decoder the activations of a wide one
    config.optimizer.learning_rate = RATE
    config.train.steps = STEPS
    config.train.batch_size = 16
    config.records.every_steps = STEPS
    config.records.per_decade = 20
    config.eval.batches = 24
    config.checkpoint.keep_per_decade = 5
    config.widths = WIDTHS
    config.seeds = 4
    config.first_seed = 100
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per width and seed, and of the least width one on shuffled text."""
    for width in config.widths:
        for seed in range(config.seeds):
            add(**_width(width), seed=config.first_seed + seed)
    for seed in range(config.seeds):
        shuffled = {"task.shuffled": True, "seed": config.first_seed + seed}
        add(**_width(min(config.widths)), **shuffled)


def _width(width):
    return {"model.width": width, "model.hidden": 3 * width}


def text_of(width: int, shuffled: bool = False) -> dict:
    """Returns the values of the members of a width, on text or on the control."""
    return {"model.width": width, "task.shuffled": shuffled}


def share_of_the_end(study: Study, width: int, shuffled: bool) -> np.ndarray:
    """Returns, by seed, the part of the loss's whole fall that the last nine tenths of τ bring.

    The loss at either end is a mean over an eighth of a decade, since evaluations are noisy.
    """
    tau_SxR, loss_SxR = estimators.curves(cell(study.data, text_of(width, shuffled)), LOSS)
    tau_R, eighth, last = tau_SxR[0], 10**0.125, tau_SxR[0, -1]
    early_R = (tau_R >= last / 10 / eighth) & (tau_R <= last / 10 * eighth)
    if not early_R.any():
        raise NotMeasurable("there is no evaluation at a tenth of the run")
    early_S, end_S = (loss_SxR[:, own].mean(1) for own in (early_R, tau_R >= last / eighth))
    return (early_S - end_S) / (loss_SxR[:, 0] - end_S)


def control_share(study: Study) -> Estimate:
    """Measures that part on shuffled text; the remark has it on text."""
    text_S = share_of_the_end(study, CONTROL_WIDTH, shuffled=False)
    shuffled_S = share_of_the_end(study, CONTROL_WIDTH, shuffled=True)
    return estimators.over_seeds(shuffled_S, f"on text {text_S.mean():.3f}")


def figure_of_widths(study: Study) -> Figure:
    """Returns loss and β against τ, for each width and the control."""
    figure, (left, right) = panels(1, 2)
    data = with_values(study.data, study, *text_of(0))
    widths = levels(data, "model.width")
    cells = [(f"width {width}", text_of(width)) for width in widths]
    for (label, values), colour in zip(
        [*cells, ("shuffled", text_of(widths[0], True))], CATEGORY_COLOURS, strict=False
    ):
        members = cell(data, values)
        for ax, metric in ((left, LOSS), (right, SCALE)):
            tau_SxR, value_SxR = estimators.curves(members, metric)
            ax.plot(tau_SxR[0], value_SxR.mean(axis=0), color=colour, lw=1.2, label=label)
    for ax, label in ((left, "nats per byte"), (right, "standard deviation of logits, β")):
        ax.axvspan(*WINDOW, color="grey", alpha=0.1, lw=0)
        ax.set(xscale="log", yscale="log", xlabel=TAU, ylabel=label)
    plots.legend(left)
    caption = (
        f"Decoders of Python source, means of {study.seeds} seeds; Adam at the constant rate "
        f"{study.config.optimizer.learning_rate:g}. Fits are made in the shaded window. Shuffled: "
        "the same bytes in random order, by the narrowest decoder."
    )
    return Figure("decoders", "Decoders of text at a constant rate", caption, figure)


def exponents(study: Study) -> Table:
    """Returns the exponents of loss and β by width and fit window."""
    rows = []
    data = with_values(study.data, study, *text_of(0))
    for width in levels(data, "model.width"):
        members = cell(data, text_of(width))
        for metric, name, sign in ((LOSS, "loss above a floor", 1), (SCALE, "β", -1)):
            tau_SxR, value_SxR = estimators.curves(members, metric)
            try:
                found = exponent_interval(
                    tau_SxR, value_SxR**sign, window=WINDOW, floor=metric == LOSS
                )
            except NotMeasurable:
                continue
            for part in found.windows:
                mean = part.mean
                rows.append([width, name, *part.window, mean.value, mean.low, mean.high])
    header = ["width", "of", "from τ", "to τ", "exponent", "low", "high"]
    return Table("decoders: exponents by width and fit window", header, rows)


CLAIMS = (
    *(
        Claim(
            f"decoder_{width}_loss",
            f"A decoder of width {width} on Python source: over the last 69/70 of the run the loss "
            "falls to a fitted floor as τ^-1/3",
            expected=NEAR_THIRD,
            published=THIRD,
            measure=estimators.exponent(text_of(width), window=WINDOW, floor=True),
            source=f"{PAPER}, Fig. 6: 0.341, 0.367, 0.337, 0.307 for Pythia",
            heading="The law",
            label=f"decoder of text, width {width}",
        )
        for width in WIDTHS
    ),
    Claim(
        "decoder_scale",
        f"The decoder of width {WIDTHS[-1]}: over the same τ the standard deviation of the logits "
        "grows as τ^1/3",
        expected=NEAR_THIRD,
        published=THIRD,
        measure=estimators.exponent(text_of(WIDTHS[-1]), metric=SCALE, window=WINDOW, rising=True),
        source=f"{PAPER}, theory: β ~ τ^1/3 while 1/β is the loss",
        heading="The law",
        label="decoder of text, logit scale",
    ),
    Claim(
        "decoder_shuffled",
        "The same bytes in random order are learned by a tenth of the run: the part of the loss's "
        "whole fall that the last nine tenths of τ bring",
        expected=(-inf, 0.02),
        measure=control_share,
        source=f"{PAPER}: flat targets converge exponentially; range by this lab",
        kind=Kind.CONTROL,
    ),
)
FIGURES = (figure_of_widths,)
TABLES = (exponents,)

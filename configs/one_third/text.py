"""Does the loss of a small model of real text fall to a floor as τ^(-1/3)?

Prediction: language is peaked, so its loss falls as τ^(-α) + floor with α near 1/3: the paper has
0.341, 0.367, 0.337 and 0.307 for four Pythia models on τ (arXiv 2602.03685, Fig. 6). Here a small
softmax model of the next byte of the Python standard library's own source is held to the same fit,
with exponent and floor free. The window starts past the plateau of byte frequencies.
Time: 5 seeds x 20 000 steps of 512 bytes, 5 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/text.py --workdir=runs/text
"""

from experiments.one_third import figures, measures, text
from experiments.one_third.words import PAPER, TAU, THIRD
from jaxlab.analysis.estimate import Estimate, of_exponent
from jaxlab.analysis.study import Study
from jaxlab.config import choose, override
from jaxlab.report import plots
from jaxlab.report.claims import Claim
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "model.hidden": 8},
}
WINDOW = (1.0, 20.0)  # τ
LOSS = "loss"  # of training, averaged between logging steps: within an epoch no target comes twice


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = text.config()
    config.optimizer.learning_rate = 1e-3
    config.train.steps = 20_000
    config.train.batch_size = 512
    config.records.every_steps = 20_000
    config.records.per_decade = 25
    config.eval.batches = 16
    config.seeds = 5
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)


def exponent_above_floor(study: Study) -> Estimate:
    """Measures the exponent of the training loss above a floor, all three free."""
    found = measures.exponent(study, WINDOW, LOSS, floor=True)
    fits = len(found.windows) * found.seeds
    detail = (
        f"{found.suspect_fits} of {fits} fits ended at a bound (floor 0 or exponent); seeds alone: "
        f"[{found.seed_low:.3f}, {found.seed_high:.3f}]; means by window: "
    )
    detail += ", ".join(f"{part.mean.value:.2f}" for part in found.windows)
    return of_exponent(found, detail=detail)


def figure_of_text(study: Study) -> Figure:
    """Returns the loss with its fit."""
    tau_SxR, loss_SxR = measures.curves(study.data, LOSS)
    fresh_R = measures.curves(study.data).value_SxR.mean(axis=0)
    figure, (ax,) = panels()
    plots.loglog_curves(ax, tau_SxR, loss_SxR, labels=["training"] * len(loss_SxR))
    label = "validation files, new batches"
    ax.plot(tau_SxR[0], fresh_R, color=CATEGORY_COLOURS[1], lw=1, label=label)
    without = figures.fit_line(ax, study, WINDOW, LOSS, floor=True)
    ax.set(xlabel=TAU, ylabel="nats per byte")
    plots.legend(ax)
    windows = study.runs[0].environment["data"]["train"]["windows"]
    epochs = study.config.train.steps * study.config.train.batch_size / windows
    caption = (
        f"Next byte of the Python standard library, {len(loss_SxR)} seeds, {epochs:.2f} epochs. "
        "The fit is of the training loss, averaged between logging steps; within an epoch no "
        f"target comes twice. The table has the exponent in every fit window.{without}"
    )
    return Figure("text", "Real text, with its free exponent", caption, figure)


CLAIMS = (
    Claim(
        "text_exponent",
        "Real text, next byte: the loss falls to a floor as τ^-1/3, with the exponent free",
        expected=(THIRD - 0.05, THIRD + 0.05),
        published=THIRD,
        measure=exponent_above_floor,
        source=f"{PAPER}, Fig. 6: 0.341, 0.367, 0.337, 0.307 for Pythia",
        heading="The law",
        label="real text, next byte",
    ),
)
FIGURES = (figure_of_text,)
TABLES = (figures.window_table(WINDOW, LOSS, floor=True),)

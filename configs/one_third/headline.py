"""Does the loss of the paper's toy fall as τ^-0.337 over τ in [4, 162]? (Fig. 1)

Prediction: exponent 0.337 ± 0.002 (arXiv 2602.03685, one run); here with an interval over seeds.
The cell: Adam, learning rate 10^(-12/11) = 0.0811, temperature 1e-3, batch 1024, 2000 steps.
Time: 30 s on two CPU cores.

python scripts/sweep.py --config=configs/one_third/headline.py --workdir=runs/headline
"""

from experiments.one_third import figures, published, static, teacher
from experiments.one_third.words import PAPER
from jaxlab.analysis.estimators import exponent
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim

SIZES = {
    "default": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "task.classes": 16},
}
WINDOW = (4.0, 162.0)  # τ


def get_config(arg=None):
    """Returns the config of a size: default or tiny."""
    config = teacher.config()
    config.optimizer.learning_rate = 10 ** (-12 / 11)
    config.train.steps = 2000
    config.records.every_steps = 5
    config.seeds = 8
    config.first_seed = 100  # pilots had lower ones
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)


CLAIMS = (
    Claim(
        "headline",
        "Adam at rate 0.0811 and T = 1e-3: the loss falls as τ^-0.337 over τ in [4, 162]",
        expected=(0.322, 0.352),
        published=0.337,
        measure=exponent(window=WINDOW, seeds_only=True),
        source=f"{PAPER}, Fig. 1 (README of its code)",
        heading="The law",
        label="Adam, the published cell",
    ),
    Claim(
        "headline_any_window",
        "Adam at rate 0.0811 and T = 1e-3: the exponent is 0.337 in every part of τ in [4, 162] "
        "that keeps half of it",
        expected=(0.322, 0.352),
        published=0.337,
        measure=exponent(window=WINDOW),
        source=f"{PAPER}, Fig. 1; windows by this lab",
        heading="The law",
        label="the same, in any window",
    ),
    *static.CLAIMS,
    *published.CLAIMS,
)
FIGURES = (figures.loss_and_exponents(WINDOW), *static.FIGURES, *published.FIGURES)
TABLES = (figures.window_table(WINDOW), *static.TABLES, *published.TABLES)

"""Does the loss of the paper's toy fall as a power of τ, near τ^(-1/3)?

Prediction: exponent 0.337 over τ in [4, 162] (arXiv 2602.03685, Fig. 1, one run).
The cell of the headline, with fewer seeds and a smaller evaluation than the study
`one_third/headline`: Adam, learning rate 0.0811, temperature 1e-3, 2000 steps.
Time: 15 s on two CPU cores.

python scripts/sweep.py --config=configs/quickstart/exponent.py --workdir=runs/exponent
"""

from experiments.one_third import figures, teacher
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
    config.records.every_steps = 10
    config.eval.batches = 1
    config.seeds = 5
    config.first_seed = 0
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=config.first_seed + seed)


CLAIMS = (
    Claim(
        "quick_exponent",
        "The loss of a softmax model that learns a peaked teacher with Adam falls as τ^-0.337 "
        "over τ in [4, 162] (exponent)",
        expected=(0.32, 0.355),
        published=0.337,
        measure=exponent(window=WINDOW, seeds_only=True),
        source=f"{PAPER}, Fig. 1",
    ),
)
FIGURES = (figures.loss_and_exponents(WINDOW),)

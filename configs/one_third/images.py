"""App. D.8: the training loss of a small network on real images falls as τ^-0.35.

Claim: exponent 0.35 for MNIST (arXiv 2602.03685, as reported second hand). Here the network is the
same (784 -> 10 -> 10, batch norm, Adam at 1e-3), and the images are Fashion-MNIST. One line gets
them, without root, on Debian or Ubuntu; seen from the folder of the project:
    apt-get download dataset-fashion-mnist && dpkg -x dataset-fashion-mnist_*.deb data/dataset-fashion-mnist
Size `paper`: full batch, 100 000 steps. Size `cpu` (the default): batches of 2000, 15 000 steps, 4
seeds; 3 minutes on two CPU cores. Size `tiny` reads `glyphs`, which every machine has.

python scripts/sweep.py --config=configs/one_third/images.py --workdir=runs/images
"""  # noqa: E501 - the command is one line

from experiments.one_third import images
from jaxlab.config import choose, override

FIRST_SEED = 100  # pilots had lower ones

SIZES = {
    "paper": {"train.steps": 100_000, "train.batch_size": 60_000, "eval.batches": 1}
    | {"seeds": 3, "window": (1.0, 100.0)},
    "cpu": {},
    "tiny": {"seeds": 2, "train.steps": 20, "train.batch_size": 32, "task.dataset": "glyphs"},
}


def get_config(arg=None):
    """Returns the config of a size: paper, cpu or tiny."""
    config = images.config()
    config.study = "images"
    config.optimizer.learning_rate = 1e-3
    config.train.steps = 15_000
    config.train.batch_size = 2000
    config.records.every_steps = 15_000
    config.records.per_decade = 25
    config.seeds = 4
    config.window = (1.0, 15.0)  # past the first fast fall, by pilots on other seeds
    return override(config, choose(arg, SIZES, default="cpu"))


def sweep(add, config):
    """Adds a member per seed."""
    for seed in range(config.seeds):
        add(seed=FIRST_SEED + seed)

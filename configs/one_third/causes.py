"""One further run for each disagreement with the paper: is the cause that the lab names the cause?

Claim: each cause below explains a departure from arXiv 2602.03685 (Fig. 5, App. D.4, D.6).
starts: misaligned starts had no 1/3 at T = 6e-3 (β* = 96). Cause: near β* the theory has no power
  law. Here T = 3e-4 (β* = 1925), from β = 8 and from 0, with SGD and with Adam.
decay: with AdamW at T = 0.05 (β* = 11.5) the scale still grew. Cause: β* is below the regime, which
  ends at 0.05 β* and begins at 6. Here T = 1e-3 and 24 time constants of the decay.
schedule: with Adam at rate 0.0811 a cosine ends below a constant rate at equal τ. Cause: the noise
  that it removes. Here with averaged weights and the channels of the loss.
spectrum: with Adam the exponents of spectral teachers lie above 1/3. Cause: Adam, not the teacher.
  Here SGD, against the aligned flow of each teacher.
Size `paper`: 30 members of 5 000 to 20 000 steps; 4 minutes on two CPU cores.

python scripts/sweep.py --config=configs/one_third/causes.py --workdir=runs/causes
"""

from math import sqrt

from experiments.one_third import teacher
from jaxlab.config import choose, override

RATE = "optimizer.learning_rate"
SGD, ADAM = {"optimizer.name": "sgd"}, {"optimizer.name": "adam", RATE: 10 ** (-12 / 11)}
COLD = {"way": "starts", "task.temperature": 3e-4}
DECAY = {"way": "decay", "optimizer.name": "adamw", RATE: 10**-1.5}
DECAY |= {"train.batch_size": 2048, "task.temperature": 1e-3}
SCHEDULE = ADAM | {"way": "schedule", "task.temperature": 6e-3, "schedule.warmup": 0.01}
SPECTRUM = SGD | {"way": "spectrum", RATE: 10.0}
SPECTRUM |= {"task.weights": "spectral", "task.temperature": 1e-3}
SIZES = {
    "paper": {},
    "tiny": {"seeds": 2, "train.steps": 20, "most_steps": 20, "task.classes": 16},
}


def cells():
    """Yields what each cell sets."""
    for start in (0.0, 8.0):  # β; above 2 c0 = 6, below 0.05 β* = 96
        scale = {"model.init_scale": sqrt(3) * start}
        yield COLD | SGD | scale | {RATE: 20.0, "train.steps": 20_000}
        yield COLD | ADAM | scale | {"train.steps": 10_000}
    for decay in (0.05, 0.0):
        yield DECAY | {"optimizer.weight_decay": decay, "train.steps": 15_000}
    for name in ("constant", "cosine"):
        yield SCHEDULE | {"schedule.name": name, "train.steps": 5_000}
    for decay in (0.0, 0.5, 1.0):
        yield SPECTRUM | {"task.spectrum": decay, "train.steps": 5_000}


def get_config(arg=None):
    """Returns the config of a size: paper or tiny."""
    config = teacher.config()
    config.study = "causes"
    config.average.name = "polynomial"
    config.records.every_steps = 500
    config.records.per_decade = 20
    config.eval.channels = True
    config.way = ""  # which disagreement, for the report
    config.most_steps = 20_000  # of any cell
    config.seeds = 3
    config.first_seed = 300  # what disagreed had lower ones
    config.window = (0.1, 1.0)  # of a cell's last τ: its last decade
    return override(config, choose(arg, SIZES, default="paper"))


def sweep(add, config):
    """Adds every cell with all seeds."""
    for cell in cells():
        steps = min(cell["train.steps"], config.most_steps)
        for seed in range(config.seeds):
            add(**cell | {"train.steps": steps, "seed": config.first_seed + seed})

"""Do discs that collide take layers, where discs that pass through each other take none?

Prediction: where discs will be takes depth if they collide, as who meets whom depends on all
collisions before, and little if each is alone (arXiv 2507.12549 names the task; the paper has no
experiment, this one is the lab's). A mixer, whose single layer sees all discs, is given eight times
its compute as layers that share their weights or as width, each at its own learning rate. Rows are
grouped by how often discs met. The controls have the same time and walls: as many discs that pass
through each other, and one disc, for a single layer.

Before any pilot, and of five discs, layers were to beat width by 2 points, by 1 more where discs
collide more often, and to beat the exact answer for discs that pass; width was to add less than 5.
After pilots (seed 0, rate 3e-3, all but the single disc) had learned little, these predictions were
replaced by ones that nearly contradict them, and five discs by three: both are shown, each as what
it is. The controls were first to compare layers with width (2 points at most), and one layer was to
be right in 0.9 of the answers for one disc.

Default: 1 to 8 layers, 3000 steps, 3 rates, 3 seeds; 5 minutes on two CPU cores.
Size large: up to 16 layers, 50,000 steps and 5 seeds, for an accelerator.

python scripts/sweep.py --config=configs/serial/discs.py --workdir=runs/discs
"""

from functools import partial
from math import inf

from experiments.serial import build, classes, equal_compute
from experiments.serial.cells import BY, trained_for
from experiments.serial.equal_compute import DEEP, ONE
from experiments.serial.studies import discs
from experiments.serial.studies.discs import WIDE
from jaxlab.config import choose, override
from jaxlab.report.claims import Claim, Kind

SIZES = {
    "default": {},
    "large": {"depths": (1, 2, 4, 8, 16), "seeds": 5, "model.width": 128}
    | {"train.batch_size": 512, "train.steps": 50_000, "records.every_steps": 12_500},
    # Collisions take long to compile.
    "tiny": {"kinds": ("passing",), "depths": (1,), "parallel": (), "rates": (3e-3,), "seeds": 2}
    | {"model.width": 8, "train.batch_size": 8, "train.steps": 4, "eval.batches": 2},
}


def get_config(arg=None):
    """Returns the config of a size: default, large or tiny."""
    config = build.config("balls", "mixer")
    config.model.tied = True
    config.model.count = 1  # of votes and streams
    config.train.batch_size = 64
    config.train.steps = 3000
    config.records.every_steps = 750  # the last one has the training loss of the last quarter
    config.eval.batches = 64
    config.seeds = 3
    config.first_seed = 100  # pilots had lower ones
    config.rates = (1e-3, 3e-3, 1e-2)
    config.kinds = tuple(discs.KINDS)
    config.depths = (1, 2, 4, 8)
    config.parallel = ("width",)
    return override(config, choose(arg, SIZES))


def sweep(add, config):
    """Adds a member per kind of discs, condition, seed and rate; controls have one layer."""
    for kind in config.kinds:
        balls, collide = discs.KINDS[kind]
        conditions = equal_compute.conditions(config) if kind == "colliding" else [ONE]
        for member in equal_compute.members(config, conditions):
            add(**{"task.balls": balls, "task.collide": collide}, **member)


SPENT = "Discs that collide: eight times the compute of one layer, spent on"
LAYERS = "layers that share their weights"
AFTER_PILOTS = "Set after pilots had been seen, and replaced the original prediction: in 3000 steps"
POINTS = "(accuracy, percentage points)"
claim = partial(Claim, source=BY)
control = partial(claim, kind=Kind.CONTROL)
ORIGINAL = (
    claim(
        "discs_depth",
        f"{SPENT} {LAYERS}, adds at least 5 {POINTS}",
        expected=(5.0, inf),
        measure=discs.difference(DEEP, ONE),
    ),
    claim(
        "discs_width_adds_little",
        f"{SPENT} width, adds less than 5 {POINTS}",
        expected=(-inf, 5.0),
        measure=discs.difference(WIDE, ONE),
    ),
    claim(
        "discs_layers_over_width",
        f"{SPENT} {LAYERS}, makes them at least 2 points more accurate than spent on width "
        f"{POINTS}",
        expected=(2.0, inf),
        measure=discs.difference(DEEP, WIDE),
    ),
    claim(
        "discs_grows_with_collisions",
        "The lead of layers over width grows with the collisions: it is at least 1 point larger in "
        f"rows of {discs.MOST} collisions or more than in rows of none {POINTS}",
        expected=(1.0, inf),
        measure=discs.growth_of_lead,
    ),
    claim(
        "discs_layers_over_passing",
        "Eight layers use collisions: they are more accurate than the exact answer for discs that "
        f"pass through each other {POINTS}",
        expected=(0.0, inf),
        measure=discs.over_passing,
    ),
    control(
        "discs_passing",
        "Control: one layer is right about as many discs that pass through each other (accuracy)",
        expected=(0.99, inf),
        measure=discs.of_one_layer("passing"),
    ),
    control(
        "discs_single",
        "Control: one layer is right about one disc (accuracy)",
        expected=(0.99, inf),
        measure=discs.of_one_layer("single"),
    ),
)
REPLACED = (
    claim(
        "discs_width",
        f"{AFTER_PILOTS} eight times the compute, spent on width, adds at least 5 {POINTS}",
        expected=(5.0, inf),
        measure=discs.difference(WIDE, ONE),
    ),
    claim(
        "discs_over_width",
        f"{AFTER_PILOTS} layers add no more than width, within −3 to 5 {POINTS}",
        expected=(-3.0, 5.0),
        measure=discs.difference(DEEP, WIDE),
    ),
    claim(
        "discs_grows",
        f"{AFTER_PILOTS} the lead of layers over width does not grow with the collisions by more "
        f"than 3 {POINTS}",
        expected=(-inf, 3.0),
        measure=discs.growth_of_lead,
    ),
    claim(
        "discs_met",
        f"{AFTER_PILOTS} eight layers gain nothing from collisions: they are within 3 points of "
        f"the exact answer for discs that pass through each other {POINTS}",
        expected=(-3.0, 3.0),
        measure=discs.over_passing,
    ),
)
LARGER = ("kinds", "depths", "rates", "model.width", "train.*")
CLAIMS = (*trained_for(3000, *ORIGINAL, free=LARGER), *REPLACED)  # REPLACED: 3000 steps alone
FIGURES = (discs.accuracy_by_compute,)
TABLES = (discs.every_rate, discs.by_collisions_table, classes.tasks_table)

"""Serial depth of every kind of model against the length of its input, counted in the programs.

Nothing is trained. The claims stand beside the study `words` and read nothing of it.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np

from experiments.serial import models
from experiments.serial.cells import BY
from jaxlab.analysis.estimate import Estimate, exact
from jaxlab.analysis.serial_depth import measure as cost_of
from jaxlab.analysis.study import Study
from jaxlab.models.rollout import Rollout
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, panels
from jaxlab.report.page import Table

LENGTHS = (4, 8, 16, 32, 64, 128)  # n; of a roll-out the steps
DEPTHS = (1, 2, 4, 8)  # of a tied circuit
SERIAL = {
    "GRU": ("recurrent", {"cell": "gru"}),
    "LSTM": ("recurrent", {"cell": "lstm"}),
    "scratchpad": ("scratchpad", {}),
}
PARALLEL = {
    "transformer": ("transformer", {}),
    "linear scan": ("state_space", {}),
    "mixer": ("mixer", {}),
    "ring circuit": ("local", {}),
}


@cache
def serial_depths(kind: str) -> np.ndarray:
    """Returns the serial depth of a kind of model on inputs of `LENGTHS` tokens, [N] operations."""
    name, sizes = (SERIAL | PARALLEL)[kind]
    if name == "scratchpad":
        step = _model("local", LENGTHS[0], {"depth": 1})
        found = [cost_of(Rollout(step=step, steps=steps), LENGTHS[0]) for steps in LENGTHS]
    else:
        found = [cost_of(_model(name, length, sizes), length) for length in LENGTHS]
    return np.array([cost.serial_depth for cost in found])


def _model(name: str, length: int, sizes: dict):
    task = {"vocabulary": 2, "classes": 2, "length": length}
    return models.MODELS[name](models.DEFAULTS[name] | task | sizes)


def _per_token() -> dict[str, np.ndarray]:
    """Returns the operations that each token adds between two lengths, by serial model."""
    return {kind: np.diff(serial_depths(kind)) / np.diff(LENGTHS) for kind in SERIAL}


def _unevenness(_study: Study) -> Estimate:
    return exact(max(float(np.ptp(own_N)) for own_N in _per_token().values()), f"n in {LENGTHS}")


def _least_per_token(_study: Study) -> Estimate:
    added = _per_token()
    detail = ", ".join(f"{own_N[0]:.3g} {kind}" for kind, own_N in added.items())
    return exact(min(float(own_N.min()) for own_N in added.values()), detail)


def _most_per_doubling(_study: Study) -> Estimate:
    added = {kind: int(np.diff(serial_depths(kind)).max()) for kind in PARALLEL}
    detail = ", ".join(f"{operations} {kind}" for kind, operations in added.items())
    return exact(float(max(added.values())), detail)


def _parameters_of_tied(_study: Study) -> Estimate:
    tied = [
        cost_of(_model("local", LENGTHS[0], {"depth": depth, "tied": True}), LENGTHS[0]).parameters
        for depth in DEPTHS
    ]
    return exact(float(np.ptp(tied)), f"{tied[0]} parameters with T in {DEPTHS}")


check = partial(
    Claim,
    source=f"{BY}; counted in the program, without a run",
    kind=Kind.CHECK,
    needs_runs=False,
)
CLAIMS = (
    check(
        "meter_linear",
        "The serial depth of a GRU, an LSTM and a scratchpad is linear in n: each token, or step "
        "of the scratchpad, adds as many operations to the longest path as the one before (largest "
        "difference, operations)",
        expected=(0.0, 0.0),
        measure=_unevenness,
    ),
    check(
        "meter_letter",
        "Each token adds at least one operation to the longest path of a GRU, an LSTM and a "
        "scratchpad (least of the three, operations)",
        expected=(1.0, np.inf),
        measure=_least_per_token,
    ),
    check(
        "meter_doubling",
        "The serial depth of a transformer, a linear scan, a mixer and a ring circuit is "
        "logarithmic in n or constant: a doubling of n adds at most eight operations to the "
        "longest path (most of the four, operations)",
        expected=(0.0, 8.0),
        measure=_most_per_doubling,
    ),
    check(
        "meter_tied",
        "A circuit of T layers that share their weights has as many parameters at every T (largest "
        "difference, parameters)",
        expected=(0.0, 0.0),
        measure=_parameters_of_tied,
    ),
)


def serial_depth_by_length(_study: Study) -> Figure:
    """Returns serial depth against length, by kind of model."""
    figure, (ax,) = panels(panel_height_inches=3.6)
    for kind, colour in zip(SERIAL | PARALLEL, CATEGORY_COLOURS, strict=False):
        style = "o-" if kind in SERIAL else "s--"
        ax.plot(LENGTHS, serial_depths(kind), style, color=colour, label=kind)
    plots.doublings(ax)
    ax.set(yscale="log", xlabel="tokens, or steps of a scratchpad", ylabel="serial depth")
    plots.legend(ax)
    caption = (
        "Operations on the longest path of each program, at the default sizes of the models: four "
        "layers of mixers and ring circuits, one of the others. Recurrences and roll-outs take a "
        "step for every token; what attends, mixes or scans in a tree takes a few for a doubling."
    )
    return Figure("meter", "What is serial in each model", caption, figure)


def operations_by_length(_study: Study) -> Table:
    """Returns the serial depth of every kind of model at every length."""
    rows = [[kind, *serial_depths(kind).tolist()] for kind in SERIAL | PARALLEL]
    header = ["model", *(f"n = {length}" for length in LENGTHS)]
    return Table("meter: operations on the longest path", header, rows)


FIGURES = (serial_depth_by_length,)
TABLES = (operations_by_length,)

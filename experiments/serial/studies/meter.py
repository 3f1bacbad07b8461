"""Serial depth of every kind of model against the length of its input, counted in the programs."""

from __future__ import annotations

from functools import cache
from math import inf

import numpy as np

from experiments.serial import models
from experiments.serial.studies import BY
from jaxlab.analysis.cells import exactly
from jaxlab.analysis.serial_depth import measure as cost_of
from jaxlab.models.rollout import Rollout
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured
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
COUNTED = f"{BY}; counted in the program, without a run"
EXPECTED = {
    "meter_linear": Expected(
        "A GRU, an LSTM and a scratchpad add as many operations with every token, or step, as with "
        "the one before: serial depth is linear in n (the largest difference)",
        COUNTED,
        None,
        (0.0, 0.0),
    ),
    "meter_letter": Expected(
        "and with each they add (operations, the least of the three)", COUNTED, None, (1.0, inf)
    ),
    "meter_doubling": Expected(
        "A transformer, a linear scan, a mixer and a ring circuit add no more with a doubling of n "
        "than (operations, the most): serial depth is logarithmic in n, or constant",
        COUNTED,
        None,
        (0.0, 8.0),
    ),
    "meter_tied": Expected(
        "A tied circuit of T layers has as many parameters at every T (the largest difference)",
        COUNTED,
        None,
        (0.0, 0.0),
    ),
}


@cache
def serial_depths(kind: str) -> np.ndarray:
    """Returns the serial depth of a kind of model on inputs of `LENGTHS` tokens, [N]."""
    name, own = (SERIAL | PARALLEL)[kind]
    if name == "scratchpad":
        step = _model("local", LENGTHS[0], {"depth": 1})
        found = [cost_of(Rollout(step=step, steps=steps), LENGTHS[0]) for steps in LENGTHS]
    else:
        found = [cost_of(_model(name, length, own), length) for length in LENGTHS]
    return np.array([cost.serial_depth for cost in found])


def _model(name: str, length: int, own: dict):
    task = {"vocabulary": 2, "classes": 2, "length": length}
    return models.MODELS[name](models.DEFAULTS[name] | task | own)


def measure() -> dict[str, Measured]:
    """Returns what a token and a doubling add; nothing is trained."""
    per_letter = {kind: np.diff(serial_depths(kind)) / np.diff(LENGTHS) for kind in SERIAL}
    per_doubling = {kind: np.diff(serial_depths(kind)).max() for kind in PARALLEL}
    tied = [
        cost_of(_model("local", LENGTHS[0], {"depth": depth, "tied": True}), LENGTHS[0]).parameters
        for depth in DEPTHS
    ]
    letters = ", ".join(f"{own_N[0]:.3g} {kind}" for kind, own_N in per_letter.items())
    doublings = ", ".join(f"{most} {kind}" for kind, most in per_doubling.items())
    return {
        "meter_linear": Measured(
            exactly(float(max(np.ptp(own_N) for own_N in per_letter.values()))), f"n in {LENGTHS}"
        ),
        "meter_letter": Measured(
            exactly(float(min(own_N.min() for own_N in per_letter.values()))), letters
        ),
        "meter_doubling": Measured(exactly(float(max(per_doubling.values()))), doublings),
        "meter_tied": Measured(exactly(float(np.ptp(tied))), f"{tied[0]} at T in {DEPTHS}"),
    }


def figures() -> list[Figure]:
    """Returns serial depth against length, by kind."""
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
    return [Figure("meter", "What is serial in each model", caption, figure)]


def tables() -> list[Table]:
    """Returns the serial depth of every kind at every length."""
    rows = [[kind, *serial_depths(kind).tolist()] for kind in SERIAL | PARALLEL]
    header = ["model", *(f"n = {length}" for length in LENGTHS)]
    return [Table("meter: operations on the longest path", header, rows)]

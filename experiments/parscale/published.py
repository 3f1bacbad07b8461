"""The losses that the paper published, its law fitted to them, and the cost that it models.

`parscale_losses.csv` holds the 48 final losses (nats per token, smoothed over the end of training)
in `parametric_fit.py` of github.com/QwenLM/ParScale at cd6acb4: corpus, non-embedding parameters
with prefixes and aggregator, P, loss. Figures only; that repository names no licence.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxlab.analysis.inference_cost import PAPER_SIZES, cost_of_parameters, in_figures
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.scaling_law import HoldOut, LawFit, fit_law, hold_outs, law_intervals

CSV = Path(__file__).parent / "parscale_losses.csv"
CORPORA = {"stack_v2_python": "Stack", "pile": "Pile"}
COUNTS = (1, 2, 4, 8)


class Losses(NamedTuple):
    """Of one corpus, sizes in rising order: parameters and loss, [sizes, P]."""

    N_ZxP: np.ndarray
    loss_ZxP: np.ndarray

    @property
    def table(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """N, P and loss of every cell, as the fits take them."""
        count_ZxP = np.broadcast_to(COUNTS, self.N_ZxP.shape)
        return self.N_ZxP.ravel(), count_ZxP.ravel(), self.loss_ZxP.ravel()


@cache
def read(corpus: str) -> Losses:
    """Returns the losses of a corpus, a key of CORPORA."""
    with CSV.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["corpus"] == corpus]
    columns = []
    for count in COUNTS:
        own = [(float(r["N_params"]), float(r["loss"])) for r in rows if r["P"] == str(count)]
        columns.append(sorted(own))
    N_ZxP, loss_ZxP = np.moveaxis(np.array(columns), (0, 2), (2, 0))
    return Losses(N_ZxP, loss_ZxP)


@cache
def fit(corpus: str, law: str = "logarithm") -> LawFit:
    """Returns a law fitted to the losses of a corpus."""
    return fit_law(*read(corpus).table, law=law)


@cache
def fit_intervals(corpus: str) -> dict[str, Interval]:
    """Returns intervals of the logarithm's parameters, from a bootstrap over the 24 cells."""
    return law_intervals(*read(corpus).table, fit=fit(corpus))


@cache
def unseen(corpus: str, law: str = "logarithm") -> dict[str, HoldOut]:
    """Returns how a law predicts the largest N and the largest P unseen."""
    return hold_outs(*read(corpus).table, law=law)


def gains(corpus: str) -> np.ndarray:
    """Returns what P streams take off the loss of one, in per cent of it, mean over sizes: [P]."""
    loss_ZxP = read(corpus).loss_ZxP
    return 100 * (1 - loss_ZxP / loss_ZxP[:, :1]).mean(axis=0)


def cost_ratio(cost: Callable[..., float], batch: int, size: str = "1.6B", count: int = 8) -> float:
    """Returns what parameters add to a cost over what streams add, for the same loss on Stack.

    Args:
      cost: `memory_gib` or `latency_seconds` of `jaxlab.analysis.inference_cost`.
      batch: texts at once.
      size: of the model that gets the streams, a key of PAPER_SIZES.
      count: P.
    """
    models, row = list(PAPER_SIZES.values()), list(PAPER_SIZES).index(size)
    loss_ZxP = read("stack_v2_python").loss_ZxP
    plain_Z = [in_figures(cost, model, P=1, batch=batch) for model in models]
    reached = cost_of_parameters(loss_ZxP[row, COUNTS.index(count)], loss_ZxP[:, 0], plain_Z)
    streams = in_figures(cost, models[row], P=count, batch=batch)
    return (reached - plain_Z[row]) / (streams - plain_Z[row])

"""The law of N parameters and P streams, and its rivals, with the derivatives that fits need.

The law of ParScale (arXiv 2505.10475, figure 2) says that P streams act like k ln P + 1 times the
parameters. It was found beside the theory, not from it: with residuals of one correlation rho the
derivation gives the form "correlation". `jaxlab.analysis.scaling_law` fits them all alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EXPONENT_BOUNDS = (0.01, 10.0)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """A form of L(N, P) in raw parameters, in which the descent is well-conditioned.

    Attributes:
      formula: for readers, with N and P.
      names: of the parameters: E, A, alpha, then those of P.
      A_in_parameters: whether A divides N, or is the factor before N^-alpha.
      evaluate: (raw_Sxp, x_R, P_R) -> loss [S, R] and its derivatives [S, R, p]. x is ln N less a
        constant, raw is E, c, alpha, then those of P, and what falls with N is exp(c - alpha x).
      bounds: the largest P -> (low, high) of each raw parameter of P.
      starts: the values of each raw parameter of P in the grid of starts.
    """

    formula: str
    names: tuple[str, ...]
    A_in_parameters: bool
    evaluate: Callable[[Array, Array, Array], tuple[Array, Array]]
    bounds: Callable[[float], tuple[tuple[float, float], ...]]
    starts: tuple[tuple[float, ...], ...]


def _logarithm(raw_Sxp, x_R, P_R):
    E, c, alpha, k = raw_Sxp.T[..., None]
    gain = k * np.log(P_R) + 1
    scaled = x_R + np.log(gain)
    falling = np.exp(c - alpha * scaled)
    return E + falling, _stack(falling, -scaled * falling, -alpha * falling * np.log(P_R) / gain)


def _power(raw_Sxp, x_R, P_R):
    E, c, alpha, g = raw_Sxp.T[..., None]
    scaled = x_R + g * np.log(P_R)
    falling = np.exp(c - alpha * scaled)
    return E + falling, _stack(falling, -scaled * falling, -alpha * falling * np.log(P_R))


def _correlation(raw_Sxp, x_R, P_R):
    E, c, alpha, rho = raw_Sxp.T[..., None]
    alone = np.exp(c - alpha * x_R)
    falling = alone * ((P_R - 1) * rho + 1) / P_R
    return E + falling, _stack(falling, -x_R * falling, alone * (P_R - 1) / P_R)


def _additive(raw_Sxp, x_R, P_R):
    E, c, alpha, B, beta = raw_Sxp.T[..., None]
    falling, by_B = np.exp(c - alpha * x_R), P_R**-beta
    slopes = _stack(falling, -x_R * falling, by_B, -B * by_B * np.log(P_R))
    return E + falling + B * by_B, slopes


def _stack(*derivatives):
    """Those by E, which is 1, and by the other raw parameters: [S, R, p]."""
    return np.stack(np.broadcast_arrays(np.ones(1), *derivatives), axis=-1)


LAWS = {
    "logarithm": Law(
        "E + (A / (N (k ln P + 1)))^alpha",
        ("E", "A", "alpha", "k"),
        True,
        _logarithm,
        lambda most: ((-0.99 / np.log(most), 1e3),),
        ((0.0, 0.2, 0.6, 2.0),),
    ),
    "power": Law(
        "E + (A / (N P^g))^alpha",
        ("E", "A", "alpha", "g"),
        True,
        _power,
        lambda most: ((-10.0, 10.0),),
        ((0.0, 0.1, 0.3, 1.0),),
    ),
    # The mean of P streams whose residuals have the correlation rho (Proposition 1 of the paper).
    "correlation": Law(
        "E + (A / N)^alpha ((P - 1) rho + 1) / P",
        ("E", "A", "alpha", "rho"),
        True,
        _correlation,
        lambda most: ((-0.99 / (most - 1), 10.0),),
        ((0.2, 0.6, 0.9, 1.0),),
    ),
    "additive": Law(
        "E + A N^-alpha + B P^-beta",
        ("E", "A", "alpha", "B", "beta"),
        False,
        _additive,
        lambda most: ((-np.inf, np.inf), EXPONENT_BOUNDS),
        ((0.01, 0.1), (0.2, 0.5, 1.0)),
    ),
}

"""The descent of a law's Huber loss to its least, from many starts or for many tables at once."""

from __future__ import annotations

import numpy as np

from jaxlab.analysis.laws import EXPONENT_BOUNDS, Array, Law

HUBER_DELTA = 1e-3  # of log loss; as in `parametric_fit.py` of the ParScale repository
MAX_STEPS = 500


def bounds(law: Law, P: Array) -> Array:
    """Returns the least and the greatest raw parameters, [p, 2], for streams up to those in P."""
    shared = (0.0, np.inf), (-np.inf, np.inf), EXPONENT_BOUNDS
    return np.array([*shared, *law.bounds(float(P.max()))])


def descend(
    law: Law,
    raw_Sxp: Array,
    x_R: Array,
    P: Array,
    loss: Array,
    weight_SxR: Array | float = 1.0,
) -> tuple[Array, Array, np.ndarray]:
    """Levenberg-Marquardt from all starts at once: raw parameters, objective, whether settled.

    The Huber loss is a sum of squares with weights delta / |residual| beyond delta. A start keeps
    its last good step, inside the bounds; it has settled when ten steps gained nothing.

    Args:
      law: what is fitted.
      raw_Sxp: the starts; raw parameters as in `Law.evaluate`.
      x_R: ln N less a constant; P: [R] streams.
      loss: [R], or [S, R] where every start has a table of its own.
      weight_SxR: of the rows.
    """
    low, high = bounds(law, P).T

    def at(raw_Sxp):
        loss_SxR, slope_SxRxp = law.evaluate(raw_Sxp, x_R, P)
        positive = loss_SxR > 0
        loss_SxR = np.where(positive, loss_SxR, 1.0)
        residual_SxR = np.log(loss_SxR / loss)
        size = np.abs(residual_SxR)
        inner = np.minimum(size, HUBER_DELTA)
        huber_S = np.sum(weight_SxR * inner * (size - inner / 2), axis=1)
        return (
            np.where(positive.all(axis=1), huber_S, np.inf),
            residual_SxR,
            slope_SxRxp / loss_SxR[..., None],
        )

    objective_S, residual_SxR, slope_SxRxp = at(raw_Sxp)
    damping_S, idle_S = np.full(len(raw_Sxp), 1e-2), np.zeros(len(raw_Sxp), int)
    for _ in range(MAX_STEPS):
        pull_SxR = weight_SxR / np.maximum(1.0, np.abs(residual_SxR) / HUBER_DELTA)
        uphill_Sxp = np.einsum("srp,sr->sp", slope_SxRxp, pull_SxR * residual_SxR)
        stuck_Sxp = (raw_Sxp <= low) & (uphill_Sxp > 0) | (raw_Sxp >= high) & (uphill_Sxp < 0)
        free_SxRxp = np.where(stuck_Sxp[:, None], 0.0, slope_SxRxp)
        curvature_Sxpxp = np.einsum(
            "srp,sr,srq->spq", free_SxRxp, pull_SxR, free_SxRxp, optimize=True
        )
        diagonal_Sxp = np.einsum("spp->sp", curvature_Sxpxp)  # a view
        diagonal_Sxp += damping_S[:, None] * diagonal_Sxp + stuck_Sxp + 1e-30
        step_Sxpx1 = np.linalg.solve(curvature_Sxpxp, np.where(stuck_Sxp, 0, uphill_Sxp)[..., None])

        moved_Sxp = np.clip(raw_Sxp - step_Sxpx1[..., 0], low, high)
        moved = at(moved_Sxp)
        idle_S = np.where(moved[0] < objective_S * (1 - 1e-9), 0, idle_S + 1)
        better_S = moved[0] < objective_S
        damping_S = np.clip(np.where(better_S, damping_S / 3, damping_S * 4), 1e-9, 1e12)
        raw_Sxp = np.where(better_S[:, None], moved_Sxp, raw_Sxp)
        objective_S = np.where(better_S, moved[0], objective_S)
        residual_SxR = np.where(better_S[:, None], moved[1], residual_SxR)
        slope_SxRxp = np.where(better_S[:, None, None], moved[2], slope_SxRxp)
        if (idle_S >= 10).all():
            break
    return raw_Sxp, objective_S, idle_S >= 10

"""Widths × streams: the law on their losses, and how many parameters P streams are worth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from experiments.parscale.cells import LONE, ends
from jaxlab.analysis.bootstrap import bootstrap_interval
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import Interval
from jaxlab.analysis.power_law import Status
from jaxlab.analysis.residuals import residual_correlation
from jaxlab.analysis.scaling_law import LawFit, fit_law
from jaxlab.analysis.study import Study

RESAMPLES = 300  # of the seeds; each fits the law from all its starts


class Grid(NamedTuple):
    """The final losses of a study, nats per token: W widths, P numbers of streams, S seeds."""

    widths: list[int]
    counts: list[int]
    N_WxP: np.ndarray
    added_WxP: np.ndarray
    loss_SxWxP: np.ndarray
    stream_SxWxP: np.ndarray  # the mean of the streams, each read out alone
    ensemble_SxWxP: np.ndarray  # of the equal-weight average of their probabilities
    lone_SxW: np.ndarray | None  # of one stream with a prefix


@cache
def grid(study: Study) -> Grid:
    """Returns the grid of a study; ValueError if a cell lacks or a member diverged."""
    data = ends(study, "model.width", "streams.count", "streams.lone")
    without = pick(data, {"streams.lone": False})
    widths, counts = levels(without, "model.width"), levels(without, "streams.count")
    cells = [
        [cell(without, {"model.width": width, "streams.count": count}) for count in counts]
        for width in widths
    ]
    seeds = {tuple(own["seed"].values.tolist()) for row in cells for own in row}
    if len(seeds) > 1 or counts[0] != 1:
        raise ValueError("every width needs one stream, and every cell the same seeds")

    def of(name: str) -> np.ndarray:
        return np.moveaxis(np.array([[own[name].values for own in row] for row in cells]), -1, 0)

    lone = None
    if pick(data, LONE).sizes["member"]:
        rows = [cell(data, LONE | {"model.width": width}) for width in widths]
        lone = np.stack([own["eval_loss"].values for own in rows], axis=1)
    return Grid(
        widths,
        counts,
        of("parameters")[0].astype(float),
        of("added")[0],
        of("eval_loss"),
        of("eval_stream_loss"),
        of("eval_ensemble_loss"),
        lone,
    )


def fit(own: Grid, loss_SxWxP: np.ndarray, law: str = "logarithm") -> LawFit:
    """Returns a law fitted to the means of the cells."""
    loss_WxP = loss_SxWxP.mean(axis=0)
    count_WxP = np.broadcast_to(np.array(own.counts), loss_WxP.shape)
    return fit_law(own.N_WxP.ravel(), count_WxP.ravel(), loss_WxP.ravel(), law)


def gains(own: Grid) -> np.ndarray:
    """Returns what the loss falls by from one stream to P, in per cent of it: [S, W, P]."""
    return 100 * (1 - own.loss_SxWxP / own.loss_SxWxP[..., :1])


def added(own: Grid, count: int) -> str:
    """Returns what P streams add to the parameters of one, for the reader."""
    N_W, added_W = own.N_WxP[:, 0], own.added_WxP[:, own.counts.index(count)]
    least, most = np.min(added_W / N_W), np.max(added_W / N_W)
    return f"{count} streams add {least:.0%} to {most:.0%} to N"


@cache
def law(study: Study) -> LawFit:
    """Returns the paper's law on the means of the cells."""
    return fit(grid(study), grid(study).loss_SxWxP)


@cache
def k(study: Study) -> Interval:
    """Returns k of the law; seeds are resampled whole, so pairs stay together.

    Raises:
      ValueError: fewer than three seeds, or a fit that did not settle.
    """
    own = grid(study)
    if law(study).status is Status.FAILED:
        raise ValueError("the fit of the law did not settle")
    return _over_seeds(lambda loss: fit(own, loss).parameters["k"], own)


def multiplier(study: Study, count: int) -> Interval:
    """Returns how many times the parameters of P streams one stream needs for their loss.

    The geometric mean over the widths of `ratios`; a resample that leaves the losses of one stream
    counts as their end.

    Raises:
      ValueError: no width between narrowest and widest has a loss that one stream reaches.
    """
    own = grid(study)
    column = own.counts.index(count)
    reached_W = np.isfinite(ratios(own.N_WxP, own.loss_SxWxP.mean(axis=0), column))
    if not reached_W.any():
        raise ValueError("no width but the ends has a loss within those of one stream")

    def worth(loss_SxWxP: np.ndarray) -> float:
        loss_WxP = loss_SxWxP.mean(axis=0)
        within_WxP = np.clip(loss_WxP, loss_WxP[-1, 0], loss_WxP[0, 0])
        return float(np.exp(np.mean(ratios(own.N_WxP, within_WxP, column)[reached_W])))

    return _over_seeds(worth, own)


def ratios(N_WxP: np.ndarray, loss_WxP: np.ndarray, column: int) -> np.ndarray:
    """Returns ln of the multiplier of the P in a column for every width, [W].

    Read off the losses of one stream, the first column; NaN where they do not reach. It is NaN at
    the narrowest and the widest too: there chance decides on which side of the end a small effect
    falls, and only one side can be read.

    Raises:
      ValueError: losses of one stream that do not fall with N.
    """
    loss_W, found = loss_WxP[1:-1, column], np.full(len(N_WxP), np.nan)
    log_N_W = _ladder(-np.log(loss_WxP[:, 0]), np.log(N_WxP[:, 0]))(-np.log(loss_W))
    found[1:-1] = log_N_W - np.log(N_WxP[1:-1, column])
    return found


def gains_beyond(own: Grid) -> np.ndarray:
    """Returns gains over one stream with as many parameters, in per cent of its loss: [S, W, P].

    That loss is read off the same seed's losses of one stream; NaN where they do not reach, which
    is beyond the widest. ValueError where they do not fall with N.
    """
    log_N_WxP = np.log(own.N_WxP)
    given_SxWxP = np.exp(
        [-_ladder(log_N_WxP[:, 0], -np.log(loss_W))(log_N_WxP) for loss_W in own.loss_SxWxP[..., 0]]
    )
    return 100 * (1 - own.loss_SxWxP / given_SxWxP)


def _ladder(x_W: np.ndarray, y_W: np.ndarray) -> PchipInterpolator:
    """A rising curve through rising points of logarithms, NaN beyond them.

    Its bends matter: where widths double, straight lines overrate N by 4 to 12 per cent between
    them, for losses as here; this curve by 3 per cent at most.
    """
    if not (np.diff(x_W) > 0).all() or not (np.diff(y_W) > 0).all():
        raise ValueError(
            "the losses of one stream do not fall with N: nothing can be read off them"
        )
    return PchipInterpolator(x_W, y_W, extrapolate=False)


def rho(study: Study) -> np.ndarray:
    """Returns the correlation of the streams' residuals, [S, W, P > 1]."""
    own, floor = grid(study), law(study).parameters["E"]
    return residual_correlation(
        own.stream_SxWxP[..., 1:], own.ensemble_SxWxP[..., 1:], floor, np.array(own.counts[1:])
    )


def rho_of_law(found: LawFit, count: int) -> float:
    """Returns the correlation with which Eq. 4 gives what the logarithm gives to P streams."""
    k, alpha = found.parameters["k"], found.parameters["alpha"]
    return (count * (k * np.log(count) + 1) ** -alpha - 1) / (count - 1)


def _over_seeds(statistic: Callable[[np.ndarray], float], own: Grid) -> Interval:
    return bootstrap_interval(statistic, own.loss_SxWxP, resamples=RESAMPLES)

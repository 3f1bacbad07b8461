"""The effective parameter multiplier: N of one stream with the loss of P streams, over their N."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy

from experiments.parscale.grid import Grid, grid
from jaxlab.analysis.bootstrap import BootstrapInterval, bootstrap_interval
from jaxlab.analysis.estimate import RESAMPLES, Estimate, NotMeasurable, of_interval
from jaxlab.analysis.study import Study


def log_multipliers(
    own: Grid,
    count: int,
    seeds: np.ndarray | slice = slice(None),
    *,
    embedding: bool = False,
) -> np.ndarray:
    """Returns ln(N of one stream with the loss of P streams / N of those), for every width: [W].

    Losses are means over `seeds`. Between those of one stream runs a curve through logarithms whose
    bends matter: where widths double, straight lines overrate N by 4 to 12 percent, for losses as
    here, and this curve by 3 at most. Nothing is extrapolated: inf where the loss is below that of
    the widest, -inf where it is above that of the narrowest; NaN where the losses of one stream do
    not fall with N.

    Args:
      own: the losses.
      count: P.
      seeds: their places, with repeats in a resample.
      embedding: whether N counts the embedding. A wider decoder brings more of it, streams none.
    """
    tokens = own.vocabulary * embedding
    N_L = own.ladder_N_L + tokens * np.array(own.ladder_widths)
    column = own.at(count)
    N_W = own.N_WxP[:, column] + tokens * np.array(own.widths)
    loss_L = own.ladder_SxL[seeds].mean(axis=0)
    loss_W = own.loss_SxWxP[seeds][..., column].mean(axis=0)
    if len(N_L) < 2 or not (np.diff(loss_L) < 0).all():
        return np.full(len(N_W), np.nan)
    ladder = scipy.interpolate.PchipInterpolator(-np.log(loss_L), np.log(N_L), extrapolate=False)
    log_N_W = ladder(-np.log(loss_W))
    log_N_W[loss_W < loss_L[-1]] = np.inf
    log_N_W[loss_W > loss_L[0]] = -np.inf
    return log_N_W - np.log(N_W)


@cache
def multiplier(study: Study, task: str, count: int, width: int | None = None) -> Estimate:
    """Measures the multiplier at one width, or its geometric mean over `Grid.inner`.

    Raises:
      NotMeasurable: fewer than three seeds, or a loss outside those of one stream: of all seeds, or
        of more resamples than the ends of the interval leave out.
    """
    own = grid(study, task)
    places = own.inner if width is None else [own.widths.index(width)]
    if not places:
        raise NotMeasurable("no width with streams lies between two of one stream alone")
    log_W = log_multipliers(own, count)[places]
    if np.isnan(log_W).any():
        raise NotMeasurable("the losses of one stream do not fall with N: nothing is read off them")
    for beyond, end, sign, than in ((np.inf, -1, ">", "widest"), (-np.inf, 0, "<", "narrowest")):
        out = [place for place, log in zip(places, log_W, strict=True) if log == beyond]
        if out:
            bound_W = own.ladder_N_L[end] / own.N_WxP[:, own.at(count)]
            bounds = [f"{sign} {bound_W[place]:.2f} at width {own.widths[place]}" for place in out]
            raise NotMeasurable(f"{', '.join(bounds)}: beyond the {than} decoder of one stream")
    found = _over_seeds(lambda seeds: log_multipliers(own, count, seeds)[places], own)
    each_W = np.exp(log_multipliers(own, count))
    detail = ", ".join(f"width {own.widths[place]}: {each_W[place]:.2f}" for place in own.inner)
    whole = np.exp(log_multipliers(own, count, embedding=True)[places].mean())
    detail += f"; {_reached(found)}; where N counts the embedding {whole:.2f}"
    return of_interval(found, covers=RESAMPLES, detail=detail)


def ratio(study: Study, count: int) -> Estimate:
    """Measures the multiplier of reasoning over that of memory, seeds resampled together."""
    memory, reasoning = grid(study, "recall"), grid(study, "composition")

    def more(seeds: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):  # both out of reach
            more_W = log_multipliers(reasoning, count, seeds) - log_multipliers(
                memory, count, seeds
            )
        return more_W[memory.inner]

    found = _over_seeds(more, memory)
    return of_interval(found, covers=RESAMPLES, detail=f"seeds resampled whole; {_reached(found)}")


def gains_beyond(own: Grid) -> np.ndarray:
    """Returns gains over one stream with as many parameters, in percent of its loss: [S, W, P].

    That loss is read off the same seed's losses of one stream; NaN beyond the widest.
    """
    log_N_L, log_N_WxP = np.log(own.ladder_N_L), np.log(own.N_WxP)
    if len(log_N_L) < 2:
        return np.full_like(own.loss_SxWxP, np.nan)
    curves = [
        scipy.interpolate.PchipInterpolator(log_N_L, np.log(loss_L), extrapolate=False)
        for loss_L in own.ladder_SxL
    ]
    given_SxWxP = np.array([np.exp(curve(log_N_WxP)) for curve in curves])
    return 100 * (1 - own.loss_SxWxP / given_SxWxP)


def _over_seeds(log_ratios, own: Grid) -> BootstrapInterval:
    """The geometric mean of ratios, whose logarithms come from the places of seeds."""

    def statistic(seeds: np.ndarray) -> float:
        with np.errstate(invalid="ignore"):  # one width beyond either end
            mean = log_ratios(seeds).mean()
        return -np.inf if mean == -np.inf else float(np.exp(mean))  # 0 would count as reached

    return bootstrap_interval(statistic, np.arange(len(own.loss_SxWxP)))


def _reached(found: BootstrapInterval) -> str:
    if not found.lost:
        return "every resample within reach"
    return f"{found.lost:.2%} of the resamples out of reach, and counted as beyond the ends"

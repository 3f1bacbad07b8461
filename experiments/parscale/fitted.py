"""The law on the losses of a grid, and what of the streams' errors its floor lets one say."""

from __future__ import annotations

from functools import cache

import numpy as np

from experiments.parscale.grid import Grid, grid
from experiments.parscale.words import PUBLISHED_K
from jaxlab.analysis.bootstrap import BootstrapInterval, Resamples, percentile_interval, resample
from jaxlab.analysis.estimate import RESAMPLES, Estimate, NotMeasurable, of_interval
from jaxlab.analysis.power_law import Status
from jaxlab.analysis.residuals import residual_correlation
from jaxlab.analysis.scaling_law import LawFit, fit_law, refit
from jaxlab.analysis.study import Study
from jaxlab.report.claims import format_estimate


def table(own: Grid, *, all_N: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns N, P and losses of C cells: the grid, and one stream beside it: [C], [C], [S, C].

    all_N: whether N counts what streams add, a few thousandths at published sizes.
    """
    beside_L = ~np.isin(own.ladder_widths, own.widths)
    N_WxP = own.N_WxP if all_N else own.N_WxP - own.added_WxP
    N_C = np.concatenate([N_WxP.ravel(), own.ladder_N_L[beside_L]])
    count_C = np.ones_like(N_C)
    count_C[: N_WxP.size] = np.tile(own.counts, len(own.widths))
    loss_SxW = own.loss_SxWxP.reshape(len(own.loss_SxWxP), -1)
    return N_C, count_C, np.concatenate([loss_SxW, own.ladder_SxL[:, beside_L]], axis=1)


@cache
def law(study: Study, *, all_N: bool = True) -> LawFit:
    """Returns the paper's law on the means of the cells, of at least three sizes."""
    N_C, count_C, loss_SxC = table(grid(study), all_N=all_N)
    return fit_law(N_C, count_C, loss_SxC.mean(axis=0))


@cache
def refits(study: Study, *, all_N: bool = True) -> tuple[Resamples, dict[str, np.ndarray]]:
    """Returns resamples of the seeds, whole so that pairs stay together, and the law on each: [B].

    Raises:
      NotMeasurable: fewer than three seeds, or a fit to all of them that did not settle.
    """
    found = law(study, all_N=all_N)
    if found.status is Status.FAILED:
        raise NotMeasurable("the fit of the law did not settle")
    N_C, count_C, loss_SxC = table(grid(study), all_N=all_N)
    drawn = resample(len(loss_SxC))
    return drawn, refit(N_C, count_C, _means(drawn, loss_SxC), found)


def k(study: Study, *, all_N: bool = True) -> BootstrapInterval:
    """Returns k of the law."""
    drawn, parameters = refits(study, all_N=all_N)
    return percentile_interval(law(study, all_N=all_N).parameters["k"], parameters["k"], drawn)


def k_alone(study: Study) -> str:
    """Returns k where N leaves out what streams add, for the reader."""
    try:
        found = k(study, all_N=False)
    except NotMeasurable:  # on too many resamples
        return f"{law(study, all_N=False).parameters['k']:.3f}, without an interval"
    return format_estimate(found.value, found.low, found.high)


def predicted_gains(study: Study, *, all_N: bool = False) -> np.ndarray:
    """Returns the gains that the law here would have with the published k, in percent: [P].

    E and alpha are those fitted to this study; the gain is over the measured mean loss of one
    stream, mean over widths.

    Args:
      study: of at least three sizes.
      all_N: whether the parameters that streams add lower the loss as well, as the law says.
    """
    own, found = grid(study), law(study).parameters
    loss_Wx1 = own.loss_SxWxP[..., :1].mean(axis=0)
    more_WxP = PUBLISHED_K * np.log(own.counts) + 1
    if all_N:
        more_WxP = more_WxP * own.N_WxP / own.N_WxP[:, :1]
    excess_WxP = (loss_Wx1 - found["E"]) * more_WxP ** -found["alpha"]
    return 100 * (1 - (found["E"] + excess_WxP) / loss_Wx1).mean(axis=0)


def rho(study: Study, count: int, width: int | None = None) -> Estimate:
    """Measures the correlation of P streams' residuals that Eq. 4 implies from the ensemble's loss.

    At one width, or the mean over all. Every resample has the floor of its own fit.
    """
    return _estimate(study, _residuals(study)[0], count, width)


def rho_of_means(study: Study, count: int, width: int) -> Estimate:
    """Returns `rho` at one width without an interval, from the means over all seeds."""
    own, (rho_RxWxP, _) = grid(study), _residuals(study)
    value = float(rho_RxWxP[0, own.widths.index(width), own.at(count) - 1])
    return Estimate(value, np.nan, np.nan, len(own.loss_SxWxP))


def average(study: Study, count: int) -> Estimate:
    """Measures the part of the excess loss that P streams leave, over what averaging leaves.

    That is (L_P - E) / (L_1 - E) over the excess of the mean of their probabilities in that of a
    stream alone: mean over widths.
    """
    return _estimate(study, _residuals(study)[1], count, None)


def rho_of_law(found: LawFit, count: float) -> float:
    """Returns the correlation with which Eq. 4 gives what the logarithm gives to P streams."""
    k, alpha = found.parameters["k"], found.parameters["alpha"]
    return (count * (k * np.log(count) + 1) ** -alpha - 1) / (count - 1)


@cache
def _residuals(study: Study) -> tuple[np.ndarray, np.ndarray]:
    """`rho` and `average` of all seeds, then of every resample: [1 + B, W, P > 1]."""
    own, found = grid(study), law(study)
    drawn, parameters = refits(study)
    if "E" in found.at_bound:
        raise NotMeasurable("the floor E of the fitted law is at its bound: excess over it is none")
    floor_R = np.array([found.parameters["E"], *parameters["E"]])

    def of(name: str) -> np.ndarray:
        metric_SxWxP = own.metric(name)
        return np.concatenate([[metric_SxWxP.mean(axis=0)], _means(drawn, metric_SxWxP)])

    loss_RxWxP = of("eval_loss")
    stream, ensemble = (of(f"eval_{name}_loss")[..., 1:] for name in ("stream", "ensemble"))
    # A floor among the losses is none; the resample then has no value.
    least_R = np.minimum(loss_RxWxP.min(axis=(1, 2)), stream.min(axis=(1, 2)))
    floor_Rx1x1 = np.where(floor_R < least_R, floor_R, np.nan)[:, None, None]
    counts = np.array(own.counts[1:])
    rho_RxWxP = residual_correlation(stream, ensemble, floor_Rx1x1, counts)
    left_RxWxP = (loss_RxWxP[..., 1:] - floor_Rx1x1) / (loss_RxWxP[..., :1] - floor_Rx1x1)
    return rho_RxWxP, left_RxWxP / (((counts - 1) * rho_RxWxP + 1) / counts)


def _estimate(study: Study, values_RxWxP: np.ndarray, count: int, width: int | None) -> Estimate:
    own, (drawn, _) = grid(study), refits(study)
    places = slice(None) if width is None else [own.widths.index(width)]
    values_R = values_RxWxP[:, places, own.at(count) - 1].mean(axis=1)
    found = percentile_interval(float(values_R[0]), values_R[1:], drawn)
    floor = law(study).parameters["E"]
    detail = f"above the floor E = {floor:.3f} of the fitted law, which every resample fits anew"
    return of_interval(found, covers=RESAMPLES, detail=detail)


def _means(drawn: Resamples, metric: np.ndarray) -> np.ndarray:
    """The means over the seeds of every resample: [B, ...] from [S, ...]."""
    return np.tensordot(drawn.count_BxS, metric, axes=1) / len(metric)

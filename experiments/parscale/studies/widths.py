"""What the study `widths` measures and draws: decoders of several widths, each with P streams."""

from __future__ import annotations

import numpy as np

from experiments.parscale import fitted, multiplier, published
from experiments.parscale.cells import half_less
from experiments.parscale.figures import (
    if_measurable,
    intervals,
    losses_by_parameters,
    stream_axis,
)
from experiments.parscale.grid import Grid, grid
from experiments.parscale.words import PUBLISHED_K, PUBLISHED_RHO
from jaxlab.analysis.cells import lowest
from jaxlab.analysis.estimate import RESAMPLES, Estimate, NotMeasurable, of_interval
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.laws import LAWS
from jaxlab.analysis.scaling_law import fit_law, hold_outs
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table


def gain(study: Study, count: int) -> Estimate:
    """Measures the gain of P streams over one, mean over widths, in percent of the loss."""
    own = grid(study)
    at = own.at(count)
    nats = (own.loss_SxWxP[..., 0] - own.loss_SxWxP[..., at]).mean()
    share_W = own.added_WxP[:, at] / own.N_WxP[:, 0]
    detail = f"{nats:.4f} nats; {count} streams add {share_W.min():.0%} to {share_W.max():.0%} "
    detail += f"to N{_predicted(study, count)}"
    return over_seeds(own.gains[..., at].mean(axis=1), detail)


def _predicted(study: Study, count: int) -> str:
    try:
        alone, whole = (fitted.predicted_gains(study, all_N=all_N) for all_N in (False, True))
    except NotMeasurable:
        return ""
    at = grid(study).at(count)
    return (
        f"; with this study's E and alpha and the published k = {PUBLISHED_K} the law predicts "
        f"{whole[at]:.1f} %, of which {alone[at]:.1f} % without the parameters that streams add"
    )


def part_of_law(study: Study, count: int) -> Estimate:
    """Measures the gain of P streams over that of the law with the published k."""
    own = grid(study)
    predicted = fitted.predicted_gains(study, all_N=True)[own.at(count)]
    gain_S = own.gains[..., own.at(count)].mean(axis=1)
    detail = f"{gain_S.mean():.2f} % of {predicted:.2f} %; the prediction has no interval"
    return over_seeds(gain_S / predicted, detail)


def beyond(study: Study, count: int) -> Estimate:
    """Measures the gain over one stream with as many parameters, mean over widths that have one."""
    own = grid(study)
    gain_SxW = multiplier.gains_beyond(own)[..., own.at(count)]
    reached_W = np.isfinite(gain_SxW).all(axis=0)
    if not reached_W.any():
        raise NotMeasurable("no decoder of one stream has as many parameters")
    detail = f"over {reached_W.sum()} of {len(own.widths)} widths"
    return over_seeds(gain_SxW[:, reached_W].mean(axis=1), detail)


def step(study: Study, after: int, *, less_than_before: bool = False) -> Estimate:
    """Measures the gain from the number of streams before to this one, mean over widths.

    less_than_before: what that step takes off less than the step before it.
    """
    own = grid(study)
    step_SxP = np.diff(own.gains.mean(axis=1), axis=1)
    at = own.at(after) - 1
    return over_seeds(
        step_SxP[:, at - 1] - step_SxP[:, at] if less_than_before else step_SxP[:, at]
    )


def least_gain(study: Study) -> Estimate:
    """Measures the least gain over widths of the most streams."""
    own = grid(study)
    each = [student_interval(gain_S) for gain_S in own.gains[..., -1].T]
    covers = "95 % over seeds at every width (Student t): the lowest of their ends"
    return of_interval(lowest(each), covers=covers, detail=f"at P = {own.counts[-1]}")


def k_of_law(study: Study) -> Estimate:
    """Measures k of the law fitted to all cells."""
    found = fitted.law(study)
    named = ", ".join(f"{name} = {value:.3g}" for name, value in found.parameters.items())
    bound = f"; {' and '.join(found.at_bound)} at a bound" if found.at_bound else ""
    detail = f"{named}, R² = {found.r_squared:.4f}{bound}; seeds resampled whole; where N leaves "
    detail += f"out what streams add, k = {fitted.k_alone(study)}"
    return of_interval(fitted.k(study), covers=RESAMPLES, detail=detail)


def prefix_control(study: Study) -> Estimate:
    """Measures the gain of the single-stream prefix control over one stream, mean over widths."""
    return over_seeds(_control_gain(grid(study)))


def prefix_share(study: Study) -> Estimate:
    """Measures half of what two streams gain less what the prefix control does."""
    own = grid(study)
    return half_less(own.gains[..., own.at(2)].mean(axis=1), _control_gain(own), " %")


def _control_gain(own: Grid) -> np.ndarray:
    if own.control_SxW is None:
        raise NotMeasurable("the study has no single stream with a prefix")
    return 100 * (1 - own.control_SxW / own.loss_SxWxP[..., 0]).mean(axis=1)


def losses(study: Study) -> Figure:
    """Returns loss against N by P, with the fitted law if there is one."""
    own, law = grid(study), if_measurable(fitted.law, study)
    figure, (ax,) = panels()
    losses_by_parameters(ax, own)
    if law is not None:
        line_N = np.geomspace(own.N_WxP.min(), own.ladder_N_L.max(), 100)
        for count, colour in zip(own.counts, CATEGORY_COLOURS, strict=False):
            ax.plot(line_N, law.predict(line_N, count), color=colour, lw=1)
    ax.set(ylabel="validation loss, nats per token")
    caption = (
        f"Means of {own.loss_SxWxP.shape[0]} seeds with 95 % intervals over seeds, which say "
        "little of differences: those are paired."
    )
    if law is not None:
        named = ", ".join(f"{name} = {value:.3g}" for name, value in law.parameters.items())
        caption += f" Lines: the fitted law, {named}, R² = {law.r_squared:.4f}."
    return Figure("widths", "Loss against parameters, by the number of streams", caption, figure)


def gains(study: Study) -> Figure:
    """Returns gain and multiplier against ln P, beside the law and what was published."""
    own = grid(study)
    figure, (left, right) = panels(1, 2)
    log_P = np.log(own.counts)
    for row, width in enumerate(own.widths):
        found = [over_seeds(gain_S) for gain_S in own.gains[:, row].T]
        shift = 0.015 * (row - (len(own.widths) - 1) / 2)
        intervals(left, log_P + shift, found, f"width {width}")
    if if_measurable(fitted.law, study) is not None:
        expected_P = fitted.predicted_gains(study, all_N=True)
        left.plot(log_P, expected_P, "k-.", lw=1.5, label=f"law here, with k = {PUBLISHED_K}")
    styles = dict(zip(published.CORPORA, ("--", ":"), strict=True))
    for corpus, style in styles.items():
        label = f"{published.CORPORA[corpus]}, 0.5 to 4.4 billion parameters"
        given = np.log(published.COUNTS), published.gains(corpus)
        left.plot(*given, style, color=GREY, lw=1.5, label=label)
    left.axhline(0, color=GREY, lw=0.8)
    left.set(ylabel="gain over one stream, % of the loss")
    read = {
        count: if_measurable(multiplier.multiplier, study, "text", count)
        for count in own.counts[1:]
    }
    read = {count: found for count, found in read.items() if found is not None}
    if read:
        intervals(right, np.log(list(read)), list(read.values()), "measured here")
    line_P = np.geomspace(1, 8, 50)
    for corpus, style in styles.items():
        k = published.fit(corpus).parameters["k"]
        label = f"published, {published.CORPORA[corpus]}: k = {k:.2f}"
        right.plot(np.log(line_P), k * np.log(line_P) + 1, style, color=GREY, lw=1.5, label=label)
    right.axhline(1, color=GREY, lw=0.8)
    right.set(ylabel="effective parameter multiplier")
    for ax in (left, right):
        stream_axis(ax, published.COUNTS)
        plots.legend(ax)
    caption = (
        "Left: what P streams take off the loss of one, paired by seed, 95 % intervals; what the "
        "law with the floor and exponent of this study and the published k predicts, all "
        "parameters counted; and the published means, which are of other sizes and so no "
        "comparator. Right: how many times their own parameters one stream needs for the same "
        "loss, between the narrowest and the widest of one stream."
    )
    return Figure("widths_gains", "What P streams gain", caption, figure)


def correlations(study: Study) -> Figure:
    """Returns the correlation that Eq. 4 implies from the ensemble's loss, against ln P."""
    own, law = grid(study), fitted.law(study)
    if "E" in law.at_bound:
        raise NotMeasurable("the floor E of the fitted law is at its bound: no excess over it")
    figure, (ax,) = panels()
    for row, width in enumerate(own.widths):
        parts = [
            if_measurable(fitted.rho, study, count, width)
            or fitted.rho_of_means(study, count, width)
            for count in own.counts[1:]
        ]
        shift = 0.01 * (row - (len(own.widths) - 1) / 2)
        intervals(ax, np.log(own.counts[1:]) + shift, parts, f"width {width}")
    line_P = np.geomspace(2, max(8, own.counts[-1]), 50)
    needed = [fitted.rho_of_law(law, count) for count in line_P.tolist()]
    ax.plot(np.log(line_P), needed, "k--", lw=1.5, label="needed for the law fitted here")
    implied = np.log(list(PUBLISHED_RHO)), list(PUBLISHED_RHO.values())
    label = "implied by the published losses"
    ax.plot(*implied, "D", color=GREY, mfc="none", label=label)
    stream_axis(ax, published.COUNTS[1:])
    ax.set(ylabel="correlation ρ that Eq. 4 implies")
    plots.legend(ax)
    caption = (
        "From the mean loss of single streams and that of their averaged probabilities, above the "
        f"floor E = {law.parameters['E']:.3f} of the law fitted to these losses, which every "
        "resample of the seeds fits anew; a point has no interval where too many of those fits "
        "have no floor below the losses. Dashed, the correlation with which Eq. 4 of the paper "
        "gives that law. At 1 averaging gains nothing. It is what Eq. 4 implies, not a "
        "correlation that was measured on the residuals."
    )
    return Figure("widths_rho", "How alike the streams are", caption, figure)


def rivals_table(study: Study) -> Table:
    """Returns the law beside its rivals, fitted to the means of the cells."""
    N_C, count_C, loss_SxC = fitted.table(grid(study))
    loss_C, rows = loss_SxC.mean(axis=0), []
    for name in LAWS:
        found = fit_law(N_C, count_C, loss_C, name)
        unseen = hold_outs(N_C, count_C, loss_C, law=name)
        rms = [unseen[of].rms if of in unseen else None for of in ("largest N", "largest P")]
        named = ", ".join(f"{key} {value:.4g}" for key, value in found.parameters.items())
        rows.append([LAWS[name].formula, named, found.r_squared, found.sum_of_squares, *rms])
        rows[-1].append(", ".join(found.at_bound) or found.status.value)
    header = ["law", "parameters", "R²", "squares", "RMS, largest N unseen"]
    header += ["RMS, largest P unseen", "status"]
    return Table("widths: the law and its rivals, on the means of the cells", header, rows)

"""What the figures of several parts have in common, and those of the widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from experiments.parscale import fitted, published, worth
from experiments.parscale import grid as grids
from experiments.parscale.expected import PUBLISHED_RHO
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.scaling_law import LawFit
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import format_estimate
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, INK, Figure, panels


def intervals(
    ax: Axes, x: Sequence[float] | np.ndarray, found: Sequence[Interval], label: str
) -> None:
    """Draws intervals against a swept value."""
    values = ([getattr(part, end) for part in found] for end in ("value", "low", "high"))
    plots.interval_plot(ax, x, *values, label=label)


def rows(figure_name: str, title: str, caption: str, found: Mapping[str, Interval]) -> Figure:
    """Returns one horizontal interval for each name: gains, in per cent of the loss."""
    lines = sum(1 + name.count("\n") / 2 for name in found)
    figure, (ax,) = panels(panel_height_inches=1.2 + 0.4 * lines)
    for place, part in enumerate(found.values()):
        ax.plot([part.low, part.high], [place, place], color=CATEGORY_COLOURS[0], lw=2.5)
        ax.plot(part.value, place, "o", color=CATEGORY_COLOURS[0], mec="white", ms=8)
        number = format_estimate(part.value, part.low, part.high)
        ax.text(1.02, place, number, transform=ax.get_yaxis_transform(), va="center", fontsize=9.5)
    ax.axvline(0, color=INK, lw=1.2, zorder=1)
    ax.set_yticks(range(len(found)), list(found))
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.grid(False, axis="y")
    ax.set_xlabel("gain, % of the loss of the reference")
    return Figure(figure_name, title, caption, figure)


def stream_axis(ax: Axes, counts: Sequence[int]) -> None:
    """Marks an axis of ln P with the numbers of streams."""
    ax.set_xticks(np.log(counts), [str(count) for count in counts])
    ax.set_xlabel("streams P, spaced as ln P")


def losses(study: Study, law: LawFit | None) -> Figure:
    """Returns loss against N by P, with the fitted law if there is one."""
    own = grids.grid(study)
    figure, (ax,) = panels()
    for column, count in enumerate(own.counts):
        colour, N_W = CATEGORY_COLOURS[column], own.N_WxP[:, column]
        ends = [student_interval(loss_S) for loss_S in own.loss_SxWxP[..., column].T]
        label = f"{count} stream" + "s" * (count > 1)
        ax.plot(N_W, [end.value for end in ends], "o", color=colour, label=label)
        ax.vlines(N_W, [end.low for end in ends], [end.high for end in ends], color=colour, lw=2)
        if law is not None:
            line_N = np.geomspace(own.N_WxP.min(), own.ladder_N_L.max(), 100)
            ax.plot(line_N, law.predict(line_N, count), color=colour, lw=1)
    beside_L = ~np.isin(own.ladder_widths, own.widths)
    ax.plot(
        *(own.ladder_N_L[beside_L], own.ladder_SxL[:, beside_L].mean(axis=0), "o"),
        color=CATEGORY_COLOURS[0],
    )
    if own.lone_SxW is not None:
        ax.plot(
            *(own.N_WxP[:, 0], own.lone_SxW.mean(axis=0), "x"),
            color=GREY,
            label="one stream with a prefix",
        )
    ax.set(xscale="log", yscale="log", xlabel="parameters N, without the embedding")
    ax.set_ylabel("validation loss, nats per token")
    plots.legend(ax)
    caption = (
        f"Means of {own.loss_SxWxP.shape[0]} seeds with 95 % intervals over seeds, which say "
        "little of differences: those are paired."
    )
    if law is not None:
        named = ", ".join(f"{name} = {value:.3g}" for name, value in law.parameters.items())
        caption += f" Lines: the fitted law, {named}, R² = {law.r_squared:.4f}."
    return Figure("widths", "Loss against parameters, by the number of streams", caption, figure)


def gains(study: Study) -> Figure:
    """Returns gain and worth against ln P, beside the published."""
    own = grids.grid(study)
    figure, (left, right) = panels(1, 2)
    log_P = np.log(own.counts)
    for row, width in enumerate(own.widths):
        found = [student_interval(gain_S) for gain_S in grids.gains(own)[:, row].T]
        shift = 0.015 * (row - (len(own.widths) - 1) / 2)
        intervals(left, log_P + shift, found, f"width {width}")
    for corpus, style in zip(published.CORPORA, ("--", ":"), strict=True):
        given_P = published.gains(corpus)
        label = f"published, {published.CORPORA[corpus]}"
        left.plot(np.log(published.COUNTS), given_P, style, color=GREY, lw=1.5, label=label)
    left.axhline(0, color=GREY, lw=0.8)
    left.set(ylabel="gain over one stream, % of the loss")
    read = {count: _multiplier(study, count) for count in own.counts[1:]}
    read = {count: interval for count, interval in read.items() if interval is not None}
    if read:
        intervals(right, np.log(list(read)), list(read.values()), "read off here")
    line_P = np.geomspace(1, 8, 50)
    for corpus, style in zip(published.CORPORA, ("--", ":"), strict=True):
        k = published.fit(corpus).parameters["k"]
        label = f"published, {published.CORPORA[corpus]}: k = {k:.2f}"
        right.plot(np.log(line_P), k * np.log(line_P) + 1, style, color=GREY, lw=1.5, label=label)
    right.axhline(1, color=GREY, lw=0.8)
    right.set(ylabel="worth in parameters, multiple of N")
    for ax in (left, right):
        stream_axis(ax, published.COUNTS)
        plots.legend(ax)
    caption = (
        "Left: what P streams take off the loss of one, paired by seed, 95 % intervals, and the "
        f"published means over sizes. {grids.added(own, own.counts[-1])}, at published sizes 0.2 % "
        "a stream. Right: how many times their own parameters one stream needs for the same loss, "
        "between the narrowest and the widest of one stream."
    )
    return Figure("widths_gains", "What P streams gain", caption, figure)


def _multiplier(study: Study, count: int) -> Interval | None:
    try:
        return worth.multiplier(study, "text", count)
    except ValueError:
        return None


def _rho(study: Study, count: int, width: int) -> Interval:
    try:
        return fitted.rho(study, count, width)
    except ValueError:
        value = fitted.rho_of_means(study, count, width)
        return Interval(value, np.nan, np.nan, len(grids.grid(study).loss_SxWxP), np.nan)


def correlations(study: Study) -> Figure:
    """Returns the correlation that Eq. 4 implies from the ensemble's loss, against ln P."""
    own, law = grids.grid(study), fitted.law(study)
    figure, (ax,) = panels()
    for row, width in enumerate(own.widths):
        parts = [_rho(study, count, width) for count in own.counts[1:]]
        shift = 0.01 * (row - (len(own.widths) - 1) / 2)
        intervals(ax, np.log(own.counts[1:]) + shift, parts, f"width {width}")
    line_P = np.geomspace(2, max(8, own.counts[-1]), 50)
    needed = [fitted.rho_of_law(law, count) for count in line_P.tolist()]
    ax.plot(np.log(line_P), needed, "k--", lw=1.5, label="needed for the law fitted here")
    implied = list(PUBLISHED_RHO.items())
    ax.plot(
        np.log([count for count, _ in implied]),
        [value for _, value in implied],
        "D",
        color=GREY,
        mfc="none",
        label="implied by the published losses",
    )
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

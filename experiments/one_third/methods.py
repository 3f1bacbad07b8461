"""Optimizer variants compared: their envelopes over learning rates, and what claims make of them.

A condition is a set of config values; its members differ in learning rate and seed alone. Both the
final iterate and an average of the iterates are evaluated. docs/methods.md has the theory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from experiments.one_third import envelopes
from experiments.one_third.envelopes import AVERAGE, LAST, RATE, Envelope
from experiments.one_third.words import THIRD
from jaxlab import config as configs
from jaxlab.analysis.cells import select
from jaxlab.analysis.curve import Window
from jaxlab.analysis.estimate import Estimate, NotMeasurable, of_exponent, of_interval
from jaxlab.analysis.estimators import Measure
from jaxlab.analysis.interval import ExponentInterval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.claims import Claim, Kind
from jaxlab.report.figures import Figure, panels
from jaxlab.report.tables import Table

if TYPE_CHECKING:
    import xarray as xr

THEORY = "docs/methods.md, derived in this lab"
AFTERWARDS = "this lab; written after a first run of this study was seen, so it predicts nothing"
HEADING = "Methods that change the exponent"
FREE = ("rates",)  # a longer ladder of rates asks the same question
POWER, GROWTH = "schedule.power", "schedule.weight_growth"
ITERATES = {LAST: "final iterate", AVERAGE: "averaged iterate"}
PAIRED = "95 % over seeds (Student t), paired by seed"
PAIRED_RATIO = "95 % over seeds (Student t of logarithms), paired by seed; geometric mean"


class Side(NamedTuple):
    """One side of a comparison: an iterate of a condition.

    Attributes:
      label: what the condition is called.
      values: the config values that identify its members.
      iterate: LAST or AVERAGE.
      tuned: the keys whose best values are taken at every horizon; none: at one fixed rate.
      knows_horizon: whether its records before the last are no ends of shorter runs.
    """

    label: str
    values: Mapping[str, Any]
    iterate: str = LAST
    tuned: tuple[str, ...] = (RATE,)
    knows_horizon: bool = False

    def __str__(self) -> str:
        return f"{self.label}, {ITERATES[self.iterate]}"

    def both(self) -> tuple[Side, Side]:
        """The final and the averaged iterate of the condition."""
        return self._replace(iterate=LAST), self._replace(iterate=AVERAGE)

    def members(self, study: Study) -> xr.Dataset:
        """Returns the members of the condition, sorted by seed; there may be none."""
        known, data = dict(configs.leaves(study.config)), study.data
        missing = {key: known[key] for key in self.values if key not in data.coords}
        count = data.sizes["member"]
        columns = {key: ("member", [value] * count) for key, value in missing.items()}
        return select(data.assign_coords(columns), self.values)

    def ran(self, study: Study) -> bool:
        """Whether there are members; smaller sizes leave conditions out."""
        return self.members(study).sizes["member"] > 0

    def envelope(self, study: Study, metric: str = "loss") -> Envelope:
        """Returns the lowest values of a metric; see `experiments.one_third.envelopes`."""
        if not self.ran(study):
            raise NotMeasurable(f"the study has no member of {self.label}")
        return envelopes.envelope(self.members(study), self.iterate + metric, self.tuned or (RATE,))

    def exponent(self, study: Study, window: Window) -> ExponentInterval | None:
        """Returns the exponent against steps for a figure or table; None where it has none."""
        try:
            return None if self.knows_horizon else self.envelope(study).exponent(window)
        except NotMeasurable:  # too few records
            return None


def falls(
    id: str,
    side: Side,
    window: Window,
    power: float,
    margin: float,
    source: str = THEORY,
    published: float | None = None,
    metric: str = "loss",
    heading: str = HEADING,
) -> Claim:
    """Returns the claim that a metric of a side falls as steps^-power in a window of steps."""

    def measure(study: Study) -> Estimate:
        envelope = side.envelope(study, metric)
        found = envelope.exponent(window)
        detail = (
            f"against steps; seeds alone [{found.seed_low:.3f}, {found.seed_high:.3f}]; "
            f"at the end {float(envelope.ends.mean()):.4f}"
        )
        if side.tuned == (RATE,):
            detail += envelope.edge_note(window)
        elif side.tuned:
            best = zip(side.tuned, envelope.settings[envelope.best_R[-1]], strict=True)
            detail += ", with " + ", ".join(f"{key} = {value:.3g}" for key, value in best)
        return of_exponent(found, detail=detail)

    what = {"loss": "the loss", "error": "the share of wrong answers"}[metric]
    return Claim(
        id,
        f"{side.label}, {'tuned at every horizon' if side.tuned else 'not tuned'}: over steps "
        f"{window[0]:,.0f} to {window[1]:,.0f} {what} of the {ITERATES[side.iterate]} falls with "
        f"the step t as t^-{power:.2f}",
        expected=(power - margin, power + margin),
        measure=measure,
        source=source,
        published=published,
        free=FREE,
        heading=heading,
        label=f"{side}, {metric}" if metric != "loss" else str(side),
    )


def loss_ratio(
    id: str,
    sentence: str,
    first: Sequence[Side],
    second: Sequence[Side],
    expected: tuple[float, float],
    source: str = THEORY,
    kind: Kind = Kind.FINDING,
) -> Claim:
    """Returns the claim of the best end loss of some sides over the best of others."""

    def measure(study: Study) -> Estimate:
        above, below = (_best(study, sides) for sides in (first, second))
        ratio = envelopes.end_ratio(above[1].ends, below[1].ends)
        return of_interval(ratio, covers=PAIRED_RATIO, detail=_compared(above, below))

    sentence += " (ratio of losses at the end)"
    return Claim(id, sentence, expected, measure, source, kind=kind, free=FREE)


def gain(before: Side, after: Side) -> Measure:
    """Measures the end loss of `before` minus that of `after`, in nats."""

    def measure(study: Study) -> Estimate:
        pair = [_best(study, [side]) for side in (before, after)]
        difference = student_interval(pair[0][1].ends - pair[1][1].ends)
        return of_interval(difference, covers=PAIRED, detail=_compared(*pair))

    return measure


def _best(study: Study, sides: Sequence[Side]) -> tuple[Side, Envelope]:
    found = [(side, side.envelope(study)) for side in sides]
    return min(found, key=lambda pair: float(pair[1].ends.mean()))


def _compared(*pair: tuple[Side, Envelope]) -> str:
    text = " against ".join(f"{found.ends.mean():.4f} nats ({side})" for side, found in pair)
    short = [found.best_R[-1] in (0, len(found.settings) - 1) for side, found in pair if side.tuned]
    if any(short):
        where = "both sides" if all(short) else f"the {'first' if short[0] else 'second'} side"
        text += f"; not settled, as the best rate ends its ladder on {where}"
    return text


def curves(
    name: str,
    title: str,
    caption: str,
    shown: Mapping[str, Mapping[str, Side]],
    rows: int = 1,
    limits: tuple[float, float] | None = None,
    metrics: tuple[str, ...] = ("loss",),
) -> Callable[[Study], Figure]:
    """Returns a figure of envelopes against steps, a panel for each title.

    Args:
      name: of the figure.
      title: of the figure.
      caption: of the figure; the number of seeds is added to it.
      shown: title of a panel -> label in the legend, the same in all panels -> side.
      rows: of panels.
      limits: of the losses that are shown.
      metrics: what each panel shows; one for all, or one each.
    """

    def envelopes_figure(study: Study) -> Figure:
        figure, axes = panels(rows, -(-len(shown) // rows), panel_height_inches=5.2 - 0.8 * rows)
        own = metrics * len(shown) if len(metrics) == 1 else metrics
        for ax, metric, (panel, sides) in zip(axes, own, shown.items(), strict=False):
            present = {label: side for label, side in sides.items() if side.ran(study)}
            found = {label: side.envelope(study, metric) for label, side in present.items()}
            if found:
                step_R = next(iter(found.values())).step_R
                means = [envelope.value_SxR.mean(axis=0) for envelope in found.values()]
                plots.loglog_curves(ax, step_R, np.stack(means), labels=list(found))
                ax.set(xlim=(10, step_R[-1]), ylim=limits)
            ax.set(xlabel="steps", ylabel="loss, nats", title=panel)
            if legend := ax.get_legend():
                legend.remove()
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        plots.shared_legend(axes)
        return Figure(name, title, f"{caption} Means of {seeds_of(study)} seeds.", figure)

    return envelopes_figure


def dots(
    name: str, title: str, caption: str, sides: Sequence[Side], window: Window
) -> Callable[[Study], Figure]:
    """Returns a figure of the exponents and of the end losses of both iterates of conditions."""

    def dots_figure(study: Study) -> Figure:
        shown = [side for side in sides if side.ran(study)]
        figure, (left, right) = panels(1, 2, panel_height_inches=0.34 * len(shown) + 1.2)
        row_P = np.arange(len(shown))
        for offset, iterate in ((-0.15, LAST), (0.15, AVERAGE)):
            own = [side._replace(iterate=iterate) for side in shown]
            found = [side.exponent(study, window) for side in own]
            slopes = [[e.value, e.low, e.high] if e else [np.nan] * 3 for e in found]
            value_P, low_P, high_P = np.array(slopes, dtype=float).T
            (dot,) = left.plot(value_P, row_P + offset, "o", ms=5, label=ITERATES[iterate])
            known_P = np.isfinite(value_P)
            bars = (row_P + offset)[known_P], low_P[known_P], high_P[known_P]
            left.hlines(*bars, color=dot.get_color(), lw=2)
            loss_PxS = np.stack([side.envelope(study).ends for side in own])
            right.plot(loss_PxS, row_P + offset, "o", ms=4, color=dot.get_color())
        left.axvline(THIRD, color="grey", ls=":", lw=1, label="1/3")
        left.set(xlabel=f"exponent over steps {window[0]:,.0f} to {window[1]:,.0f}")
        right.set(xscale="log", xlabel=f"loss after {study.config.train.steps:,} steps, nats")
        left.set_yticks(row_P, [side.label for side in shown])
        right.set_yticks(row_P, [""] * len(shown))
        for ax in (left, right):
            ax.set_ylim(len(shown) - 0.5, -0.5)
        plots.shared_legend([left])
        return Figure(name, title, caption, figure)

    return dots_figure


def table(
    caption: str, sides: Sequence[Side], window: Window, base: Side | None = None
) -> Callable[[Study], Table]:
    """Returns a table of both iterates of conditions; end losses are also divided by a base's."""

    def tuned_table(study: Study) -> Table:
        header = [
            "condition",
            "iterate",
            "exponent",
            "low",
            "high",
            "end loss, nats",
            "low",
            "high",
        ]
        header += ["best first rate", "its place in the ladder", "diverged members"]
        header += [f"end loss over {base}", "share of wrong answers"] if base else []
        rows = []
        for side in (part for one in sides if one.ran(study) for part in one.both()):
            found, slope = side.envelope(study), side.exponent(study, window)
            end, best = student_interval(found.ends), found.best_R[-1]
            row: list[str | float | None] = [side.label, ITERATES[side.iterate]]
            row += [slope.value, slope.low, slope.high] if slope else [None] * 3
            row += [end.value, end.low, end.high, found.settings[best][0]]
            row += [f"{best + 1} of {len(found.settings)}", found.diverged]
            if base:
                error = float(side.envelope(study, "error").ends.mean())
                row += [end.value / float(base.envelope(study).ends.mean()), error]
            rows.append(row)
        return Table(caption, header, rows)

    return tuned_table


def seeds_of(study: Study) -> int:
    """Returns how many seeds a study has."""
    return len(np.unique(study.data["seed"]))

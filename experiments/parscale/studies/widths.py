"""The law itself: decoders of several widths, each with P streams, on the same text."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.parscale import drawing
from experiments.parscale import grid as grids
from experiments.parscale.expected import (
    BY,
    PAPER,
    PUBLISHED_GAINS,
    PUBLISHED_MULTIPLIERS,
    PUBLISHED_RHO,
)
from experiments.parscale.grid import Grid
from experiments.parscale.studies import PUBLISHED, TEXT
from jaxlab.analysis.cells import lowest
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.laws import LAWS
from jaxlab.analysis.scaling_law import hold_outs
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

STEPS = {2: (1, 2), 4: (2, 4), 8: (4, 8)}
EXPECTED = {
    **{
        f"widths_gain_{count}": Expected(
            f"{count} streams have a lower loss than one, mean over widths (per cent of the loss)",
            f"{PAPER}, Fig. 2: mean of its sizes and corpora",
            published,
            (0.0, inf),
            in_overview=True,
            short=f"{count} streams instead of one",
        )
        for count, published in PUBLISHED_GAINS.items()
    },
    **{
        f"widths_beyond_{count}": Expected(
            f"{count} streams have a lower loss than one stream with as many parameters, mean over "
            "widths but the widest (per cent of the loss)",
            f"{PAPER}, Fig. 2: mean of its sizes and corpora, where streams add 0.2 % to N each",
            published,
            (0.0, inf),
            in_overview=True,
            short=f"{count} streams instead of as many parameters",
        )
        for count, published in PUBLISHED_GAINS.items()
    },
    **{
        f"widths_step_{after}": Expected(
            f"From {before} to {after} streams the loss falls, mean over widths (per cent of the "
            "loss of one)",
            f"{PAPER}, Fig. 2: mean of its sizes and corpora",
            published,
            (0.0, inf),
        )
        for (before, after), published in (((2, 4), 1.16), ((4, 8), 0.99))
    },
    "widths_everywhere": Expected(
        "The loss falls from one stream to the most at every width: the least such gain (per cent)",
        f"{PAPER}, Fig. 2: the least is at P = 8 in the Pile",
        3.49,
        (0.0, inf),
    ),
    "widths_shrink_4": Expected(
        "From 2 to 4 streams takes off less than from 1 to 2 (difference, per cent of the loss)",
        f"{PAPER}, Fig. 2: mean of its sizes and corpora",
        0.53,
        (0.0, inf),
    ),
    "widths_shrink_8": Expected(
        "From 4 to 8 streams takes off less than from 2 to 4 (difference, per cent of the loss)",
        f"{PAPER}, Fig. 2: mean of its sizes and corpora",
        0.17,
        (0.0, inf),
    ),
    "widths_k": Expected(
        "k of the law E + (A / (N (k ln P + 1)))^alpha is above 0: streams act like parameters",
        f"{PAPER}, Fig. 2: 0.39 and 0.33",
        0.36,
        (0.0, inf),
    ),
    **{
        f"widths_multiplier_{count}": Expected(
            f"{count} streams are worth more parameters than they have: N of one stream with their "
            "loss, over their own N",
            f"{PAPER}, Fig. 2: k ln P + 1, mean of its corpora",
            published,
            (1.0, inf),
        )
        for count, published in PUBLISHED_MULTIPLIERS.items()
    },
    "widths_lone": Expected(
        "Control: one stream with a prefix is no better than one without (gain, per cent)",
        BY,
        None,
        (-0.2, 0.2),
        control=True,
        in_overview=True,
        group="control",
        short="one stream with a prefix, all widths",
    ),
    "widths_lone_share": Expected(
        "Control: a prefix without further streams gives less than half of what two streams give "
        "(half of their gain less its own, per cent)",
        BY,
        None,
        (0.0, inf),
        control=True,
    ),
    **{
        f"widths_rho_{count}": Expected(
            f"The residuals of {count} streams are correlated as the published losses imply",
            f"{PAPER}, Eq. 4 with its losses and E; never measured there",
            published,
            (published - 0.05, min(published + 0.05, 1.0)),
        )
        for count, published in PUBLISHED_RHO.items()
    },
    **{
        f"widths_theory_{count}": Expected(
            f"With {count} streams the excess loss over that of one is [(P - 1) ρ + 1] / P of the "
            "measured ρ (ratio of the two)",
            f"{PAPER}, Eq. 4",
            None,
            (0.97, 1.03),
        )
        for count in PUBLISHED_RHO
    },
}
PINNED = TEXT | PUBLISHED | {"streams.aggregation": "learned", "streams.tied": False}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns gains paired by seed, the law's k, what streams are worth, and their correlation."""
    own = grids.grid(study)
    gain_SxWxP, found = grids.gains(own), {}
    for count in STEPS:
        if count not in own.counts:
            for name in ("gain", "beyond", "step", "shrink", "multiplier", "rho", "theory"):
                found[f"widths_{name}_{count}"] = Unmeasured(f"the study has no P = {count}")
            continue
        found |= {f"widths_{name}_{count}": value for name, value in _of(study, own, count).items()}
    found = {name: value for name, value in found.items() if name in EXPECTED}
    most = own.counts[-1]
    each = [student_interval(gain_S) for gain_S in gain_SxWxP[:, :, -1].T]
    found["widths_everywhere"] = Measured(lowest(each), f"at P = {most}")
    found["widths_k"] = _try(lambda: Measured(grids.k(study), _fit_detail(study)))
    found |= _lone(own)
    return found


def _of(study: Study, own: Grid, count: int) -> dict[str, Measured | Unmeasured]:
    """What is said of one number of streams, without the prefix of the ids."""
    gain_SxP, at = grids.gains(own).mean(axis=1), own.counts.index(count)
    step_SxP = np.diff(gain_SxP, axis=1)
    nats = (own.loss_SxWxP[..., 0] - own.loss_SxWxP[..., at]).mean()
    found: dict[str, Measured | Unmeasured] = {
        "gain": Measured(
            student_interval(gain_SxP[:, at]), f"{nats:.4f} nats; {grids.added(own, count)}"
        ),
        "beyond": _try(lambda: _beyond(own, at)),
        "step": Measured(student_interval(step_SxP[:, at - 1])),
        "multiplier": _try(lambda: Measured(grids.multiplier(study, count))),
    }
    if at > 1:
        found["shrink"] = Measured(student_interval(step_SxP[:, at - 2] - step_SxP[:, at - 1]))
    found["rho"] = _try(
        lambda: Measured(
            student_interval(grids.rho(study)[:, :, at - 1].mean(axis=1)), _floor_detail(study)
        )
    )
    found["theory"] = _try(lambda: Measured(_theory(study, at), _floor_detail(study)))
    return found


def _beyond(own: Grid, at: int) -> Measured:
    gain_SxW = grids.gains_beyond(own)[..., at]
    reached_W = np.isfinite(gain_SxW).all(axis=0)
    if not reached_W.any():
        raise ValueError("no decoder of one stream has as many parameters")
    detail = f"over {reached_W.sum()} of {len(own.widths)} widths"
    return Measured(student_interval(gain_SxW[:, reached_W].mean(axis=1)), detail)


def _floor_detail(study: Study) -> str:
    fit = grids.law(study)
    bound = ", which ended at its bound" if "E" in fit.at_bound else ""
    return f"with the floor E = {fit.parameters['E']:.3f} of the fitted law{bound}"


def _theory(study: Study, at: int) -> Interval:
    own, floor = grids.grid(study), grids.law(study).parameters["E"]
    excess_SxW = (own.loss_SxWxP[..., at] - floor) / (own.loss_SxWxP[..., 0] - floor)
    count = own.counts[at]
    given_SxW = ((count - 1) * grids.rho(study)[..., at - 1] + 1) / count
    return student_interval((excess_SxW / given_SxW).mean(axis=1))


def _lone(own: Grid) -> dict[str, Measured | Unmeasured]:
    if own.lone_SxW is None:
        missing = Unmeasured("the study has no single stream with a prefix")
        return {"widths_lone": missing, "widths_lone_share": missing}
    gain_S = 100 * (1 - own.lone_SxW / own.loss_SxWxP[..., 0]).mean(axis=1)
    two_S = grids.gains(own)[..., 1].mean(axis=1)
    detail = f"{gain_S.mean():.3f} % of it, where {own.counts[1]} streams take {two_S.mean():.3f} %"
    return {
        "widths_lone": Measured(student_interval(gain_S)),
        "widths_lone_share": Measured(student_interval(two_S / 2 - gain_S), detail),
    }


def _fit_detail(study: Study) -> str:
    found = grids.law(study)
    named = ", ".join(f"{name} = {value:.3g}" for name, value in found.parameters.items())
    bound = f"; {' and '.join(found.at_bound)} at a bound" if found.at_bound else ""
    return f"{named}, R² = {found.r_squared:.4f}{bound}; seeds resampled whole"


def _try(measure) -> Measured | Unmeasured:
    """One claim that cannot be measured does not take the others with it."""
    try:
        return measure()
    except ValueError as error:
        return Unmeasured(str(error))


def figures(study: Study) -> list[Figure]:
    """Returns the losses with the law, what streams gain, and how correlated they are."""
    return [
        drawing.losses(study, _fit_detail(study).partition(";")[0]),
        drawing.gains(study),
        drawing.correlations(study),
    ]


def tables(study: Study) -> list[Table]:
    """Returns all cells, and the law beside its rivals."""
    return [_cells(study), _rivals(study)]


def _cells(study: Study) -> Table:
    own, rows = grids.grid(study), []
    for row, width in enumerate(own.widths):
        for column, count in enumerate(own.counts):
            loss_S = own.loss_SxWxP[:, row, column]
            N, added = own.N_WxP[row, column], own.added_WxP[row, column]
            rows.append([width, str(count), int(N), int(added), *_row(loss_S, own, row, column)])
        if own.lone_SxW is not None:
            label = "1, with a prefix"
            rows.append([width, label, None, None, *_row(own.lone_SxW[:, row], own, row, 0)])
    header = ["width", "streams", "N", "added", "loss, nats", "sd over seeds"]
    header += ["less than one stream, nats", "low", "high", "worth × N"]
    caption = "widths: final validation loss of every cell; differences paired by seed, 95 %"
    return Table(caption, header, rows)


def _row(loss_S: np.ndarray, own: Grid, row: int, column: int) -> list[float | None]:
    spread = float(np.std(loss_S, ddof=1)) if loss_S.size > 1 else np.nan
    estimate = [float(loss_S.mean()), spread]
    difference_S = own.loss_SxWxP[:, row, 0] - loss_S
    if not difference_S.any():
        return [*estimate, None, None, None, None]
    less = student_interval(difference_S)
    worth = None
    if column:
        try:
            worth = float(np.exp(grids.ratios(own.N_WxP, own.loss_SxWxP.mean(axis=0), column)[row]))
        except ValueError:  # losses that do not fall with N
            worth = None
    return [*estimate, less.value, less.low, less.high, worth]


def _rivals(study: Study) -> Table:
    own = grids.grid(study)
    loss_WxP = own.loss_SxWxP.mean(axis=0)
    count_WxP = np.broadcast_to(np.array(own.counts), loss_WxP.shape)
    table = own.N_WxP.ravel(), count_WxP.ravel(), loss_WxP.ravel()
    rows = []
    for name in LAWS:
        found, unseen = grids.fit(own, own.loss_SxWxP, name), hold_outs(*table, law=name)
        rms = [unseen[of].rms if of in unseen else None for of in ("largest N", "largest P")]
        named = ", ".join(f"{key} {value:.4g}" for key, value in found.parameters.items())
        rows.append([LAWS[name].formula, named, found.r_squared, found.sum_of_squares, *rms])
        rows[-1].append(", ".join(found.at_bound) or found.status.value)
    header = ["law", "parameters", "R²", "squares", "RMS, largest N unseen"]
    header += ["RMS, largest P unseen", "status"]
    return Table("widths: the law and its rivals, on the means of the cells", header, rows)

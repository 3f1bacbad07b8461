"""The law itself: decoders of several widths, each with P streams, on the same text."""

from __future__ import annotations

from math import inf

import numpy as np

from experiments.parscale import drawing, fitted, worth
from experiments.parscale import grid as grids
from experiments.parscale.cells import attempt, half_less
from experiments.parscale.expected import (
    BY,
    PAPER,
    PUBLISHED_GAINS,
    PUBLISHED_MULTIPLIERS,
    PUBLISHED_RHO,
)
from experiments.parscale.grid import Grid
from experiments.parscale.studies import PUBLISHED, RATE, TEXT
from jaxlab.analysis.cells import lowest
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.laws import LAWS
from jaxlab.analysis.scaling_law import LawFit, fit_law, hold_outs
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

COUNTS = (2, 4, 8)
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
            "widths (per cent of the loss)",
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
            "loss, over their own N (mean over widths but the narrowest)",
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
        (-inf, 0.2),
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
            f"The correlation that Eq. 4 implies from the ensemble's loss of {count} streams is "
            "that of the published losses",
            f"{PAPER}, Eq. 4 with its losses and E; not measured there",
            published,
            (published - 0.05, min(published + 0.05, 1.0)),
        )
        for count, published in PUBLISHED_RHO.items()
    },
    **{
        f"widths_average_{count}": Expected(
            f"Of the excess loss of one stream {count} streams leave the part that averaging their "
            "probabilities leaves of the excess of each alone (ratio of the two parts)",
            f"{PAPER}, Eq. 4: both are [(P - 1) ρ + 1] / P, whatever ρ is",
            None,
            (0.97, 1.03),
        )
        for count in PUBLISHED_RHO
    },
}
PINNED = TEXT | RATE | PUBLISHED
PINNED |= {"train.steps": 4000, "streams.aggregation": "learned", "streams.tied": False}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns gains paired by seed, the law's k, what streams are worth, and their correlation."""
    own = grids.grid(study)
    if own.counts != [1, *COUNTS]:
        raise ValueError(f"the study has P of {own.counts}, the claims are of {[1, *COUNTS]}")
    gain_SxWxP, found = grids.gains(own), {}
    for count in COUNTS:
        found |= {f"widths_{name}_{count}": value for name, value in _of(study, own, count).items()}
    found = {name: value for name, value in found.items() if name in EXPECTED}
    each = [student_interval(gain_S) for gain_S in gain_SxWxP[:, :, -1].T]
    found["widths_everywhere"] = Measured(lowest(each), f"at P = {own.counts[-1]}")
    found["widths_k"] = attempt(lambda: Measured(fitted.k(study), _fit_detail(study)))
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
        "beyond": attempt(lambda: _beyond(own, at)),
        "step": Measured(student_interval(step_SxP[:, at - 1])),
        "multiplier": attempt(lambda: _multiplier(study, count)),
        "rho": attempt(lambda: Measured(fitted.rho(study, count), _floor_detail(study))),
        "average": attempt(lambda: Measured(fitted.average(study, count), _floor_detail(study))),
    }
    if at > 1:
        found["shrink"] = Measured(student_interval(step_SxP[:, at - 2] - step_SxP[:, at - 1]))
    return found


def _beyond(own: Grid, at: int) -> Measured:
    gain_SxW = worth.gains_beyond(own)[..., at]
    reached_W = np.isfinite(gain_SxW).all(axis=0)
    if not reached_W.any():
        raise ValueError("no decoder of one stream has as many parameters")
    detail = f"over {reached_W.sum()} of {len(own.widths)} widths"
    return Measured(student_interval(gain_SxW[:, reached_W].mean(axis=1)), detail)


def _multiplier(study: Study, count: int) -> Measured:
    own, found = grids.grid(study), worth.multiplier(study, "text", count)
    log_W = worth.log_multipliers(own, count, embedding=True)[own.inner]
    detail = f"{worth.by_width(own, count)}; {worth.reached(found)}; where N counts the embedding "
    return Measured(found, detail + f"{np.exp(log_W.mean()):.2f}")


def _lone(own: Grid) -> dict[str, Measured | Unmeasured]:
    if own.lone_SxW is None:
        missing = Unmeasured("the study has no single stream with a prefix")
        return {"widths_lone": missing, "widths_lone_share": missing}
    gain_S = 100 * (1 - own.lone_SxW / own.loss_SxWxP[..., 0]).mean(axis=1)
    two_S = grids.gains(own)[..., 1].mean(axis=1)
    return {
        "widths_lone": Measured(student_interval(gain_S)),
        "widths_lone_share": half_less(two_S, gain_S, " %"),
    }


def _fit_detail(study: Study) -> str:
    found = fitted.law(study)
    named = ", ".join(f"{name} = {value:.3g}" for name, value in found.parameters.items())
    bound = f"; {' and '.join(found.at_bound)} at a bound" if found.at_bound else ""
    alone = f"where N leaves out what streams add, k = {fitted.k_alone(study)}"
    return f"{named}, R² = {found.r_squared:.4f}{bound}; seeds resampled whole; {alone}"


def _floor_detail(study: Study) -> str:
    floor = fitted.law(study).parameters["E"]
    return f"above the floor E = {floor:.3f} of the fitted law, which every resample fits anew"


def _law(study: Study) -> LawFit | None:
    """The law, if the study has sizes enough for one."""
    try:
        return fitted.law(study)
    except ValueError:
        return None


def figures(study: Study) -> list[Figure]:
    """Returns the losses, what streams gain, and with a law how correlated they are."""
    found = _law(study)
    drawn = [drawing.losses(study, found), drawing.gains(study)]
    if found is None or "E" in found.at_bound:
        return drawn
    return [*drawn, drawing.correlations(study)]


def tables(study: Study) -> list[Table]:
    """Returns all cells, and the law, if there is one, beside its rivals."""
    return [_cells(study)] if _law(study) is None else [_cells(study), _rivals(study)]


def _cells(study: Study) -> Table:
    own, rows = grids.grid(study), []
    embedding_W = own.vocabulary * np.array(own.widths)
    for row, width in enumerate(own.widths):
        for column, count in enumerate(own.counts):
            N, added = int(own.N_WxP[row, column]), int(own.added_WxP[row, column])
            size = [width, str(count), N, N + int(embedding_W[row]), added]
            rows.append([*size, *_row(own.loss_SxWxP[:, row, column], own, row)])
            rows[-1] += _worth(own, count, row)
        if own.lone_SxW is not None:
            label = "1, with a prefix"
            rows.append([width, label, None, None, None, *_row(own.lone_SxW[:, row], own, row)])
            rows[-1] += [None, None]
    for place, width in enumerate(own.ladder_widths):
        if width not in own.widths:
            N, loss_S = int(own.ladder_N_L[place]), own.ladder_SxL[:, place]
            spread = float(np.std(loss_S, ddof=1)) if loss_S.size > 1 else np.nan
            size = [width, "1", N, N + own.vocabulary * width, 0]
            rows.append([*size, float(loss_S.mean()), spread, *[None] * 5])
    header = ["width", "streams", "N", "N with embedding", "added", "loss, nats", "sd over seeds"]
    header += ["less than one stream, nats", "low", "high", "worth × N", "with embedding"]
    caption = "widths: final validation loss of every cell; differences paired by seed, 95 %"
    return Table(caption, header, rows)


def _row(loss_S: np.ndarray, own: Grid, row: int) -> list[float | None]:
    spread = float(np.std(loss_S, ddof=1)) if loss_S.size > 1 else np.nan
    estimate = [float(loss_S.mean()), spread]
    difference_S = own.loss_SxWxP[:, row, 0] - loss_S
    if not difference_S.any():
        return [*estimate, None, None, None]
    less = student_interval(difference_S)
    return [*estimate, less.value, less.low, less.high]


def _worth(own: Grid, count: int, row: int) -> list[float | None]:
    if count == 1 or row not in own.inner:
        return [None, None]
    both = (worth.log_multipliers(own, count, embedding=counts)[row] for counts in (False, True))
    return [float(np.exp(log)) if np.isfinite(log) else None for log in both]


def _rivals(study: Study) -> Table:
    N_C, count_C, loss_SxC = fitted.table(grids.grid(study))
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

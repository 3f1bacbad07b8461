"""Streams that are switched on in a trained decoder, beside one that goes on without."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
import xarray as xr

from experiments.parscale.cells import LONE, PLAIN, compared, ends
from experiments.parscale.expected import BY, PAPER
from experiments.parscale.studies import PUBLISHED, RATE, TEXT
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report import plots
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import CATEGORY_COLOURS, GREY, Figure, panels
from jaxlab.report.page import Table

COUNTS = (2, 4, 8)
EXPECTED = {
    **{
        f"two_stage_jump_{count}": Expected(
            f"Switching on {count} streams raises the loss at first (rise, per cent of the loss)",
            f"{PAPER}, Fig. 5: no numbers",
            None,
            (0.0, inf),
        )
        for count in COUNTS
    },
    **{
        f"two_stage_recovery_{count}": Expected(
            f"{count} streams fall below one that saw the same tokens within a tenth of the second "
            "stage (part of its steps, per cent)",
            f"{PAPER}, Fig. 5: recovered after 1 % of 20 B tokens",
            1.0,
            (-inf, 10.0),
        )
        for count in COUNTS
    },
    **{
        f"two_stage_gain_{count}": Expected(
            f"At the end {count} streams have a lower loss than one that saw the same tokens (per "
            "cent of the loss)",
            f"{PAPER}, Fig. 5: no numbers",
            None,
            (0.0, inf),
            in_overview=True,
            group="stages",
            short=f"{count} streams switched on late",
        )
        for count in COUNTS
    },
    "two_stage_lone": Expected(
        "Control: one stream with a prefix switched on is no better than one without (gain, per "
        "cent)",
        BY,
        None,
        (-inf, 0.2),
        control=True,
        in_overview=True,
        group="control",
        short="one stream with a prefix switched on late",
    ),
    "two_stage_over_lone": Expected(
        "At the end four streams have a lower loss than one with a prefix that saw the same tokens "
        "(per cent)",
        BY,
        None,
        (0.0, inf),
    ),
    "two_stage_mean": Expected(
        "At the end four streams under the plain mean, which has no parameters, have a lower loss "
        "than one stream (per cent)",
        BY,
        None,
        (0.0, inf),
    ),
    "two_stage_more": Expected(
        "At the end the most streams have a lower loss than the fewest above one (per cent)",
        BY,
        None,
        (0.0, inf),
    ),
}
PINNED = TEXT | RATE | PUBLISHED
PINNED |= {"train.steps": 800, "start.frozen": False, "streams.tied": False}
KEYS = ("streams.count", "streams.lone", "streams.aggregation")
PREFIX, MEAN = "one with a prefix", "plain mean of"


class Stage(NamedTuple):
    """The second stage: gain over one stream, per cent, at its records."""

    step_R: np.ndarray
    gain_SxR: dict[int, np.ndarray]  # by number of streams, above 1
    control_SxR: dict[str, np.ndarray]  # by name


def arms(data: xr.Dataset) -> dict[int | str, xr.Dataset]:
    """Returns the cells: one stream, then several by their number, then the controls by name."""
    counts = levels(data, "streams.count")
    named: dict[int | str, dict[str, object]] = {1: PLAIN}
    several = [count for count in counts if count > 1]
    for count in several:
        named[count] = {"streams.count": count, "streams.aggregation": "learned"}
    named[PREFIX] = LONE
    for count in several:
        named[f"{MEAN} {count}"] = {"streams.count": count, "streams.aggregation": "mean"}
    return {
        name: cell(data, values)
        for name, values in named.items()
        if pick(data, values)["seed"].size
    }


def stage(study: Study) -> Stage:
    """Returns the gains over one stream with the same seed, record by record."""
    ends(study)  # raises where a member diverged
    if missing := [key for key in KEYS if key not in study.data.coords]:
        raise ValueError(f"the study has one value of {' and '.join(missing)}: nothing to compare")
    curves = arms(study.data)
    if 1 not in curves:
        raise ValueError("the study has no single stream to compare with")
    seeds = {tuple(own["seed"].values.tolist()) for own in curves.values()}
    if len(seeds) > 1:
        raise ValueError("the numbers of streams have different seeds: pairs need the same")
    one_SxR = curves.pop(1)["eval_loss"].values
    gains = {name: 100 * (1 - own["eval_loss"].values / one_SxR) for name, own in curves.items()}
    return Stage(
        study.data["step"].values,
        {name: own for name, own in gains.items() if isinstance(name, int)},
        {name: own for name, own in gains.items() if isinstance(name, str)},
    )


def recovery(own: Stage, count: int) -> np.ndarray:
    """Returns the part of the stage, per cent, after which streams stay no worse than one: [S].

    Records are all there is, so it is the first of them from which on no gain is negative; 100
    where the last one still is.
    """
    worse_SxR = own.gain_SxR[count] < 0
    after_S = worse_SxR.shape[1] - np.argmax(worse_SxR[:, ::-1], axis=1)  # one past the last worse
    after_S = np.where(worse_SxR.any(axis=1), after_S, 0)
    last = len(own.step_R) - 1
    return 100 * own.step_R[np.minimum(after_S, last)] / own.step_R[-1]


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the jump, the recovery and the final gain of every number of streams."""
    own, found = stage(study), {}
    for count in COUNTS:
        if count not in own.gain_SxR:
            for name in ("jump", "recovery", "gain"):
                found[f"two_stage_{name}_{count}"] = Unmeasured(f"the study has no P = {count}")
            continue
        gain_SxR, back_S = own.gain_SxR[count], recovery(own, count)
        found[f"two_stage_jump_{count}"] = Measured(
            student_interval(-gain_SxR[:, 0]), f"at step {own.step_R[0]} of the second stage"
        )
        never = int((gain_SxR[:, -1] < 0).sum())
        detail = f"of {own.step_R[-1]} steps, seen at {len(own.step_R)} records"
        detail += f"; {never} of {len(back_S)} seeds never" if never else ""
        found[f"two_stage_recovery_{count}"] = Measured(student_interval(back_S), detail)
        found[f"two_stage_gain_{count}"] = Measured(student_interval(gain_SxR[:, -1]))
    found |= _controls(own)
    counts = list(own.gain_SxR)
    if len(counts) > 1:
        between_S = own.gain_SxR[counts[-1]][:, -1] - own.gain_SxR[counts[0]][:, -1]
        detail = f"P = {counts[-1]} over P = {counts[0]}"
        found["two_stage_more"] = Measured(student_interval(between_S), detail)
    else:
        found["two_stage_more"] = Unmeasured("the study has one number of streams above one")
    return found


def _controls(own: Stage) -> dict[str, Measured | Unmeasured]:
    missing = Unmeasured("the study has no such cell")
    found: dict[str, Measured | Unmeasured] = dict.fromkeys(
        ("two_stage_lone", "two_stage_over_lone", "two_stage_mean"), missing
    )
    if (lone_SxR := own.control_SxR.get(PREFIX)) is not None:
        found["two_stage_lone"] = Measured(student_interval(lone_SxR[:, -1]))
        if 4 in own.gain_SxR:
            left_S, lone_S = (100 - gain_SxR[:, -1] for gain_SxR in (own.gain_SxR[4], lone_SxR))
            found["two_stage_over_lone"] = Measured(student_interval(100 * (1 - left_S / lone_S)))
    if (mean_SxR := own.control_SxR.get(f"{MEAN} 4")) is not None:
        found["two_stage_mean"] = Measured(student_interval(mean_SxR[:, -1]))
    return found


def figures(study: Study) -> list[Figure]:
    """Returns the gain over one stream against the steps of the second stage."""
    own = stage(study)
    figure, (left, right) = panels(1, 2)
    curves = {f"{count} streams": gain_SxR for count, gain_SxR in own.gain_SxR.items()}
    curves |= own.control_SxR
    for (name, gain_SxR), colour in zip(curves.items(), CATEGORY_COLOURS, strict=False):
        mean_R = gain_SxR.mean(axis=0)
        low_R, high_R = gain_SxR.min(axis=0), gain_SxR.max(axis=0)
        for ax in (left, right):
            ax.plot(own.step_R, mean_R, color=colour, label=name)
            ax.fill_between(own.step_R, low_R, high_R, color=colour, alpha=0.06, lw=0)
            for end_R in (low_R, high_R):  # bands that lie on each other are told by their edges
                ax.plot(own.step_R, end_R, color=colour, lw=0.7, alpha=0.6)
    final = np.array([gain_SxR[:, -1] for gain_SxR in curves.values()])
    reach = 1.5 * max(np.abs(final).max(), 1e-3)
    right.set_ylim(-reach, reach)
    left.set_xscale("symlog", linthresh=max(own.step_R[1], 1))
    for ax, title in ((left, "the jump"), (right, "the end, closer")):
        ax.axhline(0, color=GREY, lw=1)
        ax.set(xlabel="steps of the second stage", title=title)
        plots.legend(ax)
    left.set_ylabel("gain over one stream, % of the loss")
    caption = (
        f"All start from the same trained decoders, {final.shape[1]} seeds; one stream goes on "
        "with the same tokens and is the line at 0. Mean and range over seeds."
    )
    return [Figure("two_stage", "Streams switched on in the second stage", caption, figure)]


def tables(study: Study) -> list[Table]:
    """Returns every cell at the end."""
    cells = {
        f"P = {name}" if isinstance(name, int) else name: own
        for name, own in arms(ends(study, *KEYS)).items()
    }
    caption = "two_stage: final losses of the second stage; reference: one stream"
    return [compared(cells, cells["P = 1"], caption)]

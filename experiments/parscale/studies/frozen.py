"""A trained decoder that stays as it is: only its prefixes and their weights learn."""

from __future__ import annotations

from math import inf

import xarray as xr

from experiments.parscale import drawing
from experiments.parscale.cells import compared, ends, gain
from experiments.parscale.expected import PAPER
from experiments.parscale.studies import PUBLISHED, TEXT
from jaxlab.analysis.cells import cell, levels
from jaxlab.analysis.interval import student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

PAIRS = {2: 1, 4: 2, 8: 4}
EXPECTED = {
    **{
        f"frozen_step_{after}": Expected(
            f"Around a frozen decoder {after} streams have a lower loss than {before} (per cent)",
            f"{PAPER}, Fig. 6: larger P is better; no losses given",
            None,
            (0.0, inf),
        )
        for after, before in PAIRS.items()
    },
    "frozen_gain": Expected(
        "Around a frozen decoder the most streams have a lower loss than one with a prefix (per "
        "cent of the loss)",
        f"{PAPER}, Fig. 6: larger P is better; no losses given",
        None,
        (0.0, inf),
        in_overview=True,
        group="stages",
        short="most streams instead of one, decoder frozen",
    ),
}
PINNED = TEXT | PUBLISHED | {"start.frozen": True, "streams.tied": False}


def cells(study: Study) -> dict[int, xr.Dataset]:
    """Returns the cells by number of streams; one stream has a prefix, or nothing would learn."""
    data = ends(study, "streams.count")
    counts = levels(data, "streams.count")
    return {count: cell(data, {"streams.count": count}) for count in counts}


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the gain of each step in P, and of all, paired by seed."""
    own, found = cells(study), {}
    for after, before in PAIRS.items():
        if missing := [count for count in (before, after) if count not in own]:
            found[f"frozen_step_{after}"] = Unmeasured(f"the study has no P = {missing[0]}")
            continue
        found[f"frozen_step_{after}"] = Measured(student_interval(gain(own[before], own[after])))
    most = max(own)
    if 1 not in own or most == 1:
        found["frozen_gain"] = Unmeasured("the study lacks one stream, or more than one")
    else:
        nats = float((own[1]["eval_loss"].values - own[most]["eval_loss"].values).mean())
        detail = f"P = {most}: {nats:.4f} nats; the decoder did not change, by construction"
        found["frozen_gain"] = Measured(student_interval(gain(own[1], own[most])), detail)
    return found


def figures(study: Study) -> list[Figure]:
    """Returns what streams gain over the fewest."""
    own = cells(study)
    fewest = min(own)
    found = {
        f"{count} streams": student_interval(gain(own[fewest], data))
        for count, data in own.items()
        if count != fewest
    }
    caption = (
        f"Only prefixes and weights learn, around decoders of the first stage: gain over P = "
        f"{fewest} with a prefix, paired over {own[fewest].sizes['member']} seeds, 95 % intervals."
    )
    return [drawing.rows("frozen", "Streams around a frozen decoder", caption, found)]


def tables(study: Study) -> list[Table]:
    """Returns every number of streams."""
    own = cells(study)
    named = {f"P = {count}": data for count, data in own.items()}
    caption = f"frozen: final losses; reference: P = {min(own)} with a prefix"
    return [compared(named, own[min(own)], caption)]

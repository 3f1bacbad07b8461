"""A trained decoder that stays as it is: only its prefixes and their weights learn."""

from __future__ import annotations

from math import inf

import xarray as xr

from experiments.parscale import drawing
from experiments.parscale.cells import compared, ends, gain
from experiments.parscale.expected import BY, PAPER
from experiments.parscale.studies import PUBLISHED, RATE, TEXT
from jaxlab.analysis.cells import cell, levels, pick
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
    **{
        f"frozen_slots_{count}": Expected(
            f"Around a frozen decoder {count} streams have a lower loss than one that has as many "
            "slots in its prefix (per cent)",
            BY,
            None,
            (0.0, inf),
            in_overview=count == 4,
            group="stages",
            short="4 streams instead of their slots, frozen",
        )
        for count in PAIRS
    },
    "frozen_gain": Expected(
        "Around a frozen decoder the most streams have a lower loss than one with a prefix of "
        "theirs (per cent of the loss)",
        f"{PAPER}, Fig. 6: larger P is better; no losses given",
        None,
        (0.0, inf),
        in_overview=True,
        group="stages",
        short="most streams instead of one, frozen",
    ),
}
PINNED = TEXT | RATE | PUBLISHED
PINNED |= {"train.steps": 800, "start.frozen": True, "streams.tied": False}


def cells(study: Study) -> tuple[dict[int, xr.Dataset], dict[int, xr.Dataset]]:
    """Returns the cells by number of streams, and those of one stream by slots over those of them.

    One stream has a prefix, or nothing would learn; the one with as many slots as each of several
    is in both.
    """
    data = ends(study, "streams.count", "streams.prefix")
    streams = {
        count: cell(data, {"streams.count": count})
        for count in levels(data, "streams.count")
        if count > 1
    }
    one = pick(data, {"streams.count": 1})
    all_slots = levels(one, "streams.prefix")
    if not all_slots or not streams:
        raise ValueError("the study lacks one stream, or more than one")
    slots = int(next(iter(streams.values()))["streams.prefix"][0])
    by_slots = {own / slots: cell(one, {"streams.prefix": own}) for own in all_slots}
    if 1 not in by_slots:
        raise ValueError(f"the study has no single stream with a prefix of {slots} slots")
    wider = {int(times): own for times, own in by_slots.items() if times in streams}
    return {1: by_slots[1]} | streams, wider


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the gain of each step in P, of all, and over as many slots, paired by seed."""
    (own, wider), found = cells(study), {}
    for after, before in PAIRS.items():
        name = f"frozen_step_{after}"
        if missing := [count for count in (before, after) if count not in own]:
            found[name] = found[f"frozen_slots_{after}"] = Unmeasured(
                f"the study has no P = {missing[0]}"
            )
            continue
        found[name] = Measured(student_interval(gain(own[before], own[after])))
        found[f"frozen_slots_{after}"] = (
            Measured(
                student_interval(gain(wider[after], own[after])),
                f"{_learns(own[after])} numbers learn, against {_learns(wider[after])}",
            )
            if after in wider
            else Unmeasured("the study has no single stream with as many slots")
        )
    most = max(own)
    nats = float((own[1]["eval_loss"].values - own[most]["eval_loss"].values).mean())
    detail = f"P = {most}: {nats:.4f} nats; {_learns(own[most])} numbers learn, against "
    detail += f"{_learns(own[1])}; the decoder did not change, by construction"
    found["frozen_gain"] = Measured(student_interval(gain(own[1], own[most])), detail)
    return found


def _learns(data: xr.Dataset) -> int:
    return int(data["added"][0])


def _named(study: Study) -> dict[str, xr.Dataset]:
    own, wider = cells(study)
    named = {f"{count} streams" if count > 1 else "one stream": own[count] for count in own}
    return named | {f"one stream, slots of {count}": data for count, data in wider.items()}


def figures(study: Study) -> list[Figure]:
    """Returns what streams and slots gain over one stream."""
    named = _named(study)
    one = named.pop("one stream")
    found = {
        f"{name} ({_learns(data):,} learn)": student_interval(gain(one, data))
        for name, data in named.items()
    }
    caption = (
        "Only prefixes and weights learn, around decoders of the first stage: gain over one stream "
        f"with a prefix ({_learns(one)} numbers learn), paired over {one.sizes['member']} seeds, "
        "95 % intervals. Below, one stream whose prefix has all slots of several."
    )
    return [drawing.rows("frozen", "Streams around a frozen decoder", caption, found)]


def tables(study: Study) -> list[Table]:
    """Returns every cell; what is added is what learns."""
    named = _named(study)
    caption = "frozen: final losses; what is added learns; reference: one stream with a prefix"
    return [compared(named, named["one stream"], caption)]

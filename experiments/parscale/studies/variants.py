"""How streams are told apart and mixed: choices that should matter less than their number."""

from __future__ import annotations

from collections import Counter
from math import inf

import numpy as np
import xarray as xr

from experiments.parscale import drawing
from experiments.parscale.cells import PLAIN, compared, ends, gain
from experiments.parscale.expected import PAPER, PUBLISHED_GAINS
from experiments.parscale.studies import PUBLISHED, RATE, TEXT
from jaxlab.analysis.bootstrap import bootstrap_interval
from jaxlab.analysis.cells import cell, levels, pick
from jaxlab.analysis.interval import Interval, student_interval
from jaxlab.analysis.study import Study
from jaxlab.report.claims import format_estimate
from jaxlab.report.expected import Expected, Measured, Unmeasured
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

KEYS = ("streams.transform", "streams.aggregation", "streams.smoothing", "streams.prefix")
KEYS += ("streams.code",)
# Claim to the one value that differs from the published choice; None: any other value.
VARIANTS = {
    "static": ("streams.aggregation", "static", "fixed weights instead of computed ones"),
    "mean": ("streams.aggregation", "mean", "the plain mean instead of learned weights"),
    "lora": ("streams.transform", "lora", "LoRA instead of prefixes"),
    "bias": ("streams.transform", "bias", "biases instead of prefixes"),
    "code": ("streams.code", None, "prefixes computed from codes"),
    "smoothing": ("streams.smoothing", 0.0, "weights without smoothing"),
    "prefix": ("streams.prefix", None, "a prefix of another length"),
}
EXPECTED = {
    "variants_streams": Expected(
        "Four streams as published have a lower loss than one (gain, per cent of the loss)",
        f"{PAPER}, Fig. 2: mean of its sizes and corpora",
        PUBLISHED_GAINS[4],
        (0.0, inf),
    ),
    **{
        f"variants_{name}": Expected(
            f"Four streams: {what} changes the loss by less than four streams instead of one do "
            "(their gain less the size of the change, per cent)",
            f"{PAPER}, Appendix A: about 0.1 % between its choices, far less than P does",
            None,
            (0.0, inf),
        )
        for name, (_, _, what) in VARIANTS.items()
    },
}
PINNED = TEXT | RATE | {"train.steps": 1500, "streams.tied": False}


def cells(study: Study) -> tuple[dict[str, xr.Dataset], xr.Dataset]:
    """Returns the variants by claim or description, and the published choice, of four streams."""
    data = ends(study, *KEYS, "streams.count", "streams.lone")
    four = pick(data, {"streams.count": 4})
    if not four.sizes["member"]:
        raise ValueError("the study has no four streams")
    # That from which every variant differs in a single value: the published choice, or `measure`
    # refuses.
    common = {key: Counter(four[key].values.tolist()).most_common(1)[0][0] for key in KEYS}
    found = {}
    for name, (key, wanted, _) in VARIANTS.items():
        others = [value for value in levels(four, key) if value != common[key]]
        for value in others:
            if wanted is None or value == wanted:
                suffix = "" if len(others) == 1 or wanted is not None else f" {value}"
                found[name + suffix] = cell(four, common | {key: value})
    if pick(data, PLAIN).sizes["member"]:
        found["one stream"] = cell(data, PLAIN)
    return found, cell(four, common)


def measure(study: Study) -> dict[str, Measured | Unmeasured]:
    """Returns the gain of four streams, and by how much it exceeds the change of every variant."""
    own, published = cells(study)
    for key, value in (PUBLISHED | {"streams.aggregation": "learned"}).items():
        if key in KEYS and published[key].values[0] != value:
            raise ValueError(f"{key} is {published[key].values[0]} in most cells, not {value}")
    if "one stream" not in own:
        raise ValueError("the study has no single stream to compare with")
    missing, gain_S = Unmeasured("the study has no such cell"), gain(own["one stream"], published)
    found: dict[str, Measured | Unmeasured]
    found = {"variants_streams": Measured(student_interval(gain_S))}
    for name in VARIANTS:
        alike = {label: data for label, data in own.items() if label.split()[0] == name}
        changes = {label: gain(published, data) for label, data in alike.items()}
        if not changes:
            found[f"variants_{name}"] = missing
            continue
        label, change_S = max(changes.items(), key=lambda item: abs(item[1].mean()))
        change = student_interval(change_S)
        detail = f"it gains {format_estimate(change.value, change.low, change.high)} %"
        detail += f"; the largest change, at {label}" if len(changes) > 1 else ""
        found[f"variants_{name}"] = Measured(_more(gain_S, change_S), detail)
    return found


def _more(gain_S: np.ndarray, change_S: np.ndarray) -> Interval:
    """What a gain exceeds the size of a change by, whichever sign that has on a resample."""
    return bootstrap_interval(
        lambda pair_Sx2: pair_Sx2[:, 0].mean() - abs(pair_Sx2[:, 1].mean()),
        np.stack([gain_S, change_S], axis=1),
    )


def figures(study: Study) -> list[Figure]:
    """Returns what every variant gains over the published choice."""
    own, published = cells(study)
    found = {_label(name): student_interval(gain(published, data)) for name, data in own.items()}
    caption = (
        "What each variant's loss is below that of four streams as published (prefixes, computed "
        f"weights, smoothing), paired over {published.sizes['member']} seeds, 95 % intervals. One "
        "stream stands beside them for the size of the effect itself."
    )
    return [drawing.rows("variants", "Variants of four streams", caption, found)]


def tables(study: Study) -> list[Table]:
    """Returns every variant."""
    own, published = cells(study)
    named = {"as published": published} | {_label(name): data for name, data in own.items()}
    caption = "variants: final losses of four streams; reference: as published"
    return [compared(named, published, caption)]


def _label(name: str) -> str:
    first, _, value = name.partition(" ")
    what = VARIANTS[first][2] if first in VARIANTS else name
    return f"{what}: {value}" if first in VARIANTS and value else what

"""What the study `branches` measures and draws: streams and controls that go on from one trunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from experiments.parscale.cells import compared, final, paired
from experiments.parscale.figures import gain_rows, if_measurable
from experiments.parscale.token_kinds import COPIES, DOCUMENTS, FREQUENCY, POSITION
from jaxlab import config as configs
from jaxlab.analysis.cells import cell
from jaxlab.analysis.estimate import Estimate, NotMeasurable, exact
from jaxlab.analysis.estimators import over_seeds
from jaxlab.analysis.study import Study
from jaxlab.config import Config
from jaxlab.report.figures import Figure
from jaxlab.report.page import Table

if TYPE_CHECKING:
    import xarray as xr

SWEPT = (
    *("streams.count", "streams.lone", "streams.tied", "streams.aggregation"),
    *("streams.transform", "streams.prefix", "streams.rank", "train.steps"),
)
LABELS = {
    "one": "one stream",
    "prefix": "one stream with a prefix",
    "two": "2 streams",
    "four": "4 streams",
    "eight": "8 streams",
    "mean": "4 streams, plain mean",
    "adapter": "one stream, LoRA with as many parameters",
    "long_prefix": "one stream, prefix three times as long",
    "tokens": "one stream, four times the tokens",
    "lora": "4 streams by LoRA",
    "bias": "4 streams by biases",
    "short": "4 streams, prefixes as small as biases",
    "identical": "4 identical streams",
}
COUNTS = {2: "two", 4: "four", 8: "eight"}


def conditions(config: Config) -> dict[str, dict]:
    """Returns what each condition changes, by the keys of LABELS."""
    four, lone = {"streams.count": 4}, {"streams.lone": True}
    own = {
        "one": {},
        "prefix": lone,
        "two": {"streams.count": 2},
        "four": four,
        "eight": {"streams.count": 8},
        "mean": four | {"streams.aggregation": "mean"},
        "adapter": lone | {"streams.transform": "lora", "streams.rank": config.adapter_rank},
        "long_prefix": lone | {"streams.prefix": 3 * config.streams.prefix},
        "tokens": {"train.steps": 4 * config.train.steps},
        "lora": four | {"streams.transform": "lora", "streams.rank": config.lora_rank},
        "bias": four | {"streams.transform": "bias"},
        "short": four | {"streams.prefix": config.short_prefix},
        "identical": four | {"streams.tied": True},
    }
    return {name: own[name] for name in LABELS}


def values(study: Study, name: str) -> dict:
    """Returns the values of a condition's members."""
    known = dict(configs.leaves(study.config))
    return {key: known[key] for key in SWEPT} | conditions(study.config)[name]


def members(study: Study, name: str) -> xr.Dataset:
    """Returns the members of a condition at their last evaluation, one per seed."""
    return cell(final(study, *SWEPT), values(study, name))


def pairs(study: Study, better: str, base: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Returns two conditions with the seeds that both have."""
    own = members(study, better), members(study, base)
    shared = sorted(set(own[0]["seed"].values.tolist()) & set(own[1]["seed"].values.tolist()))
    if not shared:
        raise NotMeasurable(f"{LABELS[better]} and {LABELS[base]} have no seed in common")
    first, second = (
        part.isel(member=np.isin(part["seed"].values, shared)).sortby("seed") for part in own
    )
    return first, second


def gain(study: Study, better: str, base: str) -> Estimate:
    """Measures by how many percent of its loss one condition is better than another."""
    both = pairs(study, better, base)
    detail = compared(study, values(study, better), values(study, base))
    spread = document_error(*both)
    if np.isfinite(spread):
        detail += f"; standard error over parts of the held-out documents {spread:.3f} %"
    return over_seeds(paired(*both), detail)


def document_error(better: xr.Dataset, base: xr.Dataset) -> float:
    """Returns the jackknife standard error of the gain over the parts of the held-out documents.

    In percent; of the mean over seeds. NaN where the parts were not recorded.
    """
    names = [f"eval_nats_{part}" for part in DOCUMENTS]
    if names[0] not in base:
        return np.nan
    own_K, base_K = (np.array([part[name].mean() for name in names]) for part in (better, base))
    without_K = 1 - (own_K.sum() - own_K) / (base_K.sum() - base_K)
    count = len(names)
    return float(100 * np.sqrt((count - 1) / count * ((without_K - without_K.mean()) ** 2).sum()))


def standard_error(study: Study, better: str, base: str) -> Estimate:
    """Measures the standard error over seeds of a gain, in percent of the loss."""
    gain_S = paired(*pairs(study, better, base))
    if gain_S.size < 3:
        raise NotMeasurable(f"{gain_S.size} seeds have no standard error to rely on")
    detail = f"of {gain_S.size} seeds, standard deviation {gain_S.std(ddof=1):.4f} %"
    return exact(float(gain_S.std(ddof=1) / np.sqrt(gain_S.size)), detail)


def part_of(study: Study, count: int, predicted: float) -> Estimate:
    """Measures the gain of P streams over the prefix control over a predicted gain, both in %."""
    gain_S = paired(*pairs(study, COUNTS[count], "prefix"))
    return over_seeds(gain_S / predicted, f"{gain_S.mean():.3f} % of {predicted:.2f} %")


def part_of_average(study: Study, count: int) -> Estimate:
    """Measures the gain of P streams over the prefix control over what Eq. 4 predicts of it.

    Eq. 4 takes a stream of P to be as good as a single one, and the model to be as good as the mean
    of the streams' probabilities: then the gain is `stream_loss` less `ensemble_loss`. The floor E
    cancels.
    """
    own, base = pairs(study, COUNTS[count], "prefix")
    predicted_S = own["eval_stream_loss"].values - own["eval_ensemble_loss"].values
    measured_S = base["eval_loss"].values - own["eval_loss"].values
    detail = f"{measured_S.mean():.4f} of {predicted_S.mean():.4f} nats"
    return over_seeds(measured_S / predicted_S, detail)


def stream_alone(study: Study, count: int) -> Estimate:
    """Measures by how many percent P streams read out alone, on average, are above the control.

    The control is the single stream with a prefix.
    """
    own, base = pairs(study, COUNTS[count], "prefix")
    return over_seeds(100 * (own["eval_stream_loss"].values / base["eval_loss"].values - 1))


def gains_by_kind(
    study: Study, better: str, base: str, kinds: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns the gain on each kind of token in percent of the loss on it, by seed: [S].

    Kinds of which the held-out text has no token are left out.

    Raises:
      NotMeasurable: the study has not recorded the kinds.
    """
    own, reference = pairs(study, better, base)
    names = {kind: f"eval_nats_{kind}" for kind in kinds}
    if missing := [name for name in names.values() if name not in reference]:
        raise NotMeasurable(f"the runs have no {missing[0]}: set task.fixed_held_out")
    return {
        kind: 100 * (1 - own[name].values / reference[name].values)
        for kind, name in names.items()
        if (reference[name].values > 0).all()
    }


def more_on(study: Study, kind: str, than: str) -> Estimate:
    """Measures the gain of four streams over the control on a kind, less that on another."""
    found = gains_by_kind(study, "four", "prefix", (kind, than))
    if len(found) < 2:
        raise NotMeasurable(f"the held-out text has no tokens of {kind} or of {than}")
    detail = f"{found[kind].mean():.3f} % against {found[than].mean():.3f} %"
    return over_seeds(found[kind] - found[than], detail)


def over_prefix(study: Study) -> Figure:
    """Returns what every condition gains over the single-stream prefix control."""
    found = {
        label: estimate
        for name, label in LABELS.items()
        if name != "prefix" and (estimate := if_measurable(gain, study, name, "prefix"))
    }
    return _rows("branches_gains", "All conditions over one stream with a prefix", found)


def by_kind(study: Study) -> Figure:
    """Returns the gain of the most streams over the prefix control, by kind of token."""
    several = [name for name in COUNTS.values() if if_measurable(pairs, study, name, "prefix")]
    better = "four" if "four" in several else several[-1]
    kinds = (*FREQUENCY, *POSITION, *COPIES)
    found = gains_by_kind(study, better, "prefix", kinds)
    rows = {kind.replace("_", " quarter "): over_seeds(gain_S) for kind, gain_S in found.items()}
    return _rows("branches_kinds", f"Where the gain of {LABELS[better]} is", rows)


def _rows(name: str, title: str, found: Mapping[str, Estimate]) -> Figure:
    caption = (
        "Gain over the single-stream prefix control that started from the same trunk and saw the "
        "same tokens, in percent of the loss (on the kind of token), paired by seed, 95 % "
        "intervals. Frequency: quarters of the training tokens, the most frequent first. Position: "
        "quarters of the row. A word is copied where it follows the same token as earlier in the "
        "row, repeated where it stood in the row but not so, else new."
    )
    return gain_rows(name, title, caption, found)


def conditions_table(study: Study) -> Table:
    """Returns parameters, added parameters and losses of every condition that ran."""
    rows = []
    for name, label in LABELS.items():
        own = if_measurable(members, study, name)
        if own is None:
            continue
        N, added = int(own["parameters"][0]), int(own["added"][0])
        found = if_measurable(gain, study, name, "one") if name != "one" else None
        gains = [found.value, found.low, found.high] if found else [None] * 3
        losses = [float(own[f"eval_{part}loss"].mean()) for part in ("", "stream_", "ensemble_")]
        count = own["seed"].size
        rows.append([label, count, N, added, 100 * added / (N - added), *losses, *gains])
    header = ["condition", "seeds", "N", "added", "added, %", "loss, nats", "streams alone"]
    header += ["their mean", "gain over one stream, %", "low", "high"]
    return Table("branches: every condition at the end of its branch", header, rows)

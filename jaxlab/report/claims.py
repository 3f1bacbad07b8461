"""Claims: a sentence with an expected range, what measures it, and the verdict that follows.

A claim stands in the file of its study. Its range is written before the study runs. The verdict is
never typed in: it follows from the measured interval and the expected range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from jaxlab.analysis.estimate import Estimate

if TYPE_CHECKING:
    from jaxlab.analysis.study import Study


class Kind(StrEnum):
    """What a claim is for; the three kinds are listed and counted apart."""

    FINDING = "finding"  # a hypothesis that the study could refute
    CONTROL = "control"  # a thing that must not obey the law; the range says what it does instead
    CHECK = "check"  # an identity, a count or a refit: it cannot fail but for a bug


class Verdict(StrEnum):
    """What a measured interval says about an expected range."""

    SUPPORTED = "supported"
    NOT_SUPPORTED = "not supported"
    UNDECIDED = "undecided"
    NOT_MEASURED = "not measured"
    ERROR = "error"  # the measurement itself failed: a bug, not a result


@dataclass(frozen=True)
class Claim:
    """A hypothesis, a control or a check, before its measurement.

    Attributes:
      id: short name, unique within its experiment.
      sentence: what is claimed, readable on its own; it names the quantity and its unit.
      expected: (low, high), the range stated before the study ran; ±inf leaves an end open.
      measure: a function of the study; raises `NotMeasurable` where the runs cannot answer.
      source: where it is published (paper and figure, equation or section), or who predicts it.
      published: the published value, None where the source gives no number.
      kind: finding, control or check.
      free: keys of the config that may differ from the file's default, such as "train.steps" or
        "model.*"; seeds, evaluation and devices always may. On other values the claim is not
        measured, since its sentence speaks of these.
      needs_runs: whether it is measured from the runs; False for refits of published tables and for
        theory, which stand beside a study and read nothing of it.
      heading: the heading of the overview figure under which its row stands; "" leaves it out.
      label: the name of its row there; without one, its id.

    Raises:
      ValueError: an empty id, or a range whose ends are swapped.
    """

    id: str
    sentence: str
    expected: tuple[float, float]
    measure: Callable[[Study], Estimate]
    source: str
    published: float | None = None
    kind: Kind = Kind.FINDING
    free: tuple[str, ...] = ()
    needs_runs: bool = True
    heading: str = ""
    label: str = ""

    def __post_init__(self):
        if not self.id:
            raise ValueError(f"claim {self.sentence!r} has no id: give it a short unique name")
        if not self.expected[0] <= self.expected[1]:
            raise ValueError(
                f"claim {self.id!r}: expected must be (low, high) with low <= high, "
                f"got {self.expected}; use ±inf for an open end"
            )


@dataclass(frozen=True)
class Result:
    """A claim after its measurement.

    Attributes:
      claim: what was asked.
      study: the name of the study that was asked.
      estimate: what was measured; None where nothing was.
      reason: why nothing was measured, or the error of the measurement.
      failed: whether the measurement ended in an error other than `NotMeasurable`.
      provenance: what leads back to the numbers, such as the hashes of the configs.
    """

    claim: Claim
    study: str
    estimate: Estimate | None
    reason: str = ""
    failed: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Supported inside, not supported outside, undecided across; a range contains its ends."""
        if self.failed:
            return Verdict.ERROR
        if self.estimate is None:
            return Verdict.NOT_MEASURED
        low, high = self.estimate.low, self.estimate.high
        if not all(map(math.isfinite, (self.estimate.value, low, high))):
            return Verdict.NOT_MEASURED
        expected_low, expected_high = self.claim.expected
        if expected_low <= low and high <= expected_high:
            return Verdict.SUPPORTED
        if high < expected_low or low > expected_high:
            return Verdict.NOT_SUPPORTED
        return Verdict.UNDECIDED

    @property
    def is_measured(self) -> bool:
        """Whether there is a value with an interval."""
        return self.verdict not in (Verdict.NOT_MEASURED, Verdict.ERROR)

    @property
    def number(self) -> str:
        """The value with its interval, as `0.337 [0.329, 0.345]`; – where there is none."""
        if self.estimate is None:
            return format_number(None)
        return format_estimate(self.estimate.value, self.estimate.low, self.estimate.high)


def format_number(value: float | None, decimals: int | None = None) -> str:
    """Writes a number with a true minus sign: fixed decimals, or 4 digits; – where not finite."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.4g}" if decimals is None else f"{value:.{decimals}f}"
    return text.replace("-", "−")


def format_range(expected: tuple[float, float]) -> str:
    """Writes (0.8, inf) as `≥ 0.8` and (0.3, 0.4) as `0.3 to 0.4`."""
    low, high = expected
    match math.isfinite(low), math.isfinite(high):
        case True, True:
            return f"{format_number(low)} to {format_number(high)}"
        case True, False:
            return f"≥ {format_number(low)}"
        case False, True:
            return f"≤ {format_number(high)}"
        case _:
            return "any"


def format_estimate(value: float, low: float, high: float) -> str:
    """Writes `0.337 [0.329, 0.345]`, to two digits of the interval's width; exact values alone."""
    if not (math.isfinite(low) and math.isfinite(high)) or low == value == high:
        return format_number(value)
    decimals = None
    if high > low and 1e-4 <= max(abs(low), abs(high)) < 1e6:
        decimals = min(max(1 - math.floor(math.log10(high - low)), 0), 9)
    low_text, high_text = format_number(low, decimals), format_number(high, decimals)
    return f"{format_number(value, decimals)} [{low_text}, {high_text}]"

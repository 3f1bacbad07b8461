"""The small axis beside a claim: expected range, interval, estimate and published value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jaxlab.report.claims import Result

PIXELS = 150  # length of the axis


@dataclass(frozen=True)
class Bar:
    """Positions in pixels, from 0 to `PIXELS`; None where there is no number."""

    band: tuple[float, float]
    interval: tuple[float, float] | None
    measured: float | None
    published: float | None
    length: int = PIXELS


def bar(result: Result) -> Bar:
    """Lays the numbers of a result on one axis that shows all that are finite."""
    estimate = result.estimate
    value = estimate.value if estimate else None
    left, right = (estimate.low, estimate.high) if estimate else (math.nan, math.nan)
    low, high = result.claim.expected
    numbers = [low, high, value, left, right, result.claim.published]
    finite = [number for number in numbers if number is not None and math.isfinite(number)] or [0.0]
    start, stop = min(finite), max(finite)
    margin = 0.15 * (stop - start) or max(0.1 * abs(start), 1e-12)
    start, stop = start - margin, stop + margin

    def pixel(number: float) -> float:
        return round((number - start) / (stop - start) * PIXELS, 1)

    def pixel_or_none(number: float | None) -> float | None:
        return None if number is None or not math.isfinite(number) else pixel(number)

    bounded = math.isfinite(left) and math.isfinite(right)
    return Bar(
        band=(pixel(max(low, start)), pixel(min(high, stop))),
        interval=(pixel(left), pixel(right)) if bounded else None,
        measured=pixel_or_none(value),
        published=pixel_or_none(result.claim.published),
    )

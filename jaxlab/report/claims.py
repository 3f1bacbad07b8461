"""Claims: what was expected beforehand, what was measured, and what follows.

The verdict is never typed in: it follows from the measured interval and the expected range. A claim
that fails is a result, so `claims.json` is never overwritten by different numbers; the earlier file
is kept beside it.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxlab.disk import write_atomically

if TYPE_CHECKING:
    from rich.table import Table


class Verdict(StrEnum):
    """What a measured interval says about an expected range."""

    HOLDS = "holds"
    FAILS = "fails"
    INCONCLUSIVE = "inconclusive"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Claim:
    """One sentence of a paper, or a control, set against a measurement.

    Attributes:
      id: short name, unique within a study.
      claim: the sentence, readable on its own.
      source: where it is published (paper and figure, equation or section).
      published: the published value, or None where the source gives no number.
      expected: (low, high), the range stated before the study ran; ±inf leaves an end open.
      measured: the measured value; NaN where nothing could be measured.
      low: lower end of the interval of `measured`; NaN where there is none.
      high: upper end of the same interval.
      seeds: independent repetitions behind the interval.
      control: True for a thing that must NOT obey the law; `expected` says what it does.
      detail: one remark for the reader, such as why nothing was measured.
      provenance: what leads back to the numbers, such as `config_hash`, `window`, `run`.

    Raises:
      ValueError: an empty id, negative seeds, or a range or interval whose ends are swapped.
    """

    id: str
    claim: str
    source: str
    published: float | None
    expected: tuple[float, float]
    measured: float
    low: float
    high: float
    seeds: int
    control: bool = False
    detail: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if not self.id:
            raise ValueError(f"claim {self.claim!r} has no id: give it a short unique name")
        if not self.expected[0] <= self.expected[1]:
            raise ValueError(
                f"claim {self.id!r}: expected must be (low, high) with low <= high, "
                f"got {self.expected}; use ±inf for an open end"
            )
        if self.low > self.high:
            raise ValueError(f"claim {self.id!r}: interval [{self.low}, {self.high}] is reversed")
        if self.seeds < 0:
            raise ValueError(f"claim {self.id!r}: seeds must be >= 0, got {self.seeds}")

    @property
    def verdict(self) -> Verdict:
        """Holds inside, fails outside, inconclusive across; a range contains its own ends."""
        if not all(map(math.isfinite, (self.measured, self.low, self.high))):
            return Verdict.NOT_MEASURED
        expected_low, expected_high = self.expected
        if expected_low <= self.low and self.high <= expected_high:
            return Verdict.HOLDS
        if self.high < expected_low or self.low > expected_high:
            return Verdict.FAILS
        return Verdict.INCONCLUSIVE


KEYS = (
    *("id", "claim", "source", "published", "expected", "measured", "low", "high", "seeds"),
    *("verdict", "control", "detail", "provenance"),
)


def write_claims(path: str | os.PathLike[str], claims: Sequence[Claim]) -> Path | None:
    """Writes claims as a JSON list of objects with `KEYS`; what is not finite becomes null.

    An existing file with other content is first renamed to the next free `<stem>.<n><suffix>`
    (`claims.1.json` is the oldest).

    Returns:
      The path of the earlier file that was kept, or None if there was nothing to keep.

    Raises:
      ValueError: two claims share an id.
    """
    path = Path(path)
    repeated = [id for id, count in Counter(claim.id for claim in claims).items() if count > 1]
    if repeated:
        raise ValueError(f"{path}: claim ids must be unique, these are not: {', '.join(repeated)}")
    records = [{key: _plain(getattr(claim, key)) for key in KEYS} for claim in claims]
    text = json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    content = text.encode()

    kept = None
    if path.exists() and path.read_bytes() != content:
        kept = _next_free(path)
        path.rename(kept)
    write_atomically(path, content)
    return kept


def read_claims(path: str | os.PathLike[str]) -> list[Claim]:
    """Reads what `write_claims` wrote; null comes back as NaN, or as ±inf in `expected`.

    Raises:
      ValueError: no JSON list, missing or unknown keys, or a verdict that its numbers contradict.
    """
    try:
        records = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are both ValueErrors
        raise ValueError(
            f"{path} is not valid JSON ({error}): write it anew from its runs"
        ) from error
    if not isinstance(records, list):
        raise ValueError(f"{path} holds a {type(records).__name__}, not a list of claims")
    return [_claim(record, f"{path}, claim {i}") for i, record in enumerate(records)]


def _claim(record: Any, where: str) -> Claim:
    if not isinstance(record, dict) or set(record) != set(KEYS):
        wrong = sorted(set(record) ^ set(KEYS)) if isinstance(record, dict) else [repr(record)]
        raise ValueError(f"{where}: missing or unknown keys: {', '.join(wrong)}")
    fields = {key: value for key, value in record.items() if key != "verdict"}
    for key in ("measured", "low", "high"):
        fields[key] = math.nan if fields[key] is None else fields[key]
    low, high = fields["expected"]
    fields["expected"] = (-math.inf if low is None else low, math.inf if high is None else high)
    claim = Claim(**fields)
    if claim.verdict != record["verdict"]:
        raise ValueError(
            f"{where} ({claim.id}) says {record['verdict']!r}, but its numbers say "
            f"{claim.verdict.value!r}: the file was edited; write it anew from its runs"
        )
    return claim


def claims_table(claims: Sequence[Claim]) -> "Table":
    """Lays claims out for a terminal of 100 columns, one row each, with the verdict in colour."""
    from rich.table import Table
    from rich.text import Text

    # Text objects, not strings: rich would take brackets in a sentence for markup.
    table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
    table.add_column("verdict", no_wrap=True, min_width=len("not measured"))  # never cut off
    table.add_column("claim", min_width=24)
    for name in ("expected", "measured"):
        table.add_column(name, no_wrap=True)
    for claim in claims:
        value, _, interval = format_estimate(claim.measured, claim.low, claim.high).partition(" ")
        source = " · ".join(["control"] * claim.control + [claim.source])
        published = f"published {format_number(claim.published)}"
        seeds = f"{claim.seeds} seed" + "s" * (claim.seeds != 1)
        reason = claim.detail if claim.verdict is Verdict.NOT_MEASURED else ""
        table.add_row(
            Text(claim.verdict.value, style=_TERMINAL_STYLES[claim.verdict]),
            Text.assemble(claim.claim, *(["\n", reason] if reason else []), "\n", (source, "dim")),
            Text.assemble(format_range(claim.expected), "\n", (published, "dim")),
            Text.assemble(value, "\n", *([interval, "\n"] if interval else []), (seeds, "dim")),
        )
    return table


_TERMINAL_STYLES = {
    Verdict.HOLDS: "bold green",
    Verdict.FAILS: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.NOT_MEASURED: "dim",
}


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
    """Writes `0.337 [0.329, 0.345]`, to two digits of the interval's width."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return format_number(value)
    decimals = None
    if high > low and 1e-4 <= max(abs(low), abs(high)) < 1e6:
        decimals = min(max(1 - math.floor(math.log10(high - low)), 0), 9)
    low_text, high_text = format_number(low, decimals), format_number(high, decimals)
    return f"{format_number(value, decimals)} [{low_text}, {high_text}]"


def _next_free(path: Path) -> Path:
    n = 1
    while (kept := path.with_name(f"{path.stem}.{n}{path.suffix}")).exists():
        n += 1
    return kept


def _plain(value: Any) -> Any:
    """Turns NumPy values, tuples and enums into what JSON holds; what is not finite into None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

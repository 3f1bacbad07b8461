"""Tables of a report, and tables as comma-separated values."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of the report; text stays as it is, floats get four digits, None becomes a dash.

    Attributes:
      caption: what the rows are.
      header: names of the columns, with units.
      rows: rows as long as the header. A long table starts folded.
      study: which study it is of, set by the report.

    Raises:
      ValueError: a row whose length is not that of the header.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    study: str = ""

    def __post_init__(self):
        for i, row in enumerate(self.rows):
            if len(row) != len(self.header):
                raise ValueError(
                    f"table {self.caption!r}: row {i} has {len(row)} cells, "
                    f"the header has {len(self.header)}"
                )


def to_csv(table: Table) -> str:
    """Returns a table with all its digits; what is None or not finite becomes an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([plain(value) for value in row] for row in table.rows)
    return text.getvalue()


def plain(value: str | float | None) -> str:
    """Returns a cell as a program reads it: `0.1` rather than `0.1000`, nothing for None."""
    if value is None or isinstance(value, str):
        return value or ""
    if not math.isfinite(value):
        return ""
    return str(value) if value == int(value) and abs(value) < 1e15 else f"{value:.9g}"

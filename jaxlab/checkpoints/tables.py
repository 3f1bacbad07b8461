"""Records of an inspection as a table for a terminal, JSON, CSV, or one offline page."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxlab.checkpoints.opening import Checkpoint

TEXT = (
    "name",
    "what",
    "dtype",
    "shape",
    "sharding",
    "change",
    "before",
    "after",
    "statistic",
    "remark",
)
MOST_WRAPPED = 200  # rows that are fitted to a terminal, which takes a millisecond each


def fields_of(records: Sequence[Any]) -> list[str]:
    """Returns the names of the fields of dataclasses or named tuples that some record fills."""
    names = _names(records[0])
    return [n for n in names if any(_is_filled(getattr(record, n)) for record in records)]


def as_json(checkpoint: Checkpoint, records: Sequence[Any]) -> str:
    """Returns what was opened and the records, with every field."""
    content = {
        "path": str(checkpoint.path),
        "format": checkpoint.format,
        "step": checkpoint.step,
        "notes": checkpoint.notes,
        "records": [_plain(record) for record in records],
    }
    return json.dumps(content, indent=1)


def as_csv(records: Sequence[Any]) -> str:
    """Returns the records as CSV, numbers at full precision."""
    content = io.StringIO()
    names = fields_of(records)
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(record, name) for name in names] for record in records)
    return content.getvalue()


def print_table(checkpoint: Checkpoint, records: Sequence[Any], footer: str = "") -> None:
    """Prints the records; in a pipe, and where there are many, nothing is wrapped."""
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    step = "" if checkpoint.step is None else f", step {checkpoint.step}"
    console.print(f"{checkpoint.path} ({checkpoint.format}{step})", soft_wrap=True)
    names = fields_of(records) if records else []
    header = [name.replace("_", " ") for name in names]
    rows = [[cell(getattr(record, name)) for name in names] for record in records]
    is_text = [name in TEXT for name in names]
    if not console.is_terminal or len(rows) > MOST_WRAPPED:
        print(_columns([header, *rows], is_text) if rows else "", flush=True)
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name, left in zip(header, is_text, strict=True):
            table.add_column(name, justify="left" if left else "right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if footer:
        console.print(footer, soft_wrap=True)


def _columns(rows: Sequence[Sequence[str]], is_text: Sequence[bool]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.ljust(width) if left else text.rjust(width)
            for text, width, left in zip(row, widths, is_text, strict=True)
        ).rstrip()
        for row in rows
    )


def as_page(checkpoint: Checkpoint, tables: dict[str, Sequence[Any]]) -> str:
    """Returns one HTML page with a table for each title; it opens offline."""
    from jinja2 import Environment

    rows = {}
    for title, records in tables.items():
        if records:
            names = fields_of(records)
            rows[title] = names, [[cell(getattr(r, name)) for name in names] for r in records]
    return (
        Environment(autoescape=True)
        .from_string(PAGE)
        .render(
            path=str(checkpoint.path),
            format=checkpoint.format,
            step=checkpoint.step,
            notes=json.dumps(checkpoint.notes, indent=1),
            tables=rows,
        )
    )


def cell(value: Any) -> str:
    """Returns a value as a person reads it."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}" if math.isfinite(value) else str(value)
        case int():
            return f"{value:,}"
        case tuple():
            return "x".join(map(str, value)) or "scalar"
        case _:
            return str(value)


def _is_filled(value: Any) -> bool:
    return value is not None and value != "" and value is not False


def _plain(record: Any) -> dict[str, Any]:
    return {name: _json(getattr(record, name)) for name in _names(record)}


def _names(record: Any) -> list[str]:
    if dataclasses.is_dataclass(record):
        return [field.name for field in dataclasses.fields(record)]
    return list(record._fields)


def _json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value if not isinstance(value, float) or math.isfinite(value) else None


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>{{ path }}</title>
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 75rem; margin: 2rem auto; padding: 0 1rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .2rem .7rem; white-space: nowrap }
td { border-bottom: 1px solid #8884 }
code { font-size: .95em }
</style>
<h1><code>{{ path }}</code></h1>
<p>{{ format }}{% if step is not none %}, step {{ step }}{% endif %}</p>
<details><summary>Notes saved beside the arrays</summary><pre>{{ notes }}</pre></details>
{% for title, (names, rows) in tables.items() %}
<h2>{{ title }}</h2><div class="scroll"><table><thead><tr>
{% for name in names %}<th scope="col">{{ name.replace("_", " ") }}</th>{% endfor %}
</tr></thead><tbody>
{% for row in rows %}<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endfor %}
</html>
"""

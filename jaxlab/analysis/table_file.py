"""Tables as people have them: CSV of any dialect, JSON lines, what trackers and trainers export.

Read are CSV with commas, semicolons (and then decimal commas), tabs or spaces, with or without a
header, with comments, in UTF-8, UTF-16 or cp1252; JSON lines, a JSON list of rows, an object of
columns, and the `log_history` of Hugging Face's trainer_state.json. Any of it may be compressed.
"""

from __future__ import annotations

import bz2
import csv
import functools
import gzip
import io
import json
import lzma
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

COMPRESSED = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ": lzma}
# What a file is that is no text, by how it begins, and what to do about it.
OTHERS = {
    b"PK\x03\x04": "a spreadsheet or a zip archive: export the sheet as CSV, or unpack it",
    b"PAR1": "a Parquet file: write it as CSV, with pandas say",
    b"SQLite": "a database: export the metric as CSV",
    b"\x89HDF": "an HDF5 file: write the curve as CSV",
}
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
NOT_RECORDED = ("", "null", "none", "na", "n/a", "-")  # a cell of these, in any case
_BINARY = re.compile("[\x00-\x08\x0e-\x1f]")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+(e[-+]?\d+)?\s*", re.IGNORECASE)


class Row(NamedTuple):
    """One row.

    Attributes:
      line: of the file, the first being 1; of JSON that is no JSON lines, the number of the row.
      cells: one for each column; None or one of NOT_RECORDED where nothing was recorded.
    """

    line: int
    cells: Sequence[Any]


class TableFile(NamedTuple):
    """A table that is read as its rows are asked for, once.

    Attributes:
      path: of the file.
      names: of the columns, each once.
      rows: from first to last.
      unit: what `Row.line` counts: "line" or "row".
      decimal_comma: whether 1,5 is a number.
      plain: where all cells are plain numbers, returns them, [R, C], and their lines [R]: much
        faster than `rows`, which it leaves alone; else None.
    """

    path: str
    names: list[str]
    rows: Iterator[Row]
    unit: str = "line"
    decimal_comma: bool = False
    plain: Callable[[], tuple[NDArray, NDArray] | None] = lambda: None

    def column(self, name: str) -> int:
        """Returns the index of a column.

        Raises:
          ValueError: there is none of this name; the message lists those there are.
        """
        if name not in self.names:
            listed = ", ".join(self.names)
            raise ValueError(f"{self.path} has no column {name!r}; it has: {listed}")
        return self.names.index(name)

    def number(self, row: Row, column: int) -> float:
        """Returns a cell as a number, NaN where it says so.

        Raises:
          ValueError: it is none; the message has the line and the column.
        """
        cell = row.cells[column]
        try:
            return float(cell)
        except (TypeError, ValueError):
            if self.decimal_comma and _DECIMAL_COMMA.fullmatch(str(cell)):
                return float(cell.replace(",", "."))
            where = f"{self.path}, {self.unit} {row.line}: {self.names[column]}"
            raise ValueError(f"{where} is {cell!r}, not a number") from None

    def where(self, clauses: Sequence[str]) -> TableFile:
        """Returns the table of those rows that have these values: `COLUMN=VALUE`.

        Raises:
          ValueError: no such column; or, as the rows are read, no row with the value.
        """
        table = self
        for clause in clauses:
            column, _, value = clause.partition("=")
            table = table._replace(rows=table._chosen(table.column(column), column, value))
        return table

    def _chosen(self, index: int, column: str, value: str) -> Iterator[Row]:
        seen: dict[str, None] = {}
        found = False
        for row in self.rows:
            cell = _text(row.cells[index])
            if cell == value:
                found = True
                yield row
            elif len(seen) < 100:
                seen[cell] = None
        if not found:
            raise ValueError(f"no row has {column}={value}; there is: {', '.join(sorted(seen))}")


def open_table(path: str | Path) -> TableFile:
    """Opens a table.

    Raises:
      ValueError: it is no table (the message says what it looks like), a column comes twice, or, as
        its rows are read, a row is wider than the header.
      OSError: it cannot be read.
    """
    path = Path(path).expanduser()
    text = _text_of(path)
    start = text.lstrip()[:1]
    if start and start in "{[":
        return _json_table(str(path), text)
    return _csv_table(str(path), text)


def _plain_numbers(
    text: str, delimiter: str | None, width: int, first_line: int
) -> tuple[NDArray, NDArray] | None:
    """The numbers of a table from a line on, and their lines; None if any cell is none."""
    body = io.StringIO(text)
    for _ in range(first_line - 1):
        next(body)
    rest = body.read().rstrip()
    if not rest:
        return None
    try:
        numbers = np.loadtxt(
            io.StringIO(rest), delimiter=delimiter, quotechar='"', comments=None, ndmin=2
        )
    except ValueError:
        return None
    whole = numbers.shape == (rest.count("\n") + 1, width)
    return (numbers, np.arange(first_line, first_line + len(numbers))) if whole else None


def is_recorded(cell: Any) -> bool:
    """Whether a cell holds anything."""
    return cell is not None and not (isinstance(cell, str) and cell.strip().lower() in NOT_RECORDED)


def _text_of(path: Path) -> str:
    content = path.read_bytes()
    for magic, module in COMPRESSED.items():
        if content.startswith(magic):
            try:
                content = module.decompress(content)
            except (OSError, EOFError, lzma.LZMAError, ValueError) as error:
                raise ValueError(f"{path} is a damaged compressed file: {error}") from error
    for magic, advice in OTHERS.items():
        if content.startswith(magic):
            raise ValueError(f"{path} is not a CSV file but {advice}")
    if "tfevents" in path.name:
        raise ValueError(
            f"{path} is not a CSV file but TensorBoard's events: download the curve as CSV from "
            "TensorBoard's page (Show data download links)"
        )
    encodings = [name for mark, name in BYTE_ORDER_MARKS.items() if content.startswith(mark)]
    for encoding in encodings or ("utf-8", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeError:
            continue
        if not _BINARY.search(text[:10_000]):
            return text.replace("\x00", "")
    raise ValueError(f"{path} is not a CSV file: it is no text")


def _csv_table(path: str, text: str) -> TableFile:
    comments: list[str] = []
    line = 0
    for content in io.StringIO(text):
        line += 1
        first = content.strip()
        if first and not first.startswith("#"):
            break
        comments += [first.lstrip("#").strip()] if first else []
    else:
        raise ValueError(f"{path} is empty: its first line must name the columns")
    delimiter = _delimiter(first)
    names = _split(first, delimiter)
    header = not all(map(_is_number, names))
    if not header:
        # As np.savetxt writes it, the header is a comment; else columns go by their place.
        width = len(names)
        names = _split(comments[-1], _delimiter(comments[-1])) if comments else []
        names = names if len(names) == width else [str(place + 1) for place in range(width)]
    rows = _csv_rows(path, text, delimiter, names, header)
    plain = functools.partial(
        _plain_numbers, text, None if delimiter == " " else delimiter, len(names), line + header
    )
    return _checked(TableFile(path, names, rows, "line", delimiter != ",", plain))


def _delimiter(line: str) -> str:
    outside = re.sub(r'"[^"]*"', "", line)
    for delimiter in "\t;,":
        if delimiter in outside:
            return delimiter
    return " " if re.search(r"\S\s+\S", outside) and '"' not in line else ","


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), [])]


def _csv_rows(
    path: str, text: str, delimiter: str, names: list[str], header: bool
) -> Iterator[Row]:
    lines = io.StringIO(text, newline="")
    reader: Iterable[list[str]]
    if delimiter == " ":
        reader = (line.split() for line in lines)
    else:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    width = len(names)
    try:
        for count, cells in enumerate(reader, 1):
            if not cells or not any(cells) or cells[0].lstrip().startswith("#"):
                continue
            if header:
                header = False
                continue
            line = getattr(reader, "line_num", count)
            if len(cells) > width:
                _check_width(path, line, cells, width, delimiter)
            elif len(cells) < width:
                cells = [*cells, *[""] * (width - len(cells))]
            yield Row(line, cells)
    except csv.Error as error:
        raise ValueError(f"{path} is not a CSV file: {error}") from error


def _check_width(path: str, line: int, cells: list[str], width: int, delimiter: str) -> None:
    if not any(cell.strip() for cell in cells[width:]):
        return
    hint = ". Are these decimal commas? Separate the columns by semicolons" * (delimiter == ",")
    raise ValueError(
        f"{path}, line {line} has {len(cells)} cells, but the header names {width} columns{hint}"
    )


def _json_table(path: str, text: str) -> TableFile:
    lines = text.splitlines()
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not text.lstrip().startswith("{") or '"log_history"' in text[:10_000]:
            raise ValueError(f"{path} is damaged JSON: {error}") from error
        return _rows_table(path, [*_json_lines(path, lines)], "line")
    if isinstance(value, dict) and isinstance(value.get("log_history"), list):
        value = value["log_history"]
    if isinstance(value, dict) and isinstance(value.get("metrics"), list):
        value = value["metrics"]  # MLflow's REST interface
    if isinstance(value, dict) and value:
        columns = [list(c.values()) if isinstance(c, dict) else c for c in value.values()]
        sizes = {len(column) if isinstance(column, list) else 0 for column in columns}
        if len(lines) == 1 and sizes == {0}:  # JSON lines of one line
            value = [value]
        elif len(sizes) > 1 or sizes == {0}:
            raise ValueError(
                f"{path} is JSON, but no table: give JSON lines, a list of rows, an object of "
                "columns of equal length, or a trainer_state.json"
            )
        else:
            value = [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    if value and all(isinstance(row, list) and len(row) == 3 for row in value):
        names = ("wall_time", "step", "value")  # TensorBoard's own JSON
        value = [dict(zip(names, row, strict=True)) for row in value]
    rows = [(place, row) for place, row in enumerate(value, 1)]
    return _rows_table(path, rows, "row")


def _json_lines(path: str, lines: Sequence[str]) -> Iterator[tuple[int, Any]]:
    for line, text in enumerate(lines, 1):
        if text.strip():
            try:
                yield line, json.loads(text)
            except ValueError as error:
                if line == len(lines):
                    return  # it is being written, or the run was killed
                raise ValueError(f"{path}, line {line} is no JSON: {error}") from error


def _rows_table(path: str, rows: list[tuple[int, Any]], unit: str) -> TableFile:
    for line, row in rows:
        if not isinstance(row, dict):
            raise ValueError(f"{path}, {unit} {line} is no JSON object with the columns as keys")
    flat = [(line, _flat(row)) for line, row in rows]
    names = list(dict.fromkeys(name for _, row in flat for name in row))
    if not names:
        raise ValueError(f"{path} is empty: it has no column")
    return TableFile(
        path, names, (Row(line, [row.get(n) for n in names]) for line, row in flat), unit
    )


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row with a column for each place of a list, such as a number for each member."""
    flat = {}
    for name, cell in row.items():
        if isinstance(cell, dict):
            flat |= {f"{name}.{key}": value for key, value in _flat(cell).items()}
        elif isinstance(cell, list):
            # Null in a list is the lab's NaN: a member that diverged.
            flat |= {f"{name}[{i}]": math.nan if x is None else x for i, x in enumerate(cell)}
        else:
            flat[name] = cell
    return flat


def _checked(table: TableFile) -> TableFile:
    names = [name.strip() for name in table.names]
    for name in names:
        if name and names.count(name) > 1:
            raise ValueError(
                f"{table.path} has the column {name!r} {names.count(name)} times: rename them, so "
                "that it is clear which one is meant"
            )
    while names and not names[-1]:
        names.pop()
    return table._replace(names=names)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(_DECIMAL_COMMA.fullmatch(cell))
    return True


def _text(cell: Any) -> str:
    return cell.strip() if isinstance(cell, str) else "" if cell is None else str(cell)

"""The measurements of `scripts/benchmark.py` for a terminal and, as Markdown, for the docs."""

from __future__ import annotations

from typing import Any

HEADER = (
    "| | a second | range | a CPU-second | of the peak | reference | reference / this, wall (CPU) |"
)


def markdown(record: dict[str, Any]) -> str:
    """Returns a table for each section of a record that `--json` wrote."""
    return "\n\n".join(_section(name, found) for name, found in record.items()) + "\n"


def _section(name: str, found: dict[str, Any]) -> str:
    about = found["machine"]
    lines = [f"**{name}** ({found['rows'][0]['unit']})", "", HEADER, "|" + "---|" * 7]
    for row in found["rows"]:
        low, high = row["per_second_low"], row["per_second_high"]
        share = row["peak_share"]
        wall, cpu = row["reference_wall_ratio"], row["reference_cpu_ratio"]
        cells = (
            row["name"] + (f" ({row['note']})" if row["note"] else ""),
            f"{row['per_second']:,.0f}",
            f"{low:,.0f} to {high:,.0f}",
            f"{row['per_cpu_second']:,.0f}",
            "" if share is None else f"{100 * share:.0f} %",
            row["reference"],
            "" if wall is None else f"{wall:.2f} ({cpu:.2f})",
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", _machine(about)]
    return "\n".join(lines)


def _machine(about: dict[str, Any]) -> str:
    peaks = ", ".join(
        f"{about[f'peak_{dtype}_flops'] / 1e9:,.0f} GFLOP/s in {dtype}"
        for dtype in ("float32", "bfloat16")
    )
    return (
        f"{about['processor']}, {about['device']}, Python {about['python']}, JAX {about['jax']}; "
        f"matrix products at {peaks}; load {about['load_average_before']} before and "
        f"{about['load_average']} after; {about['peak_memory_bytes'] / 2**30:.1f} GiB; "
        f"medians of {about['rounds']} rounds."
    )


def text(found: dict[str, Any]) -> str:
    """Returns the rows of a section for a terminal, and the machine below them."""
    lines = []
    for row in found["rows"]:
        low, high = row["per_second_low"], row["per_second_high"]
        speed = f"{row['per_second']:,.0f} {row['unit']} a second [{low:,.0f}, {high:,.0f}]"
        lines.append(f"  {row['name']}: {speed}, {row['per_cpu_second']:,.0f} a CPU-second")
        if row["note"]:
            lines.append(f"      {row['note']}")
        if row["peak_share"] is not None:
            lines.append(f"      {100 * row['peak_share']:.0f} % of the peak of matrix products")
        if row["reference"]:
            wall, cpu = row["reference_wall_ratio"], row["reference_cpu_ratio"]
            lines.append(f"      {row['reference']} is {wall:.2f} (CPU {cpu:.2f}) times as fast")
    return "\n".join((*lines, f"  {_machine(found['machine'])}"))

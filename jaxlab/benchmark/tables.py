"""The measurements of `scripts/benchmark.py` for a terminal and, as Markdown, for the docs."""

from __future__ import annotations

from typing import Any

HEADER = (
    "| | a second | range | a CPU-second | of the peak | reference | reference / this, wall (CPU) |"
)


def fill(page: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    """Returns a page with tables of two records between its marks: goals, now and before."""
    blocks = {"goals": goals(before, now), "now": markdown(now), "before": markdown(before)}
    for name, block in blocks.items():
        start, end = f"<!-- {name} -->\n", "<!-- end -->"
        head, rest = page.split(start)
        page = head + start + block + end + rest.split(end, 1)[1]
    return page


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


# What the lab aims at: section, row, the goal for the reference's wall ratio, and its words.
GOALS = (
    ("decoder", "PyTorch, same architecture, float32", "at least 1.1", "over PyTorch, float32"),
    ("decoder", "PyTorch, nanoGPT's model, float32", "at least 0.9", "over nanoGPT's, float32"),
    ("decoder", "PyTorch, same architecture, bfloat16", "at least 1.0", "over PyTorch, bfloat16"),
    ("decoder", "plain JAX loop, float32", "at least 1.0", "over a plain JAX loop, float32"),
    ("streams", "P = 2", "at most 2.2", "cost of 2 streams, training"),
    ("streams", "P = 4", "at most 4.4", "cost of 4 streams, training"),
    ("streams", "P = 8", "at most 8.8", "cost of 8 streams, training"),
    ("streams", "P = 2, forward", "at most 2.2", "cost of 2 streams, forward"),
    ("streams", "P = 4, forward", "at most 4.4", "cost of 4 streams, forward"),
    ("streams", "P = 8, forward", "at most 8.8", "cost of 8 streams, forward"),
)
GRID_STEPS = 96 * 2000  # of one member, in the grid of the paper


def goals(before: dict[str, Any], now: dict[str, Any]) -> str:
    """Returns a table of the goals, with what two records measured of them."""
    lines = ["| work | before, wall (CPU) | now, wall (CPU) | goal |", "|---|---|---|---|"]
    for section, name, goal, words in GOALS:
        cells = (_ratio(_row(record, section, name)) for record in (before, now))
        lines.append(f"| {words} | {' | '.join(cells)} | {goal} |")
    for name, goal in (("jaxlab", "at most 70"), ("jaxlab, 200 steps with evaluations", "")):
        found = [GRID_STEPS / _row(own, "grid", name)["per_cpu_second"] for own in (before, now)]
        what = "with its evaluations" if "evaluations" in name else "steps alone"
        cells = " | ".join(f"{seconds:.0f}" for seconds in found)
        lines.append(f"| grid of 96 cells, CPU-seconds, {what} | {cells} | {goal} |")
    return "\n".join(lines) + "\n"


def _row(record: dict[str, Any], section: str, name: str) -> dict[str, Any]:
    return next(row for row in record[section]["rows"] if row["name"] == name)


def _ratio(row: dict[str, Any]) -> str:
    return f"{row['reference_wall_ratio']:.2f} ({row['reference_cpu_ratio']:.2f})"

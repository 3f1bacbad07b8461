"""The summary for a terminal and the pages in Markdown."""

import io
import json
from pathlib import Path

from planted_page import RESULTS, full_sections, make_result, make_section, unmeasured
from rich.console import Console

from jaxlab.report.claims_file import row, write_claims
from jaxlab.report.markdown import claims_table, results_page
from jaxlab.report.terminal import COLUMNS, MOST_LINES, summary

PAGE = Path("runs/quickstart/report.html")


def lines_of(sections, problems=()) -> list[str]:
    lines = summary(sections, PAGE, problems).plain.splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= COLUMNS
    return lines


def test_summary_says_question_answer_totals_and_what_was_not_measured():
    lines = lines_of(full_sections())
    assert lines[0].startswith("Do softmax")
    text = " ".join(lines)
    assert "Adam's loss falls as τ^-0.33, within the published range." in text
    assert "Findings: 2 supported, 1 not supported" in text
    assert "Not measured: 3, such as single: a single seed has no interval" in lines
    assert lines[-1] == f"report: {PAGE}"


def test_summary_of_much_is_short_and_keeps_problems_and_page():
    sections = [make_section(answer=["A long sentence of an answer. " * 9] * 3) for _ in range(6)]
    lines = lines_of(sections, [f"study {i}: broken" for i in range(9)])
    assert lines[-4:] == [
        *("problem: study 0: broken", "problem: study 1: broken"),
        *("and 7 more problems, see the page", f"report: {PAGE}"),
    ]


def test_a_problem_with_a_traceback_shows_its_last_line():
    traceback = "bug: Traceback (most recent call last):\n  File …\nValueError: shapes"
    assert "problem: bug: ValueError: shapes" in lines_of([make_section()], [traceback])


def test_summary_takes_nothing_for_markup():
    screen = io.StringIO()
    section = make_section(question="Is it [red]0.3[/red] [0.2, 0.4]?", answer=[], results=[])
    Console(width=120, file=screen).print(summary([section], PAGE, []))
    assert "Is it [red]0.3[/red] [0.2, 0.4]?" in screen.getvalue()
    assert "Nothing was measured that answers this." in screen.getvalue()


def test_results_page_has_a_table_per_study_with_links_to_figures():
    text = results_page(full_sections())
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in headings if line.startswith("## ")] == [
        *("## headline", "## adam grid", "## text", "## Further figures", "## Limits", "## widths")
    ]
    assert "![Overview of the claims. Each row is a claim.](figures/overview.png)" in text
    assert "Figures: [Loss of headline](figures/headline.png)" in text
    assert "- 1 not measured: train.steps is 20, the claim is of 2000" in text
    assert "| 0.3 to 0.4 | 0.330 [0.310, 0.350] | 0.337 | supported |" in text
    assert "sentence of flat (control)" in text
    assert "| sentence of bug | 0.3 to 0.4 | ValueError: operands" in text


def test_claims_table_takes_the_rows_of_the_file(tmp_path):
    results = [r for r in RESULTS if r.claim.id != "bug"]
    write_claims(tmp_path / "claims.json", results)
    read = json.loads((tmp_path / "claims.json").read_text())
    assert claims_table(read) == claims_table([row(result) for result in results])
    assert "| ≤ 0.5 |" in claims_table(read)


def test_cells_of_a_table_break_no_table():
    sentence = "a | b\nwith [a link](http://x), <b> and *stars*"
    (line,) = claims_table([row(make_result(sentence=sentence))]).splitlines()[2:]
    assert line.startswith(r"| a \| b with [a link]\(http://x), &lt;b> and \*stars\* |")
    assert results_page([make_section(results=[unmeasured("a", "no | seeds")])]).count(r"\|") == 1

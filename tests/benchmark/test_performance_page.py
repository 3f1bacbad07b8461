"""The page of speeds shows what was measured, and nothing else."""

import json
from pathlib import Path

from jaxlab.benchmark.tables import fill

REPOSITORY = Path(__file__).parents[2]


def record(name):
    return json.loads((REPOSITORY / "results" / f"{name}.json").read_text())


def test_the_page_shows_the_record():
    page = (REPOSITORY / "docs" / "performance.md").read_text()
    assert fill(page, record("performance_before"), record("performance")) == page


def test_another_number_shows_on_the_page():
    page = (REPOSITORY / "docs" / "performance.md").read_text()
    now = record("performance")
    now["grid"]["rows"][0]["per_second"] *= 2
    assert fill(page, record("performance_before"), now) != page

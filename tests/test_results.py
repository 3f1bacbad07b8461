"""The committed results: claims follow from the record, and the README follows from the results."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jaxlab import study_file
from jaxlab.analysis.study import find_studies
from jaxlab.report.claims_file import row
from jaxlab.report.measure import measure_claims

REPOSITORY = Path(__file__).parents[1]
RECORDS = sorted(REPOSITORY.glob("results/*/record/*.npz"))


def claims_of(folder):
    return {claim["id"]: claim for claim in json.loads((folder / "claims.json").read_text())}


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: f"{path.parts[-3]}/{path.stem}")
def test_claims_are_those_of_the_record(record, tmp_path):
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / record.name).symlink_to(record)
    ((name, study),) = find_studies(tmp_path).items()
    committed = claims_of(record.parents[1])
    file = study_file.read(REPOSITORY / study.file)
    for result in measure_claims(study, file):
        found, expected = row(result), committed[result.claim.id]
        assert (found["study"], found["verdict"]) == (name, expected["verdict"]), found["id"]
        for key in ("measured", "low", "high"):
            assert found[key] == pytest.approx(expected[key], rel=1e-5), (found["id"], key)


def test_the_record_stays_small():
    assert RECORDS
    assert sum(path.stat().st_size for path in RECORDS) < 25e6


def test_the_readme_says_what_the_results_say():
    command = [sys.executable, "scripts/readme.py", "--check"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr

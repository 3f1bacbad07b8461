"""A section as the command runs it, and the list that the command keeps to start quickly."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

from jaxlab.benchmark import sections

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "scripts" / "benchmark.py"


def run(*arguments):
    line = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, timeout=200)


def test_the_command_knows_every_section():
    assert runpy.run_path(str(SCRIPT))["SECTIONS"] == tuple(sections.SECTIONS)


def test_a_section_is_measured_printed_and_written(tmp_path):
    result = run("recurrent", "--rounds=1", f"--json={tmp_path / 'found.json'}")
    assert result.returncode == 0, result.stderr
    assert "jaxlab, GRU of 64 units is " in result.stdout
    (found,) = json.loads((tmp_path / "found.json").read_text()).values()
    lab, plain = found["rows"]
    assert (lab["unit"], plain["reference"]) == ("tokens", lab["name"])
    assert 0 < lab["per_second_low"] <= lab["per_second"] <= lab["per_second_high"]
    assert found["machine"]["peak_float32_flops"] > 1e8


def test_bad_input_is_answered_before_anything_is_timed():
    for arguments, message in (
        (["nonsense"], "there is no section 'nonsense'"),
        (["--round=3"], "unknown argument '--round=3'"),
        (["decoder", "--peers=no-such-python"], "--peers: there is no Python no-such-python"),
        (["--rounds=0"], "--rounds=0: take at least 1"),
    ):
        result = run(*arguments)
        assert result.returncode == 2
        assert message in result.stderr.splitlines()[-1]

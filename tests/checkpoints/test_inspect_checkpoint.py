"""The inspector as a command: what it prints, and its exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.checkpoints.conftest import planted_weights

SCRIPT = Path(__file__).parents[2] / "scripts" / "inspect_checkpoint.py"


def inspect(*arguments):
    """Runs the script where there is only one device."""
    environment = {key: value for key, value in os.environ.items() if key != "XLA_FLAGS"}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_it_opens_on_one_device_what_eight_saved(saved_run):
    result = inspect("stats", saved_run, "--member=0", "--json", "--step=0")
    assert (result.returncode, result.stderr) == (0, "")
    content = json.loads(result.stdout)
    means = {record["name"]: record["mean"] for record in content["records"]}
    assert content["step"] == 0
    assert means["params/tower/w"] == pytest.approx(planted_weights()[0].mean(dtype=np.float64))


def test_a_tree_has_totals(saved_run):
    result = inspect("tree", saved_run, "--depth=1")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].endswith("(orbax, step 100)")
    assert any(line.split() == ["params", "2", "12,812", "51,224"] for line in lines)
    assert lines[-1] == "9 leaves, 38,444 numbers, 153,704 bytes"


def test_a_difference_has_an_exit_status(saved_run):
    same = inspect(
        "diff", saved_run, saved_run, "--leaves=params/tower/b", "--step=0", "--step=100"
    )
    assert same.returncode == 0
    changed = inspect("diff", saved_run, saved_run, "--leaves=params/*", "--step=0", "--step=100")
    assert changed.returncode == 1
    assert "1 of 2 leaves differ" in changed.stdout


def test_a_check_finds_the_planted_nan(saved_run):
    result = inspect("check", saved_run, "--only=params/*")
    assert result.returncode == 1
    assert "has 5 NaN of 12,800" in result.stdout
    assert inspect("check", saved_run, "--only=params/*", "--member=0").returncode == 0


def test_one_member_goes_to_plain_numpy(saved_run, tmp_path):
    path = tmp_path / "member.npz"
    assert (
        inspect("export", saved_run, "--member=0", "--only=params/*", f"--to={path}").returncode
        == 0
    )
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["params/tower/w"], planted_weights()[0] * 101)


def test_histories_and_spectra_are_drawn_and_paged(saved_run, tmp_path):
    paths = [tmp_path / name for name in ("h.csv", "h.png", "s.png", "page.html")]
    own = ("--leaves=params/tower/w", "--member=0")
    result = inspect("spectrum", saved_run, *own, f"--plot={paths[2]}", f"--html={paths[3]}")
    assert result.returncode == 0, result.stderr
    result = inspect(
        "history", saved_run, "--statistic=largest", f"--csv={paths[0]}", f"--plot={paths[1]}"
    )
    assert result.returncode == 0, result.stderr
    assert (
        paths[0].read_text().startswith("step,name,statistic,value\n0,params/tower/b,largest,0.5")
    )
    assert "params/tower/w" in paths[3].read_text()
    assert all(path.stat().st_size > 1000 for path in paths[1:])


def test_bad_input_is_answered_in_one_line(tmp_path):
    (tmp_path / "foreign").mkdir()
    for arguments in (["stats", tmp_path / "foreign"], ["tree", tmp_path / "nowhere"]):
        result = inspect(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        (line,) = result.stderr.splitlines()
        assert line.startswith(f"error: {arguments[1]}")


def test_what_fits_nothing_or_is_misspelt_is_an_error(saved_run):
    for arguments, message in (
        (("stats", saved_run, "--leaves=parmas/*"), "has no leaf that fits 'parmas/*'"),
        (("diff", saved_run, saved_run, "--leaves=parmas/*"), "has a leaf that fits 'parmas/*'"),
        (("diff", saved_run, saved_run, "--map=foo"), "'foo' is not OLD=NEW"),
        (("spectrum", saved_run, "--plot=x.xyz"), "choose a name that ends in .png, .svg, .pdf"),
    ):
        result = inspect(*arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr.splitlines()[-1]


def test_help_is_shown_without_loading_jax():
    command = [sys.executable, "-X", "importtime", str(SCRIPT), "--help"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    assert "examples:" in result.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert "argparse" in loaded
    assert not loaded & {"jax", "orbax", "rich"}

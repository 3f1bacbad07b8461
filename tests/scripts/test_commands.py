"""The commands that a user types, as processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))
CONFIG = "--config=configs/one_third/headline.py:tiny"
# As a user has it, but for XLA: without optimising, it compiles in half the time.
ENVIRONMENT = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_backend_optimization_level=0"}


def command(script, *arguments):
    line = [sys.executable, f"scripts/{script}", *map(str, arguments)]
    environment = os.environ | ENVIRONMENT
    return subprocess.run(
        line, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )


def succeeded(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def error_of(result):
    """Returns the message of a command that failed as it should: code 2, and no traceback."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    (message,) = re.findall(r"^error: (.*)", result.stderr, re.MULTILINE | re.DOTALL)
    assert "Traceback" not in result.stderr
    return message.rstrip()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_help_is_shown_at_once(script):
    line = [sys.executable, "-X", "importtime", str(script), "--help"]
    result = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert "usage: " in succeeded(result)
    rows = [
        line.split("|") for line in result.stderr.splitlines() if line.startswith("import time")
    ]
    modules = {name.strip() for *_, name in rows}
    assert "argparse" in modules
    assert not modules & {"jax", "flax", "orbax", "matplotlib", "scipy", "tensorflow_datasets"}
    microseconds = sum(int(own.split(":")[1]) for own, _, _ in rows[1:])
    assert microseconds < 2e6


def test_a_dry_run_shows_the_groups_and_trains_nothing(tmp_path):
    workdir = tmp_path / "study"
    overrides = ("--config.train.batch_size=64", "--config.seeds=7", "--config.train.steps=30")
    result = command("sweep.py", CONFIG, f"--workdir={workdir}", "--dry_run", *overrides)
    assert succeeded(result) == "all: 7 members x 30 steps\n"
    assert not workdir.exists()


def test_a_sweep_its_report_and_what_a_changed_sweep_is_told(tmp_path):
    workdir = tmp_path / "study"
    trained = command("sweep.py", CONFIG, f"--workdir={workdir}")
    assert succeeded(trained).splitlines() == [
        f"{workdir}: 2 members; groups: 1 trained, 0 finished before, 0 failed",
        f"next: python scripts/report.py {workdir}",
    ]
    line = r"headline all: step 20 of 20, loss \d\.\d+, .* steps/s, 100 %, 0 s left\n"
    assert re.fullmatch(r"devices: \d x cpu\n" + line, trained.stderr)
    out = succeeded(command("report.py", workdir, f"--out={tmp_path / 'page'}"))
    assert "Findings: " in out
    assert "not measured" in out
    assert len(out.splitlines()) <= 25
    assert f"report: {tmp_path / 'page' / 'report.html'}" in " ".join(out.split())
    assert "<html" in (tmp_path / "page" / "report.html").read_text()
    claims = json.loads((tmp_path / "page" / "claims.json").read_text())
    assert {"headline", "static_loss"} <= {claim["id"] for claim in claims}

    changed = command("sweep.py", CONFIG, f"--workdir={workdir}", "--config.optimizer.b1=0.5")
    first, *keys, last = error_of(changed).splitlines()
    assert first == f"{workdir} holds a run with another config; these differ:"
    assert keys == ["  optimizer.b1: 0.9 -> 0.5"]
    assert "choose another --workdir" in last


def test_more_seeds_are_added_and_the_status_tells_of_all(tmp_path):
    line = ("sweep.py", CONFIG, f"--workdir={tmp_path / 'study'}")
    succeeded(command(*line))
    before = (tmp_path / "study" / "all" / "metrics.jsonl").read_bytes()
    more = (*line, "--config.seeds=3")
    shown = succeeded(command(*more, "--dry_run"))
    assert shown == "all: 2 members x 20 steps (done)\nall,added=1: 1 members x 20 steps\n"
    assert "3 members; groups: 1 trained, 1 finished before" in succeeded(command(*more))
    assert (tmp_path / "study" / "all" / "metrics.jsonl").read_bytes() == before
    fewer = succeeded(command(*line)).splitlines()
    assert fewer[1] == "nothing left to train; the folder has 1 member more than was asked for"
    status = succeeded(command(*more, "--status")).splitlines()
    assert [row.split()[:3] for row in status[1:3]] == [
        ["all", "done", "2"],
        ["all,added=1", "done", "1"],
    ]
    assert status[3] == "2 runs: 2 done; 100 % of all steps"


def test_members_that_diverge_are_named(tmp_path):
    wild = ("--config.optimizer.name=sgd", "--config.optimizer.learning_rate=1e30")
    result = command("sweep.py", CONFIG, f"--workdir={tmp_path / 'study'}", *wild)
    succeeded(result)
    assert "warning: group all: 2 of 2 members diverged, the first at step 0" in result.stderr


def test_a_model_is_trained_once(tmp_path):
    workdir = tmp_path / "model"
    line = ("train.py", CONFIG, f"--workdir={workdir}", "--config.optimizer.learning_rate=0.5")
    assert succeeded(command(*line)) == f"next: python scripts/report.py {workdir}\n"
    config = json.loads((workdir / "config.json").read_text())
    assert config["optimizer"]["learning_rate"] == 0.5
    assert json.loads((workdir / "members.json").read_text()) == [{}]
    done = (workdir / "DONE").read_text()
    assert json.loads(done)["steps"] == 20
    succeeded(command(*line))
    assert (workdir / "DONE").read_text() == done


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("sweep.py", CONFIG, "--config.train.step=3"), r"no key 'train.step': did you mean"),
        (("train.py", CONFIG, "--config.task.temperature=0"), r"member 0 .*task.labels = 'hard'"),
        (
            ("train.py", CONFIG, "--seed=3"),
            r"argument '--seed=3': set .*--config.KEY=VALUE",
        ),
        (("sweep.py", "--config=configs/nowhere.py"), r"no config file configs/nowhere.py"),
        (
            ("train.py", "--config=configs/one_third/text.py:tiny", "--config.task.dataset=lm1b"),
            r"no prepared TFDS set 'lm1b'",
        ),
    ],
)
def test_bad_input_is_answered_in_one_line(tmp_path, line, message):
    error = error_of(command(*line, f"--workdir={tmp_path / 'study'}"))
    assert re.search(message, error)
    assert "\n" not in error
    assert not (tmp_path / "study").exists()


def test_reports_and_benchmarks_answer_bad_input_in_one_line(tmp_path):
    error = error_of(command("report.py", tmp_path))
    assert error == f"there is no run in {tmp_path}: train one first (scripts/sweep.py --help)"
    error = error_of(command("benchmark.py", CONFIG, "--config.devices.mesh=(9,11)"))
    assert error.startswith("devices.mesh is (9, 11), but there are ")


def test_the_benchmark_prints_its_measurements():
    out = succeeded(command("benchmark.py", CONFIG, "--steps=40"))
    for measurement in (
        "group +all",
        " +2 members, 40 steps, 8 records",
        r"compile +\d+\.\d\d s",
        r"steps alone +\d+ steps of one member per CPU-second \(\d+\.\d{3} ms\), \d+ per second",
        r"with evaluations +\d+\.\d\d CPU-seconds, \d+\.\d\d s",
        r"the training loop +\d+\.\d\d CPU-seconds, \d+\.\d\d s",
        r"outside program +-?\d+\.\d % of CPU, -?\d+\.\d % of wall time",
    ):
        assert re.search(f"^{measurement}$", out, re.MULTILINE), out


@pytest.mark.parametrize(
    ("script", "run", "number", "status"),
    [("train", "", signal.SIGINT, 130), ("sweep", "all", signal.SIGTERM, 75)],
)
def test_an_interrupted_command_saves_and_says_how_to_go_on(tmp_path, script, run, number, status):
    line = [sys.executable, f"scripts/{script}.py", CONFIG, f"--workdir={tmp_path}"]
    line.append("--config.train.steps=200_000")
    with subprocess.Popen(
        line, env=os.environ | ENVIRONMENT, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not (tmp_path / run / "metrics.jsonl").exists():
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    assert "the same command goes on" in errors
    assert list((tmp_path / run / "checkpoints").iterdir())
    assert "Traceback" not in errors

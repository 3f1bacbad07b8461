"""Streams, paths and unforeseen errors of every command."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jaxlab.command import local_path, run_command
from jaxlab.training.preemption import Preempted


def test_an_unforeseen_error_is_one_line_with_its_place_and_a_traceback_in_a_file(capsys):
    def main():
        raise KeyError("parity\nand more")

    with pytest.raises(SystemExit, match="1"):
        run_command(main)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: KeyError: 'parity\\nand more', at ")
    assert f"{Path(__file__).name}:" in error
    path = Path(error.rpartition("traceback in ")[2].strip())
    assert "raise KeyError" in path.read_text()
    path.unlink()


def test_a_signal_after_training_is_one_line_and_the_status_that_asks_for_a_new_start(
    capsys, monkeypatch
):
    def main():
        raise Preempted(signal.SIGTERM)

    monkeypatch.setattr(signal, "signal", lambda *arguments: None)  # those of pytest stay
    with pytest.raises(SystemExit, match="75"):
        run_command(main)
    assert capsys.readouterr().err.startswith("stopped by SIGTERM: the same command goes on")


def test_a_url_is_no_folder_and_the_tilde_is_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert local_path("~/runs") == tmp_path / "runs"
    for text in ("gs://bucket/runs", "s3://bucket", "file:///tmp/x"):
        with pytest.raises(argparse.ArgumentTypeError, match="is a URL: give a local folder"):
            local_path(text)
    with pytest.raises(argparse.ArgumentTypeError, match="~nobody_of_this_name"):
        local_path("~nobody_of_this_name/x")


SHOWN = """
from jaxlab.command import run_command
def main():
    for _ in range(20_000):
        print("τ of all")
    return 0
run_command(main)
"""


def test_a_closed_pipe_and_a_terminal_without_unicode_end_without_a_word():
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    with subprocess.Popen(
        [sys.executable, "-c", SHOWN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[1],
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"? of all\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141

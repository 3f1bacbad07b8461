"""Progress in words, by a clock that the test sets."""

import math
from types import SimpleNamespace

import pytest

from jaxlab.sweeps import console
from jaxlab.sweeps.plan import Group
from jaxlab.sweeps.progress import Progress, duration
from jaxlab.training.loop import Update


def group(name, members, steps):
    return Group(name, SimpleNamespace(train=SimpleNamespace(steps=steps)), [{}] * members)


@pytest.fixture
def clock():
    time = SimpleNamespace(now=0.0)
    time.read = lambda: time.now
    return time


def test_a_run_compiles_then_tells_its_step_loss_speed_and_the_time_left(clock):
    one, two = group("a", 2, 100), group("b", 1, 200)
    progress = Progress("study", [one, two], clock.read)
    clock.now = 5
    assert progress.line() == "study: preparing, 5 s"
    progress(one, Update(0, compiling=True))
    clock.now = 35
    assert progress.line() == "study a: compiling, 30 s, 0 %"
    progress(one, Update(0))
    clock.now = 36
    progress(one, Update(0, math.nan))
    assert progress.state() == "step 0 of 100"
    clock.now = 45
    progress(one, Update(50, 0.125))
    assert progress.line() == (
        "study a: step 50 of 100, loss 0.125, 5 steps/s, 25 %, 2 min left"  # 3 x 45 s
    )
    progress(one, Update(100, math.nan))
    assert "loss" not in progress.state()
    clock.now = 60
    progress(two, Update(0, compiling=True))
    clock.now = 61
    assert progress.line() == "study b: compiling, 1 s, 50 %, 61 s left"
    progress(two, Update(200, 0.5))
    assert (progress.done, progress.left()) == (400, "0 s")


def test_steps_that_earlier_commands_took_do_not_count_as_speed(clock):
    run = group("", 1, 100)
    progress = Progress("study", [run], clock.read)
    progress(run, Update(80, compiling=True))
    clock.now = 10
    progress(run, Update(80))
    assert (progress.done, progress.left()) == (80, "")
    clock.now = 20
    progress(run, Update(90, 1.0))
    assert progress.line() == "study: step 90 of 100, loss 1, 1 steps/s, 90 %, 20 s left"


def test_lines_come_while_nothing_else_does(monkeypatch, capsys):
    monkeypatch.setattr(console, "SECONDS_PER_LINE", 0.01)
    run = group("all", 1, 10)
    with console.shown(Progress("study", [run])) as progress:
        progress(run, Update(0, compiling=True))
        while "compiling" not in (text := capsys.readouterr().err):
            pass
        progress(run, Update(10, 0.5))
    text = capsys.readouterr().err
    assert text.splitlines()[-1].startswith("study all: step 10 of 10, loss 0.5")


def test_nothing_is_shown_of_what_was_finished_before(capsys):
    with console.shown(Progress("study", [])):
        pass
    assert capsys.readouterr().err == ""


def test_the_bar_shows_the_same_words(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    run = group("all", 1, 10)
    with console.shown(Progress("study", [run])) as progress:
        progress(run, Update(0))
        progress(run, Update(10, 0.5))
    text = capsys.readouterr().err
    assert "study all" in text
    assert "step 10 of 10, loss 0.5" in text
    assert "100 %" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5990, "1 h 40 min"), (12000, "3 h 20 min")],
)
def test_durations_are_read_at_a_glance(seconds, text):
    assert duration(seconds) == text

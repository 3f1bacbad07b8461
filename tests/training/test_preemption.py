"""A signal makes a run save at its next step, and where a run is cut changes no bit of it."""

import os
import signal

import jax
import numpy as np
import pytest
from jax.experimental import multihost_utils
from test_loop import assert_same, recorded, saved, straight, train  # noqa: F401

from jaxlab.training import checkpoint, preemption
from jaxlab.training.preemption import Pace, Preempted, Stopping

AT_THE_END = {"records.every_steps": 60}  # and at step 0


def stop_with(number, when):
    """Returns a `progress` that sends this process a signal at the first update of a kind."""
    sent = []

    def progress(update):
        if not sent and when(update):
            sent.append(update.step)
            os.kill(os.getpid(), number)

    return progress


def checkpoints(folder):
    return sorted(int(path.name) for path in (folder / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("number", "raised"),
    [(signal.SIGTERM, Preempted), (signal.SIGUSR2, Preempted), (signal.SIGINT, KeyboardInterrupt)],
)
def test_a_signal_saves_at_the_next_step_and_the_run_goes_on_bit_for_bit(
    straight,  # noqa: F811
    tmp_path,
    number,
    raised,
):
    before = signal.getsignal(number)
    with pytest.raises(raised):
        train(tmp_path / "run", progress=stop_with(number, lambda u: recorded(u, 20)))
    assert checkpoints(tmp_path / "run") == [20]
    assert signal.getsignal(number) == before
    train(tmp_path / "run")
    assert_same(saved(tmp_path / "run"), saved(straight))


def test_a_run_that_records_at_its_end_alone_is_saved_between(tmp_path):
    train(tmp_path / "straight", **AT_THE_END)
    assert checkpoints(tmp_path / "straight") == [40, 60]
    between = stop_with(signal.SIGUSR1, lambda update: update.step == 1)
    with pytest.raises(Preempted, match="SIGUSR1"):
        train(tmp_path / "run", progress=between, **AT_THE_END)
    assert checkpoints(tmp_path / "run") == [1]
    train(tmp_path / "run", **AT_THE_END)
    assert_same(saved(tmp_path / "run"), saved(tmp_path / "straight"))


def test_a_run_in_calls_of_one_step_has_the_same_bits(straight, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(preemption, "SECONDS_PER_CALL", 0.0)
    train(tmp_path / "run")
    assert_same(saved(tmp_path / "run"), saved(straight))


def test_a_save_serves_a_signal_that_comes_meanwhile_and_no_signal_interrupts_it(
    straight,  # noqa: F811
    tmp_path,
    monkeypatch,
):
    interrupted, synced = [], []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file)) or fsync(file))
    before = signal.signal(signal.SIGTERM, lambda *arguments: interrupted.append(arguments))
    for name in ("save", "close"):
        own = getattr(checkpoint.Checkpoints, name)

        def with_signal(self, *arguments, own=own):
            os.kill(os.getpid(), signal.SIGTERM)
            records = (tmp_path / "run" / "metrics.jsonl").stat()
            sizes = [file.st_size for file in synced if file.st_ino == records.st_ino]
            assert sizes[-1:] == [records.st_size]  # a loss of power leaves all records
            own(self, *arguments)

        monkeypatch.setattr(checkpoint.Checkpoints, name, with_signal)
    try:
        with pytest.raises(Preempted, match="SIGTERM"):
            train(tmp_path / "run")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not interrupted
    assert checkpoints(tmp_path / "run") == [20]
    monkeypatch.undo()
    train(tmp_path / "run")
    assert_same(saved(tmp_path / "run"), saved(straight))


def test_a_signal_that_comes_while_processes_agree_is_heeded_when_they_next_do(monkeypatch):
    pace, stopping = Pace(save_minutes=0), Stopping()

    def gather(choice):
        rows = np.stack([choice, choice])
        stopping.note(signal.SIGTERM, None)
        return rows

    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(multihost_utils, "process_allgather", gather)
    assert not pace.decide(stopping)
    stopping.raise_if_agreed()
    assert pace.decide(stopping)
    with pytest.raises(Preempted, match="SIGTERM"):
        stopping.raise_if_agreed()


def test_a_signal_on_which_nobody_agreed_is_raised_at_the_end():
    def work():
        with preemption.noted() as stopping:
            os.kill(os.getpid(), signal.SIGUSR1)
            stopping.raise_if_agreed()

    with pytest.raises(Preempted, match="SIGUSR1"):
        work()


def test_a_second_interrupt_does_not_wait():
    stopping = Stopping()
    stopping.note(signal.SIGINT, None)
    with pytest.raises(KeyboardInterrupt):
        stopping.note(signal.SIGINT, None)


def test_the_pace_follows_the_clock():
    now = [0.0]
    pace = Pace(save_minutes=2, clock=lambda: now[0])
    assert pace.steps == 1
    pace.start()
    now[0] = 5.0
    pace.stop(10)
    assert pace.steps == 40  # half a second each
    assert not pace.decide(Stopping())
    now[0] = 120.0
    assert pace.decide(Stopping())
    pace.saved()
    assert not pace.decide(Stopping())
    assert not Pace(save_minutes=0, clock=lambda: now[0]).decide(Stopping())

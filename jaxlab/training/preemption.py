"""Signals that ask a run to stop: it saves at its next step, and goes on from there later.

A batch system sends SIGTERM, SIGUSR1 or SIGUSR2 before it takes a machine back or a time limit
strikes; a user sends SIGINT. While a run trains, the signals are only noted, since the state of a
program can be saved between its calls alone.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

EXIT_STATUS = 75  # what was trained is saved, start it again: EX_TEMPFAIL of sysexits.h
SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
SECONDS_PER_CALL = 20.0  # of a program, about: as long may a signal wait for its save


class Preempted(BaseException):
    """The machine is wanted for something else. It is no error: what handles errors lets it pass.

    Attributes:
        signal: the number of the signal that said so.
    """

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number


class Stopping:
    """Which signals ask a run to stop.

    Attributes:
        signal: the first that came to this process, 0 if none did.
        agreed: that on which all processes of the run have agreed, 0 if none; see `Pace.decide`.
    """

    def __init__(self):
        self.signal = self.agreed = 0

    def note(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal; an impatient second SIGINT interrupts at once."""
        if number == self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = self.signal or number

    def raise_if_agreed(self) -> None:
        """Raises what the signal means on which all processes agreed, if there is one."""
        _raise(self.agreed)

    def raise_if_noted(self) -> None:
        """Raises what the signal means that came to this process, if one did."""
        _raise(self.signal)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    if number:
        raise Preempted(number)


def heed() -> None:
    """From now on the signals of a batch system raise Preempted, wherever the process is."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Preempted(number)

    for number in SIGNALS:
        signal.signal(number, stop)


def explain(reason: KeyboardInterrupt | Preempted) -> int:
    """Says on standard error how to go on after a signal; returns the exit status.

    The process is about to end: further signals are ignored.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    what = str(reason) or "interrupted"
    print(
        f"{what}: the same command goes on from the last checkpoint, if one was saved",
        file=sys.stderr,
    )
    return EXIT_STATUS if isinstance(reason, Preempted) else 130


@contextlib.contextmanager
def noted() -> Iterator[Stopping]:
    """While the context lasts, signals are noted instead of ending the process.

    At its end it raises what a noted signal means: also one on which nobody agreed is not lost.
    Python handles signals in the main thread alone: in another one nothing changes.
    """
    stopping = Stopping()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = {n: signal.signal(n, stopping.note) for n in (*SIGNALS, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stopping.raise_if_noted()


class Pace:
    """How many steps a call may take to last `SECONDS_PER_CALL`, and when a save is due.

    Attributes:
        steps: 1 until a call has been timed.
    """

    def __init__(self, save_minutes: float, clock=time.monotonic):
        self.steps = 1
        self._clock, self._between_saves = clock, 60 * save_minutes or float("inf")
        self._saved = self._started = clock()

    def start(self) -> None:
        """Notes that a call begins."""
        self._started = self._clock()

    def stop(self, steps: int) -> None:
        """Notes that a call has ended that took so many steps."""
        each = max(self._clock() - self._started, 1e-9) / steps
        self.steps = max(1, int(SECONDS_PER_CALL / each))

    def saved(self) -> None:
        """Notes that a checkpoint was saved."""
        self._saved = self._clock()

    def decide(self, stopping: Stopping) -> bool:
        """Returns whether to save now, and sets `stopping.agreed`; all processes decide alike."""
        import jax  # not above: commands need this module before they need jax
        import numpy as np
        from jax.experimental import multihost_utils

        choice = np.array([self.steps, self._save_is_due, stopping.signal])
        if jax.process_count() > 1:
            rows = multihost_utils.process_allgather(choice)
            choice = np.array([rows[:, 0].min(), rows[:, 1].max(), rows[:, 2].max()])
        self.steps, save, stopping.agreed = map(int, choice)
        return bool(save or stopping.agreed)

    @property
    def _save_is_due(self) -> bool:
        """Whether the last save, or the start, is as long ago as saves may be apart."""
        return self._clock() - self._saved >= self._between_saves

"""How far training is, in words: steps, loss, speed, time left."""

from __future__ import annotations

import math
import time

from jaxlab.sweeps.plan import Group
from jaxlab.training.loop import Update


class Progress:
    """What the updates of runs add up to; call it with each one.

    Work is counted in steps of one member, so that groups of other sizes and lengths add up.

    Attributes:
        title: what the runs belong to.
        total: the work of all runs that are not finished.
        done: the work done, some of it perhaps by earlier commands.
    """

    def __init__(self, title: str, runs: list[Group], clock=time.monotonic):
        self.title = title
        self.total = sum(_work(run, run.config.train.steps) for run in runs)
        self._clock = clock
        self._done: dict[str, int] = {}  # run to work
        self._begun_with: dict[str, int] = {}  # run to work that earlier commands did
        self._started = self._since = clock()  # the first run; the phase of the present run
        self._run: Group | None = None
        self._update = Update(0)
        self._loss: float | None = None
        self._first_step = 0  # of the present run, in this process

    @property
    def started(self) -> bool:
        """Whether there was any update."""
        return self._run is not None

    @property
    def done(self) -> int:
        """The work done so far."""
        return sum(self._done.values())

    def __call__(self, run: Group, update: Update) -> None:
        """Takes an update of a run."""
        if self._run is None or self._run.name != run.name:
            self._run, self._loss = run, None
            self._since = self._clock()
        if self._update.compiling and not update.compiling:
            self._since, self._first_step = self._clock(), update.step
        work = _work(run, update.step)
        if not update.compiling:
            self._begun_with.setdefault(run.name, work)
        self._done[run.name] = work
        self._update = update
        self._loss = self._loss if update.loss is None else update.loss

    def name(self) -> str:
        """Returns what trains now."""
        return f"{self.title} {self._run.name}".strip() if self._run else self.title

    def state(self) -> str:
        """Returns the step, the loss and the speed, or how long the present phase has taken."""
        now = self._clock()
        if self._run is None:
            return f"preparing, {duration(now - self._started)}"
        if self._update.compiling:
            return f"compiling, {duration(now - self._since)}"
        step = self._update.step
        words = [f"step {step} of {self._run.config.train.steps}"]
        if self._loss is not None and math.isfinite(self._loss):
            words.append(f"loss {self._loss:.4g}")
        elapsed = now - self._since
        if step > self._first_step and elapsed > 0:
            words.append(f"{(step - self._first_step) / elapsed:.3g} steps/s")
        return ", ".join(words)

    def left(self) -> str:
        """Returns the time that all runs still take, if there is something to judge it by."""
        here = self.done - sum(self._begun_with.values())
        if self.done >= self.total:
            return "0 s"
        if here <= 0.005 * self.total:
            return ""
        elapsed = self._clock() - self._started
        return duration(elapsed * (self.total - self.done) / here)

    def line(self) -> str:
        """Returns all of it in one line."""
        share = f", {100 * self.done / self.total:.0f} %" if self.started else ""
        left = self.left()
        return f"{self.name()}: {self.state()}{share}{left and f', {left} left'}"


def duration(seconds: float) -> str:
    """Returns a time in words: 40 s, 12 min, 3 h 20 min."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _work(run: Group, steps: int) -> int:
    return len(run.members) * steps

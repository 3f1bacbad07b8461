"""Runs a sweep on this machine: one group after another, each from where it stopped."""

from __future__ import annotations

import contextlib
import math
import re
import traceback
from collections.abc import Callable
from pathlib import Path

from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.experiment import Experiment
from jaxlab.sweeps import plan
from jaxlab.sweeps.plan import Group, Sweep
from jaxlab.training import loop, run
from jaxlab.training.memory import members_that_fit

Progress = Callable[[str, int], None]  # (group, member-steps done)


def run_sweep(sweep: Sweep, workdir: Path, progress: Progress) -> dict[str, str]:
    """Trains what of a sweep is not trained yet.

    A group that fails does not stop the others.

    Args:
        sweep: from `jaxlab.sweeps.plan.load`.
        workdir: the study's folder; every group is a folder in it.
        progress: called as the work goes on.

    Returns:
        What became of each group: "done", "skipped" (it was done before), or the error.

    Raises:
        ConfigError: when the folder holds another sweep.
    """
    with run.explained(workdir):
        run.claim(workdir, sweep.config, sweep.members)
    outcomes = {}
    for whole in plan.group(sweep):
        try:
            experiment = build(whole.config)
            groups = plan.parts(whole, _part_count(whole, experiment, workdir))
        except (ConfigError, OSError) as error:
            outcomes[whole.name] = str(error)
            continue
        for group in groups:
            outcomes[group.name] = _run_group(group, experiment, workdir, progress)
    return outcomes


def build(config) -> Experiment:
    """Returns the experiment that a complete config names.

    Raises:
        ConfigError: when it cannot be built, for want of its data, say.
    """
    static, _ = configs.split(config)
    module = plan.experiment_module(config.experiment)
    try:
        return module.build(static)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _run_group(group: Group, experiment: Experiment, workdir: Path, progress: Progress) -> str:
    folder, size = workdir / group.name, len(group.members)

    def report(step: int) -> None:
        progress(group.name, step * size)

    already = run.is_done(folder)
    try:
        loop.train(experiment, group.config, group.members, folder, report)
    except ConfigError as error:
        return str(error)
    except Exception as error:  # one broken group must not cost the others their night
        with contextlib.suppress(OSError):
            (folder / "error.txt").write_text(traceback.format_exc())
        return f"{type(error).__name__}: {error} (see {folder / 'error.txt'})"
    (folder / "error.txt").unlink(missing_ok=True)
    report(group.config.train.steps)
    return "skipped" if already else "done"


def _part_count(whole: Group, experiment: Experiment, workdir: Path) -> int:
    # A study that began in parts goes on in those parts, whatever the memory of this machine.
    for folder in workdir.glob(f"{whole.name},part=*"):
        match = re.fullmatch(r".*,part=\d+of(\d+)", folder.name)
        if match:
            return int(match.group(1))
    if (workdir / whole.name).exists():
        return 1
    static, values = configs.split(whole.config)
    limit = whole.config.devices.max_members
    limit = limit or members_that_fit(experiment, static, tuple(values))
    return math.ceil(len(whole.members) / limit)

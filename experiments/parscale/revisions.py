"""Revisions of a released model: folders of one model at several steps, measured as a series."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from experiments.parscale import released, text
from experiments.parscale.series import Point, evaluation_batches
from jaxlab import config as configs
from jaxlab import validation
from jaxlab.checkpoints import CheckpointError
from jaxlab.checkpoints import released as models
from jaxlab.config import ConfigError, check

STEP = re.compile(r"step[-_]?(\d+)")
Clock = Callable[[NDArray[np.int64]], NDArray[np.float64]]  # steps [R] -> τ [R]


def revisions(path: Path) -> dict[int, Path]:
    """Returns the folders of released models below a folder, by the step that their names say.

    Names are such as `step1000` (Pythia) or `stage1-step1000-tokens5B` (OLMo-2). Other folders, and
    those without a model, are no revisions.

    Raises:
      ConfigError: two folders of one step.
    """
    found: dict[int, Path] = {}
    for folder in sorted(child for child in path.iterdir() if child.is_dir()):
        named = STEP.search(folder.name)
        if named is None or not models.is_released(folder):
            continue
        step = int(named[1])
        check(
            step not in found, f"{folder} and {found.get(step)} are both of step {step}: keep one"
        )
        found[step] = folder
    return dict(sorted(found.items()))


def points_of_revisions(
    path: Path, batches: int, dataset: str, length: int, clock: Clock | None
) -> Iterator[Point]:
    """Yields every revision below a folder; each is read when it is measured, and one at a time.

    Args:
      path: the folder of the revisions, see `revisions`.
      batches: of one row each.
      dataset: the text, see `jaxlab.tasks.corpus`, in the tokens of the first revision.
      length: tokens of a row.
      clock: steps -> τ; None where it is not known.

    Raises:
      ConfigError: no tokenizer, no such text, or a revision of another architecture.
    """
    found = revisions(path)
    first = next(iter(found.values()))
    config = configs.override(
        released.adapt(text.config(), str(first)),
        {"task.dataset": dataset, "task.length": length, "train.batch_size": 1},
    )
    check("tokenizer" in config.task and config.task.tokenizer, f"{first} has no tokenizer.json")
    validation.validate(config)
    experiment = text.build(configs.split(config)[0])
    data = evaluation_batches(experiment, batches)
    info = experiment.info["eval"]
    about = f"{info['content_hash'][:8]} {batches}x1x{length}"
    streams = _open(first).streams
    tau_R = clock(np.array(list(found))) if clock else np.full(len(found), math.nan)
    for (step, folder), tau in zip(found.items(), tau_R.tolist(), strict=True):
        model = _open(folder)
        check(model.streams == streams, f"{folder} has another architecture than {first}")
        yield Point(
            series=path.resolve().name,
            member=0,
            step=step,
            tau=tau,
            text=about,
            model=model.streams,
            smoothing=model.smoothing,
            batches=data,
            load=lambda model=model: model.params("float32"),
        )


def _open(folder: Path) -> models.Released:
    try:
        return models.open_model(folder)
    except CheckpointError as error:
        raise ConfigError(f"{error}") from error

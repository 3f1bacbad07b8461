"""Decoders at every saved step of their training, measured on one text; see `analysis.series`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.parscale.model import streams
from jaxlab import config as configs
from jaxlab.analysis.record import RunRecord
from jaxlab.analysis.series import Row, effective_beta
from jaxlab.analysis.study import find_runs
from jaxlab.checkpoints import open_checkpoint
from jaxlab.checkpoints.steps import saved_steps
from jaxlab.config import Overrides, check
from jaxlab.experiment import Batch, BatchId, Experiment, Params
from jaxlab.models.logits import logit_statistics
from jaxlab.models.streams import Streams
from jaxlab.sweeps.plan import experiment_module
from jaxlab.training import schedule
from jaxlab.training.loop import member_values

DECODERS = (("parscale", "text"), ("one_third", "decoder"))  # experiment and task


class Point(NamedTuple):
    """A model at one step, before it is read; `series` to `text` are as in `analysis.series.Row`.

    Attributes:
      model: what its parameters belong to.
      smoothing: of the weights of its streams.
      batches: the text, with tokens_BxT, targets_BxT and, where it is packed, more.
      load: reads the parameters.
    """

    series: str
    member: int
    step: int
    tau: float
    text: str
    model: Streams
    smoothing: float
    batches: list[Batch]
    load: Callable[[], Params]


def points_of_runs(path: Path, batches: int) -> Iterator[Point]:
    """Yields every saved step of every member of the decoder runs below a folder, run by run.

    Args:
      path: of a run, a study, or several.
      batches: how many of the run's own evaluation; the same ones for all seeds and steps.

    Raises:
      ConfigError: no runs, runs of something else, or without their data.
    """
    runs = find_runs(path, with_metrics=False)
    for run in runs:
        what = run.config.experiment, run.config.task.get("name")
        check(
            what in DECODERS,
            f"{run.folder} is a run of {'/'.join(map(str, what))}: give runs of decoders of text, "
            + " or ".join("/".join(names) for names in DECODERS),
        )
    for run in runs:
        yield from _points(run, batches, _place(run.folder, path))


def _place(folder: Path, path: Path) -> str:
    """Returns where a run lies below a path; of a path that is the run itself, its name."""
    below = folder.resolve().relative_to(path.resolve()).as_posix()
    return folder.name if below == "." else below


def _points(run: RunRecord, batches: int, place: str) -> Iterator[Point]:
    steps = list(saved_steps(run.folder))
    if not steps:
        return
    static, _ = configs.split(run.config)
    experiment = experiment_module(run.config.experiment).build(static)
    text = evaluation_batches(experiment, batches)
    info = experiment.info["eval"]
    shuffled = " shuffled" if run.config.task.get("shuffled") else ""
    about = f"{info['content_hash'][:8]}{shuffled} {batches}x{run.config.train.batch_size}"
    about += f"x{run.config.task.length}"
    model = streams(run.config)
    values_M = member_values(run.config, run.members)
    tau_MxR = schedule.tau(
        run.config.schedule.name, values_M, np.array(steps), run.config.train.steps
    )
    for number, step in enumerate(steps):
        params = functools.cache(functools.partial(_read, run.folder, step))
        for member, own in enumerate(run.members):
            config = configs.override(run.config, own)
            yield Point(
                series=_name(place, own),
                member=member,
                step=step,
                tau=float(tau_MxR[member, number]),
                text=about,
                model=model,
                smoothing=config.streams.smoothing,
                batches=text,
                load=functools.partial(_member, params, member),
            )


def _name(place: str, own: Overrides) -> str:
    """Returns where the run lies and what sets the member apart from others, but for its seed."""
    differing = [f"{key}={value}" for key, value in sorted(own.items()) if key != "seed"]
    return ",".join([place, *differing])


def _read(folder: Path, step: int) -> Params:
    return open_checkpoint(folder, step).tree("params")


def _member(params: Callable[[], Params], member: int) -> Params:
    return jax.tree.map(lambda leaf: leaf[member], params())


def evaluation_batches(experiment: Experiment, number: int) -> list[Batch]:
    """Returns the first batches of an experiment's evaluation with seed 0."""
    data, found = jax.tree.map(jnp.asarray, experiment.data), []
    for index in range(number):
        batch: Batch = {}
        for entry in experiment.batch:
            own = BatchId("eval", jnp.int32(index))
            batch |= entry.make(data | batch, {"seed": jnp.int32(0)}, own)
        found.append(batch)
    return found


def measure(point: Point) -> Row:
    """Reads a model and evaluates it on its text, in the precision of its config."""
    params = jax.tree.map(jnp.asarray, point.load())
    run = _statistics(point.model)
    each = [run(params, batch, jnp.float32(point.smoothing)) for batch in point.batches]
    weights_N = np.array([count for count, _ in each], np.float64)
    found = {
        name: float(np.average([float(values[name]) for _, values in each], weights=weights_N))
        for name in each[0][1]
    }
    beta = effective_beta(point.model.decoder.vocabulary, found["entropy"])
    return Row(*point[:5], **found, beta=beta)


@functools.lru_cache(maxsize=2)
def _statistics(model: Streams) -> Callable[..., tuple[jax.Array, dict[str, jax.Array]]]:
    @jax.jit
    def statistics(params: Params, batch: Batch, smoothing: jax.Array) -> tuple[Any, Any]:
        targets_BxT = batch["targets_BxT"]
        counted_BxT = batch.get("counted_BxT", jnp.ones_like(targets_BxT, bool))
        documents_BxT = batch.get("documents_BxT")
        logits_BxTxV = model.apply(params, batch["tokens_BxT"], smoothing, documents_BxT)
        return jnp.sum(counted_BxT), logit_statistics(logits_BxTxV, targets_BxT, counted_BxT)

    return statistics

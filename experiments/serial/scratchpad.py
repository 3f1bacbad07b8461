"""A circuit of one step that is rolled out: between steps only what it wrote down passes."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.analysis.serial_depth import measure
from jaxlab.config import Config, check
from jaxlab.experiment import Batch, Experiment, Params, Values
from jaxlab.models.rollout import Rollout
from jaxlab.tasks.serial import automata


def validate(config: Config) -> None:
    """Checks what a roll-out needs; raises ConfigError."""
    check(
        config.task.name == "automaton" and config.task.time == 1,
        f"task.name is {config.task.name!r} and task.time {config.task.time}: what is rolled out "
        "are single steps of an automaton, so take 'automaton' and 1",
    )
    check(min(config.rolled, default=0) >= 1, f"rolled is {config.rolled}: give steps from 1 up")


def evaluated(plain: Experiment, model: Any, config) -> Experiment:
    """Returns an experiment that trains alike and is evaluated after the steps `config.rolled`.

    Besides the metrics of one step it has `accuracy_T` and `row_accuracy_T` for every T.
    """
    roll_outs = {steps: Rollout(step=model, steps=steps) for steps in config.rolled}

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        tokens_BxN, found = batch["tokens_BxN"], plain.evaluate(params, batch, values)
        for steps, roll_out in roll_outs.items():
            written_BxN = jnp.argmax(roll_out.apply(params, tokens_BxN), axis=-1)
            right_BxN = written_BxN == automata.evolve(values["task.rule"], tokens_BxN, steps)
            found[f"accuracy_{steps}"] = jnp.mean(right_BxN)
            found[f"row_accuracy_{steps}"] = jnp.mean(jnp.all(right_BxN, axis=1))
        return found

    costs = {steps: measure(own, config.task.cells)._asdict() for steps, own in roll_outs.items()}
    return dataclasses.replace(plain, evaluate=evaluate, info=plain.info | {"rolled": costs})

"""Answers drawn by diffusion: a circuit of limited depth, denoising in any number of steps."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from experiments.serial import tasks
from jaxlab.analysis.serial_depth import Cost, flops, serial_depth
from jaxlab.config import Config, check
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values, random_key
from jaxlab.models.diffusion import Diffusion


def validate(config: Config) -> None:
    """Checks what diffusion needs; raises ConfigError."""
    check(
        config.task.name == "automaton" and config.task.asks == "every",
        "diffusion draws the cells of an automaton: set task.name to 'automaton', and task.asks to "
        "'every', as model.target says which are drawn",
    )
    check(config.draws >= 1, f"draws is {config.draws}: a vote needs at least 1")
    check(min(config.denoised, default=0) >= 1, f"denoised is {config.denoised}: give steps from 1")


def build(task: Any, model: Diffusion, config) -> Experiment:
    """Returns the experiment of a static config.

    Evaluated are, for every number of steps S of `config.denoised`, the accuracy of one draw
    (`one_S`) and of the vote of `config.draws` (`vote_S`); `accuracy` is the vote in most steps.
    """
    cells = model.cells(task.length)

    def draw(batch: Batch, values: Values, batch_id: BatchId) -> Batch:
        asked = tasks.draw(task, batch_id, config.train.batch_size, values)
        key = jax.random.fold_in(batch_id.key(values), batch_id.step)
        noise_key, sample_key = jax.random.split(jax.random.fold_in(key, 1))
        answer_BxM, noisy_BxMxC, time_B = model.noised(noise_key, asked.targets_BxN)
        return {
            "tokens_BxN": asked.tokens_BxN,
            "answer_BxM": answer_BxM,
            "noisy_BxMxC": noisy_BxMxC,
            "time_B": time_B,
            "bits_B": jax.random.bits(sample_key, time_B.shape),  # the first seeds the draws
        }

    def loss(params: Params, batch: Batch, values: Values) -> jax.Array:
        logits_BxMxC = model.apply(
            params, batch["tokens_BxN"], batch["noisy_BxMxC"], batch["time_B"]
        )
        nats_BxM = optax.softmax_cross_entropy_with_integer_labels(
            logits_BxMxC, batch["answer_BxM"]
        )
        return jnp.mean(nats_BxM)

    def evaluate(params: Params, batch: Batch, values: Values) -> dict[str, jax.Array]:
        keys_K = jax.random.split(random_key(batch["bits_B"][0]), config.draws)

        def accuracies(steps: jax.Array) -> tuple[jax.Array, jax.Array]:
            # One draw after another: together they would leave the cache of a core.
            drawn_KxBxM = jax.lax.map(
                lambda key: model.sample(params, key, batch["tokens_BxN"], steps), keys_K
            )
            votes_BxMxC = jnp.sum(jax.nn.one_hot(drawn_KxBxM, task.classes), axis=0)
            voted_BxM = jnp.argmax(votes_BxMxC, axis=-1)
            right_KxBxM = drawn_KxBxM == batch["answer_BxM"][None]
            return jnp.mean(right_KxBxM), jnp.mean(voted_BxM == batch["answer_BxM"])

        one_X, vote_X = jax.lax.map(accuracies, jnp.array(config.denoised))  # one program for all
        found = {"loss": loss(params, batch, values), "accuracy": vote_X[-1]}
        for number, steps in enumerate(config.denoised):
            found |= {f"one_{steps}": one_X[number], f"vote_{steps}": vote_X[number]}
        return found

    cost = cost_of_pass(model, task.length)._asdict()
    return Experiment(
        init=lambda key, values: model.init(key),
        loss=loss,
        evaluate=evaluate,
        batch=(Shared(tasks.depends(task), draw),),
        info={"cost": cost, "answers": len(range(task.length)[cells])},
    )


def cost_of_pass(model: Diffusion, length: int) -> Cost:
    """Returns the cost of one step of denoising, the maps of the noise and of the time with it."""
    tokens_1xN = jax.ShapeDtypeStruct((1, length), jnp.int32)
    params = jax.eval_shape(model.init, random_key(0))
    _, noisy_1xMxC, time_1 = jax.eval_shape(model.noised, random_key(0), tokens_1xN)
    read = tokens_1xN, noisy_1xMxC, time_1
    return Cost(
        serial_depth(lambda read, params: model.apply(params, *read), read, params),
        flops(model.apply, params, *read),
        sum(leaf.size for leaf in jax.tree.leaves(params)),
    )

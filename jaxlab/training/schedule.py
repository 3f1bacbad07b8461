"""Learning-rate schedules and their clock τ, the sum of the learning rates so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from jaxlab import validation
from jaxlab.config import SCHEDULES, base, check, override, split
from jaxlab.experiment import Values


def rate_fraction(name: str, values: Values, step: jax.Array, steps: int) -> jax.Array:
    """Returns the learning rate of a step (0-based) as a fraction of its peak.

    optax's schedules choose their pieces with Python ints; here the fractions are traced, so that
    members with different warm-ups share a program.

    Args:
        name: "constant", "linear" or "cosine" (down to `final` at the end), "wsd" (warm-up,
            stable, then a linear decay over the last fraction `decay`), or "power" (as
            (1 + step / offset)^power after the warm-up: a fraction of the first rate).
        values: the traced values of `schedule`.
        step: the step about to be taken; any shape.
        steps: the length of the run.
    """
    warmup_steps = values["schedule.warmup"] * steps
    final = values["schedule.final"]
    done = (step - warmup_steps) / jnp.maximum(steps - warmup_steps, 1)
    done = jnp.clip(done, 0, 1)
    if name == "constant":
        fraction = jnp.ones_like(done)
    elif name == "linear":
        fraction = 1 + (final - 1) * done
    elif name == "cosine":
        fraction = final + (1 - final) * 0.5 * (1 + jnp.cos(jnp.pi * done))
    elif name == "wsd":
        decay_steps = jnp.maximum(values["schedule.decay"] * steps, 1)
        fraction = 1 + (final - 1) * jnp.clip((step - steps + decay_steps) / decay_steps, 0, 1)
    elif name == "power":
        after = jnp.maximum(step - warmup_steps, 0)
        fraction = (1 + after / values["schedule.offset"]) ** values["schedule.power"]
    else:
        raise ValueError(f"schedule.name is {name!r}: choose one of {', '.join(SCHEDULES)}")
    # Step s of the warm-up has (s+1)/warmup, as in GPT-NeoX: the first rate is not zero.
    return jnp.where(step < warmup_steps, (step + 1) / jnp.maximum(warmup_steps, 1), fraction)


def tau(name: str, values_M: dict[str, np.ndarray], at_steps_R: np.ndarray, steps: int):
    """Returns τ_MxR: the sum of the learning rates over the first `at_steps_R` steps.

    A function of the config alone, so it is no part of a run's state. The rates are those that the
    optimiser sees, in float32; they are summed in float64.
    """
    names = sorted(key for key in values_M if key.startswith("schedule."))
    shape_MxK = np.stack([values_M[key] for key in names], axis=-1)
    unique_UxK, member_M = np.unique(shape_MxK, axis=0, return_inverse=True)

    @jax.jit
    def fractions(row_K: jax.Array) -> jax.Array:
        values: Values = dict(zip(names, row_K, strict=True))
        return rate_fraction(name, values, jnp.arange(steps, dtype=jnp.int32), steps)

    sums_UxR = np.empty((len(unique_UxK), len(at_steps_R)))
    for row, unique_K in enumerate(unique_UxK):
        rates = np.asarray(fractions(jnp.asarray(unique_K, jnp.float32)), np.float64)
        sums_UxR[row] = np.concatenate([[0.0], np.cumsum(rates)])[at_steps_R]
    peak_M = np.asarray(values_M["optimizer.learning_rate"], np.float32).astype(np.float64)
    return peak_M[:, None] * sums_UxR[member_M.reshape(-1)]


def clock_of(text: str) -> Callable[[ArrayLike], NDArray[np.float64]]:
    """Returns the function from steps to τ of a schedule, given as NAME,KEY=VALUE,...

    Raises:
      ValueError: an unknown schedule or key, or a value that makes no sense.
    """
    name, *pairs = text.split(",")
    values = {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
    missing = {"peak", "steps"} - values.keys()
    check(not missing, f"schedule {text} lacks {' and '.join(sorted(missing))}, as in steps=50000")
    keys = {"peak": "optimizer.learning_rate", "steps": "train.steps"}
    overrides: dict[str, Any] = {"schedule.name": name}
    for key, value in values.items():
        try:
            overrides[keys.get(key, f"schedule.{key}")] = (int if key == "steps" else float)(value)
        except ValueError:
            raise ValueError(f"schedule {text}: {key} is {value!r}, not a number") from None
    config = override(base(), overrides)
    validation.validate(config)
    unused = {key for keys in SCHEDULES.values() for key in keys}.difference(SCHEDULES[name])
    check(not unused & values.keys(), f"schedule {text}: {name} reads no {min(unused)}")
    traced = {key: np.array([value]) for key, value in split(config)[1].items()}

    def clock(step_R: ArrayLike) -> NDArray[np.float64]:
        last, step_R = config.train.steps, np.asarray(step_R)
        check(
            bool(((step_R >= 0) & (step_R <= last)).all()),
            f"schedule {text}: all steps must lie in 0 ... {last}",
        )
        return tau(name, traced, np.round(step_R).astype(int), last)[0]

    return clock

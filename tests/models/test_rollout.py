"""A scratchpad on a step whose logits are planted."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.analysis.serial_depth import measure
from jaxlab.models.circuits.local import Local
from jaxlab.models.rollout import Rollout

TOKENS = np.random.default_rng(0).integers(0, 2, (5, 9))
LOCAL = Local(vocabulary=2, classes=2, width=8, depth=1, tied=True, hard=False)


@dataclasses.dataclass(frozen=True)
class Rule:
    """The exclusive or of both neighbours (Rule 90), sure by a planted margin."""

    def init(self, key):
        return {"margin": jnp.ones(())}

    def apply(self, params, tokens_BxN):
        new_BxN = jnp.roll(tokens_BxN, 1, axis=1) ^ jnp.roll(tokens_BxN, -1, axis=1)
        return params["margin"] * jax.nn.one_hot(new_BxN, 2)


def automaton(steps):
    rows = [TOKENS]
    for _ in range(steps):
        rows.append(np.roll(rows[-1], 1, axis=1) ^ np.roll(rows[-1], -1, axis=1))
    return rows[1:]


def test_it_writes_what_the_rule_does_step_by_step_exactly():
    params, rows = Rule().init(jax.random.key(0)), automaton(40)
    for steps in (1, 2, 40):
        logits = Rollout(step=Rule(), steps=steps).apply(params, TOKENS)
        np.testing.assert_array_equal(logits, np.eye(2)[rows[steps - 1]])


def test_between_steps_only_tokens_pass(drawn):
    """A step thrice as sure writes the same, and the last logits are those of a single step."""
    rollout = Rollout(step=LOCAL, steps=3)
    params = drawn(LOCAL)
    louder = params | {name: 3 * params[name] for name in ("head_WxC", "head_bias_C")}
    run, step = jax.jit(rollout.apply), jax.jit(LOCAL.apply)
    written = TOKENS
    for _ in range(2):
        written = np.argmax(step(params, written), axis=-1)
    logits = run(params, TOKENS)
    np.testing.assert_allclose(logits, step(params, written), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(
        np.argmax(run(louder, TOKENS), axis=-1), np.argmax(logits, axis=-1)
    )


def test_depth_and_work_are_linear_in_steps_and_parameters_are_not():
    def cost(steps):
        return measure(Rollout(step=LOCAL, steps=steps), 9)

    one, two, nine = map(cost, (1, 2, 9))
    assert one == measure(LOCAL, 9)
    assert nine.parameters == one.parameters
    step = two.serial_depth - one.serial_depth
    assert nine.serial_depth - one.serial_depth == 8 * step
    assert step >= one.serial_depth
    assert nine.flops - one.flops == 8 * (two.flops - one.flops)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        Rollout(step=LOCAL, steps=0)

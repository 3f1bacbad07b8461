"""Every rule of the optimiser against NumPy, and growing weights as a schedule of the scale."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import pytest

from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.config import OPTIMIZERS
from jaxlab.training import optimizer

RATE, DECAY = 0.1, 0.02
RANDOM = np.random.default_rng(0)
PARAMS, FIRST, SECOND = (
    {name: RANDOM.normal(size=shape) for name, shape in (("kernel", (6, 4)), ("bias", (4,)))}
    for _ in range(3)
)


def steps(gradients, params=PARAMS, **overrides):
    """Returns the parameters after each of some steps, in which these are the gradients."""
    overrides = {"optimizer.learning_rate": RATE} | overrides
    static, values = configs.split(configs.override(teacher_config(), overrides))
    values = {key: jnp.float32(value) for key, value in values.items()}
    rule = optimizer.make(static, values)
    params = jax.tree.map(jnp.float32, params)
    state, found = rule.init(params), []
    for gradient in gradients:
        updates, state = rule.update(jax.tree.map(jnp.float32, gradient), state, params)
        params = optax.apply_updates(params, updates)
        found.append(params)
    return found


def by_hand(name):
    """Returns the parameters after the steps FIRST and SECOND, in float64."""
    params, found = PARAMS, []
    trace = mean = square = jax.tree.map(np.zeros_like, PARAMS)
    for count, gradient in enumerate((FIRST, SECOND), start=1):
        trace = jax.tree.map(lambda old, g: 0.9 * old + g, trace, gradient)
        mean = jax.tree.map(lambda old, g: 0.9 * old + 0.1 * g, mean, gradient)
        square = jax.tree.map(lambda old, g: 0.999 * old + 0.001 * g**2, square, gradient)
        norm = np.sqrt(sum((leaf**2).sum() for leaf in gradient.values()))

        def adam(m, s, count=count):
            return m / (1 - 0.9**count) / (np.sqrt(s / (1 - 0.999**count)) + 1e-8)

        direction = {
            "sgd": gradient,
            "momentum": trace,
            "normalized": jax.tree.map(lambda g, norm=norm: g / norm, gradient),
            "sign": jax.tree.map(np.sign, gradient),
            "adam": jax.tree.map(adam, mean, square),
            "adamw": jax.tree.map(lambda m, s, w: adam(m, s) + DECAY * w, mean, square, params),
        }[name]
        params = jax.tree.map(lambda w, d: w - RATE * d, params, direction)
        found.append(params)
    return found


def assert_close(found, expected, rtol=1e-5):
    def close(a, b):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-6)

    jax.tree.map(close, found, expected)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - {"muon"}))
def test_two_steps_are_the_formula(name):
    overrides = {"optimizer.name": name}
    overrides |= {"optimizer.weight_decay": DECAY} if name == "adamw" else {}
    assert_close(steps((FIRST, SECOND), **overrides), by_hand(name))


def test_muon_is_optax_s_own():
    rule = optax.contrib.muon(RATE, beta=0.8)
    params = jax.tree.map(jnp.float32, PARAMS)
    state, expected = rule.init(params), []
    for gradient in (FIRST, SECOND):
        updates, state = rule.update(jax.tree.map(jnp.float32, gradient), state, params)
        params = optax.apply_updates(params, updates)
        expected.append(params)
    overrides = {"optimizer.name": "muon", "optimizer.momentum": 0.8}
    found = steps((FIRST, SECOND), **overrides)
    assert_close(found, expected)
    step_MxN = (found[0]["kernel"] - PARAMS["kernel"]) / RATE
    singular_K = np.linalg.svd(step_MxN, compute_uv=False)
    assert singular_K.max() / singular_K.min() < 2  # orthogonal, as far as its five rounds take it


def test_the_momentum_of_a_config_is_that_of_the_rule():
    first, second = steps((FIRST, FIRST), **{"optimizer.name": "momentum"})
    step = jax.tree.map(lambda a, b: b - a, first, second)
    assert_close(step, jax.tree.map(lambda g: -RATE * 1.9 * g, FIRST), rtol=1e-4)


@pytest.mark.parametrize("power", [0.5, -0.5])
def test_growing_weights_are_a_logit_scale_that_follows_the_schedule(power):
    """SGD on V in the logits s V x, with s = (1 + t / 5)^power, moves W = s V."""
    rate, offset, count = 0.2, 5.0, 30
    x_BxM = RANDOM.normal(size=(64, 6)).astype(np.float32)
    class_B = RANDOM.integers(4, size=64)

    def loss(w_MxN):
        logits_BxN = x_BxM @ w_MxN
        return optax.softmax_cross_entropy_with_integer_labels(logits_BxN, class_B).mean()

    v_MxN = jnp.float32(PARAMS["kernel"])
    scale_S = (1 + np.arange(count + 1) / offset) ** power
    for scale in scale_S[:-1]:
        v_MxN -= rate * jax.grad(lambda v_MxN, s=scale: loss(s * v_MxN))(v_MxN)

    overrides = {"schedule.weight_growth": power, "schedule.offset": offset}
    # The step of W is -η s² ∇L: a rate that follows the schedule of s².
    overrides |= {"schedule.name": "power", "schedule.power": 2 * power}
    overrides |= {"optimizer.name": "sgd", "optimizer.learning_rate": rate}
    static, values = configs.split(configs.override(teacher_config(), overrides))
    rule = optimizer.make(static, {key: jnp.float32(value) for key, value in values.items()})
    w_MxN = jnp.float32(PARAMS["kernel"])
    state = rule.init(w_MxN)
    for _ in range(count):
        updates, state = rule.update(jax.grad(loss)(w_MxN), state, w_MxN)
        w_MxN = w_MxN + updates
    np.testing.assert_allclose(w_MxN, scale_S[-1] * v_MxN, rtol=2e-4, atol=2e-5)
    assert np.abs(w_MxN - v_MxN).max() > 0.1


def test_growth_scales_weights_that_have_no_gradient():
    nothing = jax.tree.map(np.zeros_like, PARAMS)
    overrides = {"schedule.weight_growth": 2.0, "schedule.offset": 10.0, "optimizer.name": "sgd"}
    *_, last = steps([nothing] * 10, **overrides)
    assert_close(last, jax.tree.map(lambda w: 4 * w, PARAMS))

"""Sampling with denoisers that are known exactly, and what the circuit is given to see."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.analysis.serial_depth import serial_depth
from jaxlab.models.circuits.local import Local
from jaxlab.models.diffusion import Diffusion, ancestral, corners, signal

N, C = 9, 2
LOCAL = Local(vocabulary=2, classes=C, width=16, depth=2, tied=False, hard=False)
ROW = Diffusion(circuit=LOCAL, target="row")
CENTER = Diffusion(circuit=LOCAL, target="center")
TOKENS = np.random.default_rng(0).integers(0, 2, (4, N))


def exact(prior_C, noisy_DxC, time):
    """The mean of the clean corner given the noisy point, by Bayes."""
    weight = jnp.sqrt(signal(time)) / (1 - signal(time))
    # Corners differ by two in their own coordinate alone, up to what all have in common.
    return 2 * jax.nn.softmax(jnp.log(prior_C)[None] + 2 * weight * noisy_DxC) - 1


@jax.jit
def draw(prior_C, steps):
    return ancestral(functools.partial(exact, prior_C), jax.random.key(1), (20_000, 3), steps)


@pytest.mark.parametrize("prior_C", [np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.45, 0.45])])
def test_an_exact_denoiser_samples_the_prior(prior_C):
    clean_DxC = draw(prior_C, 100)
    np.testing.assert_allclose(np.mean(np.max(clean_DxC, axis=1)), 1, atol=0.02)
    share_C = np.bincount(np.argmax(clean_DxC, axis=1), minlength=3) / len(clean_DxC)
    np.testing.assert_allclose(share_C, prior_C, atol=0.02)


def test_one_step_returns_the_mean_and_so_the_likeliest():
    prior_C = np.array([0.6, 0.3, 0.1])
    np.testing.assert_allclose(draw(prior_C, 1), np.tile(2 * prior_C - 1, (20_000, 1)), atol=0.1)


def test_the_schedule_is_the_squared_cosine():
    time = np.linspace(0, 0.99, 7)
    expected = (
        np.cos((time + 0.008) / 1.008 * np.pi / 2) ** 2 / np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    )
    np.testing.assert_allclose(signal(jnp.asarray(time, jnp.float32)), expected, rtol=1e-3)
    assert signal(jnp.zeros(())) == 1
    assert 0 < signal(jnp.ones(())) < 1e-4


def test_what_it_is_trained_on_is_signal_and_noise_of_the_cells_that_it_answers():
    answers_BxN = np.random.default_rng(1).integers(0, 2, (20_000, N))
    answer_BxM, noisy_BxMxC, time_B = jax.jit(CENTER.noised)(jax.random.key(2), answers_BxN)
    np.testing.assert_array_equal(answer_BxM, answers_BxN[:, 4:5])
    share_B = np.asarray(signal(time_B))[:, None, None]
    noise = (noisy_BxMxC - np.sqrt(share_B) * corners(answer_BxM, C)) / np.sqrt(1 - share_B)
    assert np.mean(noise) == pytest.approx(0, abs=0.03)
    assert np.std(noise) == pytest.approx(1, abs=0.03)
    assert np.mean(time_B) == pytest.approx(0.5, abs=0.02)
    whole, *_ = jax.eval_shape(ROW.noised, jax.random.key(2), answers_BxN)
    assert whole.shape == answers_BxN.shape


def test_the_center_sees_its_light_cone_and_its_noise_and_a_row_the_noise_of_neighbours(drawn):
    params, time_B = drawn(CENTER), np.full(4, 0.5, np.float32)
    noise = np.random.default_rng(3).normal(size=(4, N, C)).astype(np.float32)
    changed_NxBxN = np.concatenate((TOKENS[None], TOKENS[None] ^ np.eye(N, dtype=int)[:, None]))
    run = jax.jit(jax.vmap(CENTER.apply, (None, 0, None, None)))
    logits_NxBxMxC = np.asarray(run(params, changed_NxBxN, noise[:, :1], time_B))
    assert logits_NxBxMxC.shape == (N + 1, 4, 1, C)
    moved_N = np.any(logits_NxBxMxC[1:] != logits_NxBxMxC[:1], axis=(1, 2, 3))
    np.testing.assert_array_equal(moved_N, np.abs(np.arange(N) - N // 2) <= 2)

    row = jax.jit(ROW.apply)
    louder = noise.copy()
    louder[:, 0] += 1
    before, after = (row(params, TOKENS, x, time_B) for x in (noise, louder))
    moved_N = np.any(before != after, axis=(0, 2))
    np.testing.assert_array_equal(moved_N, np.minimum(np.arange(N), N - np.arange(N)) <= 2)


def test_samples_follow_planted_logits_and_depend_on_the_key():
    """With noise and tokens unread, every cell is drawn from the softmax of the bias."""
    shapes = jax.eval_shape(ROW.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
    params["circuit"]["head_bias_C"] = np.array([2.0, -2.0], np.float32)
    sample = jax.jit(ROW.sample)
    drawn_BxN = sample(params, jax.random.key(0), TOKENS, 3)
    assert drawn_BxN.shape == (4, N)
    np.testing.assert_array_equal(drawn_BxN, 0)
    params["circuit"]["head_bias_C"] *= -1
    np.testing.assert_array_equal(sample(params, jax.random.key(0), TOKENS, 3), 1)


def test_every_parameter_has_a_finite_gradient_that_is_not_zero(drawn):
    noise, time_B = np.ones((4, N, C), np.float32), np.linspace(0, 1, 4, dtype=np.float32)
    loss = jax.grad(lambda p: jnp.sum(jnp.square(ROW.apply(p, TOKENS, noise, time_B))))
    for leaf in jax.tree.leaves(jax.jit(loss)(drawn(ROW))):
        assert np.all(np.isfinite(leaf))
        assert np.any(leaf)


def test_the_program_of_more_steps_is_deeper_though_the_theorem_gives_them_no_power():
    params = jax.eval_shape(CENTER.init, jax.random.key(0))

    def depth(steps):
        return serial_depth(
            lambda tokens, params: CENTER.sample(params, jax.random.key(0), tokens, steps),
            TOKENS,
            params,
        )

    assert depth(9) - depth(2) == 7 * (depth(2) - depth(1)) > 0


def test_another_target_is_refused():
    with pytest.raises(ValueError, match="target 'edge' is none of"):
        dataclasses.replace(ROW, target="edge")

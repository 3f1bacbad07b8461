"""Eigenvalues and trace against the exact Hessians of models small enough to have one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxlab.training.curvature import top_eigenvalues, trace

KEY = jax.random.key(0)


def softmax_loss(key):
    """Cross-entropy of 6 classes against soft targets: a convex loss of 24 parameters, rank 20."""
    x_BxM = jax.random.normal(jax.random.fold_in(key, 1), (50, 4))
    target_BxN = jax.nn.softmax(2 * jax.random.normal(jax.random.fold_in(key, 2), (50, 6)))

    def loss(params):
        log_p_BxN = jax.nn.log_softmax(x_BxM @ params["head"].T)
        return -jnp.mean(jnp.sum(target_BxN * log_p_BxN, axis=-1))

    return loss, {"head": 0.3 * jax.random.normal(key, (6, 4))}


def mlp_loss(key):
    """Squared error of a tanh network away from its minimum: eigenvalues of both signs."""
    x_BxM = jax.random.normal(jax.random.fold_in(key, 1), (40, 3))
    y_BxN = jax.random.normal(jax.random.fold_in(key, 2), (40, 2))

    def loss(params):
        hidden_BxH = jnp.tanh(x_BxM @ params["in"] + params["bias"][None])
        return jnp.mean((hidden_BxH @ params["out"] - y_BxN) ** 2)

    shapes = {"in": (3, 7), "bias": (7,), "out": (7, 2)}
    keys = jax.random.split(key, 3)
    return loss, {
        name: jax.random.normal(k, shape)
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


def exact_hessian(loss, params):
    flat_P, unravel = ravel_pytree(params)
    return np.asarray(
        jax.jit(jax.hessian(lambda flat_P: loss(unravel(flat_P))))(flat_P), np.float64
    )


def quadratic(hessian_PxP):
    hessian_PxP = jnp.asarray(hessian_PxP, jnp.float32)
    return lambda x_P: 0.5 * x_P @ hessian_PxP @ x_P


@pytest.mark.parametrize("make", [softmax_loss, mlp_loss])
def test_eigenvalues_are_those_of_the_exact_hessian(make):
    loss, params = make(KEY)
    exact_P = np.linalg.eigvalsh(exact_hessian(loss, params))[::-1]
    found_3 = jax.jit(lambda p: top_eigenvalues(loss, p, KEY, 3, 20))(params)
    np.testing.assert_allclose(found_3, exact_P[:3], rtol=1e-3)
    # Iterations beyond the parameters are clipped: the whole spectrum.
    whole_P = jax.jit(lambda p: top_eigenvalues(loss, p, KEY, exact_P.size, 1000))(params)
    np.testing.assert_allclose(whole_P, exact_P, atol=2e-6 * exact_P[0])


@pytest.mark.parametrize("make", [softmax_loss, mlp_loss])
def test_trace_is_that_of_the_exact_hessian(make):
    loss, params = make(KEY)
    hessian_PxP = exact_hessian(loss, params)
    keys_S = jax.random.split(KEY, 256)  # one estimate with 256 x 64 probes, and its spread
    found_S = np.asarray(jax.vmap(lambda key: trace(loss, params, key, 64))(keys_S))
    assert found_S.mean() == pytest.approx(np.trace(hessian_PxP), rel=0.01)
    off_PxP = hessian_PxP - np.diag(np.diag(hessian_PxP))
    assert found_S.std() == pytest.approx(np.sqrt(2 / 64 * np.sum(off_PxP**2)), rel=0.2)


def test_one_probe_is_exact_for_a_diagonal_hessian():
    diagonal_P = np.array([3.0, -1.0, 0.5, 7.0])
    assert trace(quadratic(np.diag(diagonal_P)), jnp.ones(4), KEY, 1) == pytest.approx(9.5)


def test_the_shape_of_the_tree_does_not_matter():
    loss, params = softmax_loss(KEY)
    columns = list(params["head"].T)

    def loss_of_columns(columns):
        return loss({"head": jnp.stack(columns, axis=1)})

    one, other = (
        top_eigenvalues(f, p, KEY, 4, 24) for f, p in ((loss, params), (loss_of_columns, columns))
    )
    np.testing.assert_allclose(other, one, rtol=1e-4)


def test_vmapped_and_mapped_equal_a_loop():
    loss, _ = mlp_loss(KEY)
    members = [mlp_loss(key)[1] for key in jax.random.split(KEY, 3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *members)

    @jax.jit
    def both(params):
        return top_eigenvalues(loss, params, KEY, 2, 12), trace(loss, params, KEY, 3)

    for mapped in (jax.vmap(both)(stacked), jax.lax.map(both, stacked)):
        for found, *looped in zip(mapped, *map(both, members), strict=True):
            np.testing.assert_allclose(found, np.stack(looped), rtol=1e-3)


def test_large_negative_eigenvalues_are_not_the_largest():
    spectrum_P = np.array([-100.0, -50.0, -3.0, -1.0, 0.5, 2.0])
    basis_PxP = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    hessian_PxP = basis_PxP @ np.diag(spectrum_P) @ basis_PxP.T
    found_2 = top_eigenvalues(quadratic(hessian_PxP), jnp.zeros(6), KEY, 2, 6)
    np.testing.assert_allclose(found_2, [2.0, 0.5], atol=1e-4)
    negative_1 = top_eigenvalues(quadratic(-np.eye(6)), jnp.zeros(6), KEY, 1, 50)
    np.testing.assert_allclose(negative_1, [-1.0], rtol=1e-5)


@pytest.mark.parametrize(
    ("spectrum", "top"),
    [
        ((0.0,) * 8, (0.0, 0.0, 0.0)),
        ((5.0, *(0.0,) * 7), (5.0, 0.0, 0.0)),
        ((3.0,) * 8, (3.0, 3.0, 3.0)),
        ((4.0, 4.0, *(1.0,) * 6), (4.0, 4.0, 1.0)),
        ((1e-12, *(0.0,) * 7), (1e-12, 0.0, 0.0)),
    ],
)
def test_a_krylov_space_that_closes_early(spectrum, top):
    """Zero, of low rank, or with one value many times: no NaN even on the way, and all copies."""
    hessian_PxP = np.diag(spectrum)
    with jax.debug_nans(True):
        found_3 = jax.jit(lambda x_P: top_eigenvalues(quadratic(hessian_PxP), x_P, KEY, 3, 8))(
            jnp.ones(8)
        )
    np.testing.assert_allclose(found_3, top, atol=1e-5 * max(spectrum))


def test_too_many_eigenvalues_are_refused():
    with pytest.raises(ValueError, match="5 eigenvalues of 4 parameters from 4 iterations"):
        top_eigenvalues(quadratic(np.eye(4)), jnp.ones(4), KEY, 5, 9)
    with pytest.raises(ValueError, match="3 eigenvalues of 4 parameters from 2 iterations"):
        top_eigenvalues(quadratic(np.eye(4)), jnp.ones(4), KEY, 3, 2)


def test_thirty_iterations_find_the_top_of_a_thousand_parameters():
    """As the temperature scan has them: far fewer iterations than parameters, a flat spectrum."""
    inputs_BxM = jax.random.normal(jax.random.key(0), (256, 16))
    labels_B = jax.random.randint(jax.random.key(1), (256,), 0, 64)
    params = {"kernel": 0.3 * jax.random.normal(jax.random.key(2), (16, 64))}

    def loss(params):
        logits_BxN = inputs_BxM @ params["kernel"]
        log_p_BxN = jax.nn.log_softmax(logits_BxN)
        return -jnp.mean(jnp.take_along_axis(log_p_BxN, labels_B[:, None], axis=1))

    flat, unravel = ravel_pytree(params)
    exact = np.linalg.eigvalsh(np.asarray(jax.hessian(lambda v: loss(unravel(v)))(flat)))
    found = top_eigenvalues(loss, params, jax.random.key(3), count=3, iterations=30)
    np.testing.assert_allclose(found, exact[::-1][:3], rtol=0.01)

"""The tree sees its block and nothing else, and is the formula."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxlab.models.circuits.tree import Tree

TREE = Tree(vocabulary=4, classes=3, features=5, width=24, fan_in=2, depth=2, tied=False)
TOKENS = np.random.default_rng(0).integers(0, 4, (3, 8))


def test_a_root_depends_on_its_block_and_on_all_of_it(drawn):
    changed_NxBxN = (TOKENS[None] + np.eye(8, dtype=int)[:, None]) % 4
    run = jax.jit(jax.vmap(TREE.apply, (None, 0)))
    logits_NxBxRxC = run(drawn(TREE), np.concatenate((TOKENS[None], changed_NxBxN)))
    changed_NxR = np.any(logits_NxBxRxC[1:] != logits_NxBxRxC[:1], axis=(1, 3))
    np.testing.assert_array_equal(changed_NxR, np.arange(8)[:, None] // 4 == np.arange(2)[None])


@pytest.mark.parametrize("tied", [False, True])
def test_every_level_is_the_formula_and_learns_everywhere(drawn, tied):
    tree = dataclasses.replace(TREE, tied=tied)
    params = drawn(tree)

    def loss(params):
        levels = tree.levels(params, TOKENS)
        return sum(jnp.sum(jnp.square(logits)) for logits in levels), levels

    (_, levels), gradient = jax.jit(jax.value_and_grad(loss, has_aux=True))(params)
    p = jax.tree.map(np.float64, params)
    states = list(np.moveaxis(p["embedding_VxF"][TOKENS], 1, 0))
    for level, logits in enumerate(levels):
        own = {name: leaf[0 if tied else level] for name, leaf in p["levels"].items()}
        pairs = [np.concatenate(states[n : n + 2], axis=1) for n in range(0, len(states), 2)]
        gates = [np.maximum(pair @ own["kernel_LxSxW"] + own["bias_LxW"], 0) for pair in pairs]
        states = [gate @ own["projection_LxWxF"] for gate in gates]
        expected = np.stack(states, axis=1) @ p["head_FxC"] + p["head_bias_C"]
        assert logits.dtype == jnp.float32
        np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)
    assert all(np.all(np.isfinite(g)) and np.any(g) for g in jax.tree.leaves(gradient))


def test_a_tied_tree_has_the_same_parameters_at_every_depth():
    def shapes(depth, tied):
        tree = dataclasses.replace(TREE, depth=depth, tied=tied)
        return jax.eval_shape(tree.init, jax.random.key(0))

    assert shapes(1, True) == shapes(4, True) == shapes(1, False) != shapes(2, False)


def test_tokens_that_fill_no_block_are_refused():
    with pytest.raises(ValueError, match="6 tokens are no whole number of blocks of 4"):
        TREE.apply({}, TOKENS[:, :6])

"""Parameters without the time that a program which draws them takes to compile."""

import jax
import numpy as np
import pytest


@pytest.fixture
def as_on_an_accelerator(monkeypatch):
    """Takes the ways of an accelerator, such as streams in one batch, on this CPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    jax.clear_caches()  # a function that was traced before would keep the way of a CPU
    yield
    jax.clear_caches()


@pytest.fixture
def drawn():
    """Returns a function of a model to parameters of its shapes, all from N(0, 1/4)."""

    def draw(model):
        random = np.random.default_rng(0)
        shapes = jax.eval_shape(model.init, jax.random.key(0))
        return jax.tree.map(
            lambda leaf: random.normal(scale=0.5, size=leaf.shape).astype(leaf.dtype), shapes
        )

    return draw

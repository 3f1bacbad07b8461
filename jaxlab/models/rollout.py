"""A scratchpad: a model applied again and again to the tokens that it wrote."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxlab.models.sizes import require

Params = dict[str, Any]


class Step(Protocol):
    """A model that writes one token for each that it reads."""

    def init(self, key: jax.Array) -> Params:
        """Draws the parameters."""
        ...

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to logits_BxNxC, C the vocabulary."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rollout:
    """T steps of one model, between which only tokens pass: the likeliest, read as the next input.

    The parameters are those of the step, and it is the step that is trained, on single steps. No
    gradient passes a token.
    """

    step: Step
    steps: int

    def __post_init__(self):
        require(self, steps=1)

    def init(self, key: jax.Array) -> Params:
        """Draws the parameters of the step."""
        return self.step.init(key)

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to the logits_BxNxC of the last step."""
        written_BxN, _ = jax.lax.scan(
            lambda tokens_BxN, _: (self.write(params, tokens_BxN), None),
            tokens_BxN,
            length=self.steps - 1,
        )
        return self.step.apply(params, written_BxN)

    def write(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Returns the likeliest tokens_BxN of one step."""
        logits_BxNxC = self.step.apply(params, tokens_BxN)
        return jnp.argmax(logits_BxNxC, axis=-1).astype(tokens_BxN.dtype)

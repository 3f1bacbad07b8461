"""Parallel samples of a circuit: independent ones that vote, and streams of one that are mixed."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jaxlab.models.circuits.local import Local
from jaxlab.models.sizes import require

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Votes:
    """P circuits with parameters of their own, each of which learns alone.

    `counted`, they answer together, by the mean of their probabilities: so they are tested.
    """

    circuit: Local
    count: int
    counted: bool

    def __post_init__(self):
        require(self, count=1)

    def init(self, key: jax.Array) -> Params:
        """Draws the circuits, on a leading axis."""
        return jax.vmap(self.circuit.init)(jax.random.split(key, self.count))

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to logits_PxBxNxC, or to logits_BxNxC of the vote."""
        logits_PxBxNxC = jax.vmap(self.circuit.apply, (0, None))(params, tokens_BxN)
        if not self.counted:
            return logits_PxBxNxC
        return jax.nn.logsumexp(jax.nn.log_softmax(logits_PxBxNxC), axis=0)


@dataclasses.dataclass(frozen=True)
class Streams:
    """P streams through one circuit, as of arXiv 2505.10475: told apart by learned shifts.

    A stream's shift is added to every embedded token; logits are mixed by learned shares.
    """

    circuit: Local
    count: int

    def __post_init__(self):
        require(self, count=1)

    def init(self, key: jax.Array) -> Params:
        """Draws the circuit, and shifts from N(0, 1); shares are equal."""
        circuit, shifts = jax.random.split(key)
        return {
            "circuit": self.circuit.init(circuit),
            "shift_PxW": jax.random.normal(shifts, (self.count, self.circuit.width)),
            "preference_P": jnp.zeros(self.count),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to the mixed logits_BxNxC."""
        circuit = params["circuit"]
        embedded_BxNxW = circuit["embedding_VxW"][tokens_BxN]

        def stream(shift_W: jax.Array) -> jax.Array:
            states_BxNxW = self.circuit.states(circuit, embedded_BxNxW + shift_W[None, None])
            return states_BxNxW @ circuit["head_WxC"] + circuit["head_bias_C"][None, None]

        logits_PxBxNxC = jax.vmap(stream)(params["shift_PxW"])
        return jnp.einsum("p,pbnc->bnc", jax.nn.softmax(params["preference_P"]), logits_PxBxNxC)

"""Parallel samples of a circuit: independent ones that vote, and streams of one that are mixed."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import jax
import jax.numpy as jnp

from jaxlab.models.sizes import require

Params = dict[str, Any]


class Circuit(Protocol):
    """A model that embeds its tokens by `embedding_VxW` of its parameters."""

    def init(self, key: jax.Array) -> Params:
        """Draws parameters."""
        ...

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to logits_BxNxC."""
        ...


@dataclasses.dataclass(frozen=True)
class Votes:
    """P circuits with parameters of their own, each of which learns alone.

    `counted`, they answer together, by the mean of their probabilities: so they are tested.
    """

    circuit: Circuit
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

    circuit: Circuit
    count: int

    def __post_init__(self):
        require(self, count=1)

    def init(self, key: jax.Array) -> Params:
        """Draws the circuit, and shifts from N(0, 1); shares are equal."""
        circuit_key, shift_key = jax.random.split(key)
        circuit = self.circuit.init(circuit_key)
        width = circuit["embedding_VxW"].shape[1]
        return {
            "circuit": circuit,
            "shift_PxW": jax.random.normal(shift_key, (self.count, width)),
            "preference_P": jnp.zeros(self.count),
        }

    def apply(self, params: Params, tokens_BxN: jax.Array) -> jax.Array:
        """Maps tokens_BxN to the mixed logits_BxNxC."""
        circuit = params["circuit"]

        def stream(shift_W: jax.Array) -> jax.Array:
            shifted_VxW = circuit["embedding_VxW"] + shift_W[None]
            return self.circuit.apply(circuit | {"embedding_VxW": shifted_VxW}, tokens_BxN)

        logits_PxBxNxC = jax.vmap(stream)(params["shift_PxW"])
        return jnp.einsum("p,pbnc->bnc", jax.nn.softmax(params["preference_P"]), logits_PxBxNxC)

"""Continuous diffusion of tokens on a circuit of limited depth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

from jaxlab.models.circuits.local import Local

Params = dict[str, Any]
Target = Literal["center", "row"]
OFFSET = 0.008  # of the cosine schedule, arXiv 2102.09672
WAVES = 4  # frequencies of the time that the circuit is given


@dataclasses.dataclass(frozen=True, kw_only=True)
class Diffusion:
    """Draws answers to tokens by denoising, each step of which is one pass of the circuit.

    A token is a corner of the cube: ±1 in each of C coordinates, +1 in its own. The circuit reads
    the clean tokens, and the time and the noisy answer beside them: that of the `center` cell, the
    one token of the theorem of arXiv 2507.12549, or of the whole `row`. Its logits are of the
    clean answer, whose mean 2 softmax - 1 is what x0-prediction asks for; so cross-entropy trains
    it, and least squares would have the same minimum.
    """

    circuit: Local
    target: Target

    def __post_init__(self):
        if self.target not in get_args(Target):
            raise ValueError(f"target {self.target!r} is none of {get_args(Target)}")

    def init(self, key: jax.Array) -> Params:
        """Draws the circuit, and the maps of noise and time into it from N(0, 1 / fan-in)."""
        circuit, noisy, time = jax.random.split(key, 3)
        draw, width = jax.nn.initializers.lecun_normal(), self.circuit.width
        return {
            "circuit": self.circuit.init(circuit),
            "noisy_CxW": draw(noisy, (self.circuit.classes, width)),
            "time_ExW": draw(time, (2 * WAVES, width)),
        }

    def apply(
        self, params: Params, tokens_BxN: jax.Array, noisy_BxMxC: jax.Array, time_B: jax.Array
    ) -> jax.Array:
        """Maps noisy answers at times in [0, 1] to logits_BxMxC of the clean, M = 1 or N cells."""
        circuit = params["circuit"]
        states_BxNxW = circuit["embedding_VxW"][tokens_BxN]
        states_BxNxW += (waves(time_B) @ params["time_ExW"])[:, None]
        length = tokens_BxN.shape[1]
        cells = range(length)[self.cells(length)]
        clean = (cells.start, length - cells.stop)  # cells before and after, which get no noise
        states_BxNxW += jnp.pad(noisy_BxMxC @ params["noisy_CxW"], ((0, 0), clean, (0, 0)))
        states_BxMxW = self.circuit.states(circuit, states_BxNxW)[:, self.cells(length)]
        return states_BxMxW @ circuit["head_WxC"] + circuit["head_bias_C"][None, None]

    def cells(self, length: int) -> slice:
        """Returns the cells that are answered."""
        middle = length // 2
        return slice(middle, middle + 1) if self.target == "center" else slice(None)

    def noised(
        self, key: jax.Array, answer_BxN: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Returns what a step of training takes: answer_BxM, noisy_BxMxC and uniform time_B."""
        time_key, noise_key = jax.random.split(key)
        answer_BxM = answer_BxN[:, self.cells(answer_BxN.shape[1])]
        clean_BxMxC = corners(answer_BxM, self.circuit.classes)
        time_B = jax.random.uniform(time_key, answer_BxN.shape[:1])
        signal_Bx1x1 = signal(time_B)[:, None, None]
        noise_BxMxC = jax.random.normal(noise_key, clean_BxMxC.shape)
        noisy = jnp.sqrt(signal_Bx1x1) * clean_BxMxC + jnp.sqrt(1 - signal_Bx1x1) * noise_BxMxC
        return answer_BxM, noisy, time_B

    def sample(
        self, params: Params, key: jax.Array, tokens_BxN: jax.Array, steps: int | jax.Array
    ) -> jax.Array:
        """Draws answers_BxM to tokens_BxN in `steps` steps of denoising."""
        batch, length = tokens_BxN.shape
        cells = len(range(length)[self.cells(length)])

        def denoise(noisy_BxMxC: jax.Array, time: jax.Array) -> jax.Array:
            time_B = jnp.broadcast_to(time, (batch,))
            logits_BxMxC = self.apply(params, tokens_BxN, noisy_BxMxC, time_B)
            return 2 * jax.nn.softmax(logits_BxMxC) - 1

        clean_BxMxC = ancestral(denoise, key, (batch, cells, self.circuit.classes), steps)
        return jnp.argmax(clean_BxMxC, axis=-1)


def ancestral(
    denoise: Callable[[jax.Array, jax.Array], jax.Array],
    key: jax.Array,
    shape: tuple[int, ...],
    steps: int | jax.Array,
) -> jax.Array:
    """Draws from the process that `denoise(noisy, time) -> mean of the clean` reverses.

    Equal steps of time from 1 to 0, each drawn from q(x_s | x_t, x_0) at the predicted mean
    (arXiv 2006.11239, equations 6 and 7; 2107.00630 for two times s < t). At s = 0 that is the
    mean itself, so that one step alone returns the mean of all and draws nothing.

    steps: S; as an array, one program serves all S, but the loop has no static length.
    """
    start_key, step_key = jax.random.split(key)

    def step(i: jax.Array, noisy: jax.Array) -> jax.Array:
        time, earlier = 1 - i / steps, 1 - (i + 1) / steps
        now, then = signal(time), signal(earlier)
        ratio = now / then
        clean = denoise(noisy, time)
        mean = (jnp.sqrt(then) * (1 - ratio) * clean + jnp.sqrt(ratio) * (1 - then) * noisy) / (
            1 - now
        )
        variance = (1 - then) * (1 - ratio) / (1 - now)
        noise = jax.random.normal(jax.random.fold_in(step_key, i), shape)
        return mean + jnp.sqrt(variance) * noise

    return jax.lax.fori_loop(0, steps, step, jax.random.normal(start_key, shape))


def signal(time: jax.Array) -> jax.Array:
    """Returns the share of the variance that is signal: ᾱ of the cosine schedule, 1 at time 0."""

    def quarter(time: jax.Array | float) -> jax.Array:
        return jnp.cos((time + OFFSET) / (1 + OFFSET) * (jnp.pi / 2))

    return jnp.clip(jnp.square(quarter(time) / quarter(0.0)), 1e-5, 1.0)


def corners(tokens: jax.Array, classes: int) -> jax.Array:
    """Returns each token as its corner of the cube, on a new last axis of `classes`."""
    return 2 * jax.nn.one_hot(tokens, classes) - 1


def waves(time_B: jax.Array) -> jax.Array:
    """Returns cosines and sines of π 2^k t / 2 for k < WAVES, as waves_BxE."""
    angle_BxK = jnp.pi / 2 * time_B[:, None] * 2.0 ** jnp.arange(WAVES)[None]
    return jnp.concatenate((jnp.cos(angle_BxK), jnp.sin(angle_BxK)), axis=1)

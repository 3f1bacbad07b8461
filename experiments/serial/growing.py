"""Words of which training asks for more letters stage by stage."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp

from jaxlab.tasks.serial.questions import Questions
from jaxlab.tasks.serial.words import Words


@dataclasses.dataclass(frozen=True)
class GrowingWords(Words):
    """`Words` with a curriculum: two letters are asked for first, then twice as many each stage.

    Words are whole at every stage, so that the shapes of a program stay; no evaluation has stages.
    """

    stage_steps: int

    def __post_init__(self):
        super().__post_init__()
        if self.stage_steps < 1:
            raise ValueError(f"stage_steps is {self.stage_steps}: a stage takes at least one step")

    def keep_to_stage(self, asked: Questions, step: jax.Array) -> Questions:
        """Asks only for the letters of the stage that a step of training belongs to."""
        doublings = jnp.minimum(step // self.stage_steps, self.length.bit_length())
        is_asked_N = jnp.arange(self.length) < 2 << doublings
        return asked._replace(counted_BxN=asked.counted_BxN & is_asked_N[None])

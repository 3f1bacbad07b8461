"""What guesses are worth, measured on what a task draws."""

import jax
import jax.numpy as jnp

from jaxlab.tasks.serial.questions import Questions


def measured_chance(questions: Questions, classes: int) -> jax.Array:
    """Returns the accuracy of each position's most common answer, over all that is asked.

    It is biased upwards by about sqrt(classes / B): use thousands of rows.
    """
    answer_BxNxC = jax.nn.one_hot(questions.targets_BxN, classes)
    count_NxC = jnp.sum(answer_BxNxC * questions.counted_BxN[:, :, None], axis=0)
    return jnp.sum(jnp.max(count_NxC, axis=1)) / jnp.sum(count_NxC)

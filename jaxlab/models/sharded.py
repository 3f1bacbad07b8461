"""Parameters that lie in parts on several devices, where a model uses them."""

from __future__ import annotations

import jax
from jax.sharding import PartitionSpec


def gathered(parameter: jax.Array) -> jax.Array:
    """Asks for the whole of a parameter here, if the devices of the axis `data` share it.

    So every device multiplies its share of the batch by all of a matrix, which is whole for that
    product alone; left to itself the compiler may split the features and move activations.
    """
    if jax.sharding.get_abstract_mesh().shape.get("data", 1) == 1:
        return parameter
    return jax.lax.with_sharding_constraint(parameter, PartitionSpec())

"""Settings of JAX that would change the numbers of a run unseen."""

from __future__ import annotations

import jax

from jaxlab.config import check

# What the lab was written for. The random generator is no such setting: see experiment.random_key.
REQUIRED = {
    "jax_enable_x64": False,
    "jax_threefry_partitionable": True,
    "jax_random_seed_offset": 0,
    "jax_default_matmul_precision": None,
    "jax_numpy_dtype_promotion": "standard",
}


def check_settings() -> None:
    """Raises ConfigError if the environment has set JAX so that a run gets other numbers."""
    for name, required in REQUIRED.items():
        value = getattr(jax.config, name)
        check(
            value == required,
            f"{name.upper()} is set to {value!r}: a run would have other numbers than its config "
            "says; unset it in the environment",
        )

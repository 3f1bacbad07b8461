"""Strict settings for every test: eight simulated devices, no silent rank promotion."""

import os
from importlib import metadata

# Most tests compile for longer than they run: these settings make XLA compile faster.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = " ".join(
    (
        "--xla_force_host_platform_device_count=8",
        "--xla_cpu_prefer_vector_width=128",
        # A flag that later versions of XLA lack.
        "--xla_cpu_use_fusion_emitters=false" * metadata.version("jaxlib").startswith("0.10."),
    )
)

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)

"""Strict settings for every test: eight simulated devices, no silent rank promotion."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = " ".join(
    (
        "--xla_force_host_platform_device_count=8",
        # Most tests compile for longer than they run: these two take a fifth off the suite.
        "--xla_cpu_use_fusion_emitters=false",
        "--xla_cpu_prefer_vector_width=128",
    )
)

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)

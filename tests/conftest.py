"""Strict settings for every test: eight simulated devices, no silent rank promotion."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
# Most tests compile for longer than they run.
jax.config.update("jax_disable_most_optimizations", True)

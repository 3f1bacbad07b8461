"""Strict settings for every test: eight simulated devices, no silent rank promotion."""

import os
from importlib import metadata
from pathlib import Path

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
# Workers, and commands that tests start, compile no program twice.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(
    Path(__file__).parents[1] / ".pytest_cache" / "compiled"
)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

import jax
import pytest


@pytest.fixture(scope="module", autouse=True)
def programs_of_one_module():
    """Frees the programs of each module: all of them would fill gigabytes."""
    yield
    jax.clear_caches()


jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)

"""Compiled programs are found again by another process, where the user wants them kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jaxlab.training import compilation_cache

# Prints how many programs were found, and how many were looked up.
SCRIPT = """
import jax, jax.monitoring
from jaxlab.training import compilation_cache

events = []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name.split("/")[-1]))
compilation_cache.MIN_COMPILE_SECONDS = 0.0
compilation_cache.enable()
jax.jit(lambda x: jax.numpy.sin(x) @ x)(jax.numpy.ones((8, 8)))
print(events.count("cache_hits"), events.count("cache_misses"))
"""


def found_and_missed(home, **variables):
    outside = {k: v for k, v in os.environ.items() if "JAX_" not in k}
    environment = outside | {"XDG_CACHE_HOME": str(home), "JAX_PLATFORMS": "cpu"} | variables
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return tuple(map(int, result.stdout.split()))


def test_another_process_finds_what_was_compiled(tmp_path):
    found, missed = found_and_missed(tmp_path)
    assert (found, missed > 0) == (0, True)
    assert found_and_missed(tmp_path) == (missed, 0)
    assert list((tmp_path / "jaxlab" / "compiled").glob("*/*-cache"))


@pytest.mark.parametrize("chosen", ["", "elsewhere"])
def test_a_variable_of_the_user_decides(tmp_path, chosen):
    variables = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / chosen) if chosen else "",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    _, missed = found_and_missed(tmp_path, **variables)
    assert not (tmp_path / "jaxlab").exists()
    assert found_and_missed(tmp_path, **variables) == ((missed, 0) if chosen else (0, 0))


def test_each_kind_of_processor_has_a_folder_of_its_own(monkeypatch):
    kind = compilation_cache.cpu_kind()
    assert kind == compilation_cache.cpu_kind()
    monkeypatch.setattr(Path, "read_text", lambda self: "model name : another\nflags : few")
    assert compilation_cache.cpu_kind() != kind

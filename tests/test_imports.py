"""Every module imports, and a script pays for no library before it needs it."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import configs
import experiments
import jaxlab

REPOSITORY = Path(__file__).parents[1]
HEAVY = {"flax", "jinja2", "matplotlib", "orbax", "pandas", "tensorflow_datasets", "xarray"}
HEAVY |= {"scipy.linalg", "scipy.optimize", "scipy.special", "scipy.stats"}  # scipy is light
TORCH = "jaxlab.benchmark.torch_decoder"  # runs where the user has PyTorch
MODULES = [
    module.name
    for package in (jaxlab, experiments, configs)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if module.name != TORCH
]


@pytest.mark.parametrize("package", ["jaxlab", "experiments", "configs"])
def test_every_module_imports(package):
    own = [name for name in MODULES if name.split(".")[0] == package]
    assert len(own) > 10
    for name in own:
        importlib.import_module(name)


@pytest.mark.parametrize("config", ["one_third/adam_grid", "parscale/widths", "serial/sudoku"])
def test_a_dry_run_imports_no_library_that_it_does_not_need(config):
    arguments = [f"--config=configs/{config}.py", "--workdir=unused", "--dry_run"]
    line = [sys.executable, "-X", "importtime", "scripts/sweep.py", *arguments]
    result = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "members x" in result.stdout
    names = {row.split("|")[-1].strip() for row in result.stderr.splitlines() if "|" in row}
    heavy = {name for name in names if name in HEAVY}
    allowed = {"flax"} if config.startswith("one_third") else set()  # its models are NNX modules
    assert heavy <= allowed

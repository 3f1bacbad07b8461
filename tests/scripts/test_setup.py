"""Which Python is taken, what is said of one that is not, and which versions are pinned."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FIND = REPOSITORY / "scripts" / "setup" / "find_python.sh"
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


def find(*arguments, path=os.environ["PATH"]):
    command = ["bash", str(FIND), *map(str, arguments)]
    environment = os.environ | {"PATH": str(path)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def version(python):
    line = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def folder(tmp_path):
    """A PATH with the tools of the script alone, and a function that adds commands to it."""
    for tool in ("bash", "basename", "find", "head", "sort"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def add(name, script):
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return tmp_path, add


def test_the_newest_supported_python_comes_first():
    found = find("--all").stdout.splitlines()
    versions = [tuple(map(int, version(python).split("."))) for python in found]
    assert versions == sorted(set(versions), reverse=True)
    assert set(versions) <= {(3, 11), (3, 12), (3, 13)}
    assert find().stdout.splitlines() == found[:1]


def test_a_bare_interpreter_is_taken_as_it_is():
    assert version(find(sys.executable).stdout.strip()) == OWN


def test_a_shim_that_is_not_active_is_followed_to_its_version(folder):
    path, add = folder
    shim = f"python{OWN}"
    real = path / "versions" / f"{OWN}.0" / "bin" / shim
    real.parent.mkdir(parents=True)
    real.write_text(f'#!/bin/bash\nexec {sys.executable} "$@"\n')
    real.chmod(0o755)
    add(shim, f'echo "pyenv: {shim}: command not found" >&2; exit 127')
    add("pyenv", f"echo {path}")
    result = find(shim, path=path)
    assert (result.returncode, result.stderr) == (0, "")
    assert version(result.stdout.strip()) == OWN


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (None, "python3.99 is not on this machine"),
        ("echo broken >&2; exit 1", r"python3.99 does not run \(broken\)"),
        (
            'case "$*" in *%d*) echo 3.9 ;; *--version) echo Python 3.9.1 ;; *) exit 1 ;; esac',
            "jaxlab needs Python 3.11 or newer; python3.99 is Python 3.9.1",
        ),
        ('case "$*" in *%d*) echo 3.99 ;; *ensurepip*) exit 1 ;; esac', "lacks its venv module"),
    ],
)
def test_a_python_that_cannot_be_used_is_answered_in_one_line(folder, script, message):
    path, add = folder
    if script:
        add("python3.99", script)
    result = find("python3.99", path=path)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert re.search(message, line)


def make(*arguments):
    # Without what an outer make hands down, for these tests run under `make test` too.
    outside = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MF"))}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=outside, capture_output=True, text=True)


def test_make_stops_at_a_python_that_is_not_there(tmp_path):
    result = make("setup", "PYTHON=python3.99", f"VENV={tmp_path / 'venv'}")
    assert result.returncode == 2
    first, last = result.stderr.splitlines()
    assert first.startswith("error: python3.99 is not on this machine")
    assert last.startswith("make: ***")
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("target", ["help", "-n"])
def test_to_read_the_makefile_leaves_an_environment_alone(tmp_path, target):
    (tmp_path / ".made").touch()
    made = (tmp_path / ".made").stat().st_mtime_ns
    arguments = (target, "setup") if target == "-n" else (target,)
    assert make(*arguments, f"PYTHON={sys.executable}", f"VENV={tmp_path}").returncode == 0
    assert (tmp_path / ".made").stat().st_mtime_ns == made


def test_an_environment_is_made_anew_only_for_another_python(tmp_path):
    script = REPOSITORY / "scripts" / "setup" / "make_environment.sh"
    venv = tmp_path / "with a space"

    def run():
        command = ["bash", str(script), str(venv), sys.executable]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert run().startswith(f"Making {venv} from ")
    assert version(str(venv / "bin" / "python")) == OWN
    assert run() == ""
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").write_text("#!/bin/bash\necho Python 3.9.1\n")
    (venv / "bin" / "python").chmod(0o755)
    assert run().startswith(f"Making {venv} from ")


def requirements():
    """Returns the lower bound of every package that is required."""
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    return dict(re.findall(r"^([\w.-]+)>=([\w.]+)", "\n".join(lines), re.MULTILINE))


def pins(name):
    text = (REPOSITORY / "constraints" / f"{name}.txt").read_text()
    found = re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", package.lower()): number for package, number in found}


def test_the_lowest_versions_that_are_tested_are_those_that_are_allowed():
    assert pins("lowest") == requirements()


@pytest.mark.parametrize("python", ["py311", "py312", "py313"])
def test_everything_that_is_required_is_pinned(python):
    assert requirements().keys() <= pins(python).keys()


def test_every_supported_python_has_its_pins():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"
    assert {path.stem for path in (REPOSITORY / "constraints").glob("py*.txt")} == {
        "py311",
        "py312",
        "py313",
    }

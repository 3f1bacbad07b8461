"""Packages as text: which are read, what is left out, and how they are split."""

import re
from pathlib import Path

import pytest

from jaxlab.tasks import near_duplicates, python_packages, python_source
from jaxlab.tasks.corpus import load_bytes

REQUIREMENTS = Path(__file__).parents[2] / "requirements.txt"
LICENCE = "Classifier: License :: OSI Approved :: MIT License\n"


def code(name, lines=8):
    return "".join(f"{name}_{n} = {n}\n" for n in range(lines)).encode()


def install(site, name, files, requires=()):
    """Writes a package as pip does: its files, METADATA and RECORD."""
    about = site / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    (about / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{LICENCE}{needs}\n")
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_bytes(text)
    (about / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, "../outside.py"]))


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    """A data folder, and four installed packages that the sets take for those of this project."""
    site = tmp_path / "site"
    jax = {
        "jax/core.py": code("core"),
        "jax/copy.py": code("core", 7) + b"more = 1\n",
        "jax/tests/case.py": code("case"),
        "jax/thing_pb2.py": code("generated"),
        "jax/README.md": b"# What it is\n" * 3,
        "jax/LICENSE.txt": b"You may.\n" * 9,
    }
    install(site, "jax", jax, ["Ml_Dtypes>=0.5", 'toolz; extra == "all"', "absent"])
    install(site, "ml-dtypes", {"ml_dtypes.py": b'"""Says what."""\n' + code("dtypes")})
    install(site, "toolz", {"toolz.py": code("toolz")})
    install(site, "optax", {"optax/adam.py": code("adam")})
    packages = python_packages.installed([str(site)])
    monkeypatch.setattr(python_packages, "installed", lambda: packages)
    monkeypatch.setattr(python_source, "read_library", lambda folder: {"os.py": code("os")})
    return tmp_path / "data"


def test_the_roots_are_requirements_of_the_project():
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and line[0] != "#"]
    named = {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines}
    assert named >= set(python_packages.ROOTS)


def test_code_is_read_once_and_packages_are_held_out_whole(data_dir):
    train, held_out = (
        load_bytes("python_packages", split, data_dir) for split in ("train", "validation")
    )
    dtypes = b'"""Says what."""\n' + code("dtypes")
    assert train.documents() == [code("core", 7) + b"more = 1\n", dtypes, code("os")]
    assert held_out.documents() == [code("adam")]
    names = [line.split("==")[0] for line in train.info["packages"].split()]
    assert names == ["python", "jax", "ml-dtypes", "optax"]
    assert "jax: License :: OSI Approved :: MIT License" in train.info["licences"]


def test_prose_is_documents_and_docstrings(data_dir):
    prose = python_packages.PackagesProse(data_dir=data_dir)
    found = prose.texts(python_packages.read(python_packages.installed()))
    readme = b"# What it is\n" * 3
    assert found == {"jax/jax/README.md": readme, "ml-dtypes/ml_dtypes.py": b"Says what.\n\n"}


def test_a_text_is_left_out_when_more_than_half_of_it_was_there():
    lines = [f"line {n}".encode() for n in range(40)]
    whole, half = b"\n".join(lines), b"\n".join(lines[:10] + [b"own %d" % n for n in range(30)])
    indented = whole.replace(b"line", b"\n   line")
    texts = {"a": whole, "b": half, "c": indented, "d": b"\n \n"}
    assert list(near_duplicates.distinct(texts)) == ["a", "b"]

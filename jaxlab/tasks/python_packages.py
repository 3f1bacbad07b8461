"""Code and prose that every installation of this project has: its packages and Python's library.

Some 90 MB of source with nothing to download, enough for a small decoder to read nothing twice. The
set depends on the installed versions, so it is named after them; a run also records a hash of what
it read. Packages are held out whole.
"""

from __future__ import annotations

import fnmatch
import hashlib
import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import tensorflow_datasets as tfds

from jaxlab.tasks import files, near_duplicates, python_prose, python_source

# What requirements.txt names; what these require in turn is read too.
# Requirements of the project; not all of them, for the text must not change as the project does.
ROOTS = (
    *("absl-py", "array-record", "filelock", "flax", "importlib-resources", "jax", "jinja2"),
    *("matplotlib", "ml-collections", "numpy", "optax", "orbax-checkpoint", "pytest", "rich"),
    *("safetensors", "scipy", "sentencepiece", "tensorflow-datasets", "xarray"),
)
HELD_OUT = ("optax", "pyparsing", "rich", "urllib3", "xarray")  # 7 MB; trained on by none
LIBRARY = "python"  # the name of the standard library among the packages
TESTS = ("test", "tests", "testing")  # folders: much of them is data
GENERATED = ("*_pb2.py", "*_pb2_grpc.py", "_version.py")
PROSE = (".rst", ".md", ".txt")
LEGAL = ("licen[cs]e*", "copying*", "notice*", "authors*", "*apache*")
METADATA = ("entry_points.txt", "top_level.txt")
MAX_BYTES = 500_000  # of a file: larger ones are tables


class PythonPackages(tfds.core.GeneratorBasedBuilder):
    """TFDS set `python_packages`: one example per source file, `text`, `path` and `package`.

    The packages in HELD_OUT are `validation`. Files that mostly repeat earlier ones are left out
    (`near_duplicates`). `info.metadata` has the version and the licence of every package.
    """

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = "Source of the Python standard library and of the packages of this project."

    def __init__(self, **kwargs: Any):
        self._packages = installed()
        versions = {LIBRARY: platform.python_version()}
        versions |= {name: package.version for name, package in self._packages.items()}
        named = " ".join(f"{name}=={version}" for name, version in versions.items())
        self._about = {"packages": named, "licences": licences(self._packages)}
        python = f"{platform.python_implementation()}-{versions[LIBRARY]}".lower()
        key = hashlib.sha256(named.encode()).hexdigest()[:12]
        self.BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=f"{python}-{key}")]
        super().__init__(**kwargs)

    def texts(self, found: dict[str, bytes]) -> dict[str, bytes]:
        """Returns the texts of the set by `package/path`, out of all files that were found."""
        return {path: text for path, text in found.items() if path.endswith(".py")}

    def _info(self) -> tfds.core.DatasetInfo:
        features = {name: tfds.features.Text() for name in ("text", "path", "package")}
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            features=tfds.features.FeaturesDict(features),
            license="that of each package: see licences in the metadata",
            disable_shuffling=True,  # the order of paths is kept; training shuffles by index
            metadata=tfds.core.MetadataDict(self._about),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        del dl_manager  # there is nothing to download
        texts = near_duplicates.distinct(self.texts(read(self._packages)))
        return {split: self._generate_examples(texts, split) for split in files.SPLITS}

    def _generate_examples(
        self, texts: dict[str, bytes], split: str
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, (path, text) in enumerate(texts.items()):
            package = path.partition("/")[0]
            if (package in HELD_OUT) == (split == "validation"):
                yield number, {"text": text, "path": path, "package": package}


class PackagesProse(PythonPackages):
    """TFDS set `packages_prose`: docstrings of each source file, and .rst, .md and .txt files."""

    DESCRIPTION = "Docstrings and documents of the same packages."

    def texts(self, found: dict[str, bytes]) -> dict[str, bytes]:
        """Returns documents and docstrings by `package/path`."""
        code = super().texts(found)
        documents = {path: text for path, text in found.items() if path not in code}
        return dict(sorted((documents | python_prose.docstrings(code)).items()))


def installed(path: list[str] | None = None) -> dict[str, metadata.Distribution]:
    """Returns the installed packages that this project requires, directly or not, by name.

    Requirements that belong to an extra are not followed, nor those that are not installed.

    Args:
      path: folders to look in, those of Python itself by default.
    """
    found = metadata.distributions() if path is None else metadata.distributions(path=path)
    known = {_normal(package.metadata["Name"]): package for package in found}
    names, to_visit = set(), list(ROOTS)
    while to_visit:
        name = to_visit.pop()
        if name in known and name not in names:
            names.add(name)
            required = (line for line in known[name].requires or () if "extra ==" not in line)
            to_visit += [_normal(re.split(r"[^\w.-]", line, maxsplit=1)[0]) for line in required]
    return {name: known[name] for name in sorted(names)}


def licences(packages: dict[str, metadata.Distribution]) -> str:
    """Returns the licence that each package declares, as `name: licence; ...`."""
    lines = [f"{LIBRARY}: PSF-2.0"]
    for name, package in packages.items():
        about: Any = package.metadata
        classified = [c for c in about.get_all("Classifier", []) if c.startswith("License")]
        named = about.get("License-Expression") or " ".join(classified) or about.get("License")
        lines.append(f"{name}: {(named or 'see the package').splitlines()[0]}")
    return "; ".join(lines)


def read(packages: dict[str, metadata.Distribution]) -> dict[str, bytes]:
    """Returns the source and prose files of packages and library by `package/path`, in order.

    Tests, generated code, licences, links and files of more than MAX_BYTES are left out.
    """
    library = python_source.read_library(python_source.library_folder())
    found = {f"{LIBRARY}/{path}": text for path, text in library.items()}
    for name, package in packages.items():
        for file in package.files or ():
            if _is_text(PurePosixPath(file)):
                place = Path(str(package.locate_file(file)))
                if place.is_file():
                    found[f"{name}/{file.as_posix()}"] = place.read_bytes()
    return {path: found[path] for path in sorted(found) if len(found[path]) <= MAX_BYTES}


def _is_text(path: PurePosixPath) -> bool:
    def named(patterns: tuple[str, ...]) -> bool:
        return any(fnmatch.fnmatch(path.name.lower(), pattern) for pattern in patterns)

    if ".." in path.parts or set(path.parts) & set(TESTS):
        return False
    if path.suffix == ".py":
        return not named(GENERATED)
    return path.suffix in PROSE and not named(LEGAL + METADATA)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

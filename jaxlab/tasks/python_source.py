"""Real text that every machine has: the source of the running Python's own standard library.

About 12 MB of code in some 700 files, with nothing to download. It differs between Python versions
and distributions, so the prepared set is named after the version and a hash of its content: a set
that another Python prepared is never taken for this one's.
"""

import contextlib
import fnmatch
import io
import os
import platform
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from jaxlab.tasks import files

# Tests are left out because much of them is data; the last two are written when Python is built
# and would make the hash depend on the machine.
SKIPPED_FOLDERS = ("site-packages", "dist-packages", "test", "tests", "idle_test", "config-*")
SKIPPED_FILES = ("_sysconfigdata*",)


class PythonSource(tfds.core.GeneratorBasedBuilder):
    """TFDS set `python_source`: one example per file, `text` (its bytes) and `path` (relative).

    Files are split by a hash of their path, train 90 % and validation 10 %, and lie in the order
    of their paths. `info.metadata` holds `python_version` and `library_hash`, that of the
    source. It is written as array_record, the format that needs no TensorFlow: see `prepare`.
    """

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = "The Python standard library's own source, one example per file."

    def __init__(self, **kwargs: Any):
        self._library = read_library(library_folder())
        self._hash = files.hash_of(self._library)
        python = f"{platform.python_implementation()}-{platform.python_version()}".lower()
        # TFDS takes the only config as the default one; set here, as reading 12 MB at import
        # time for a class attribute would be rude.
        self.BUILDER_CONFIGS = [tfds.core.BuilderConfig(name=f"{python}-{self._hash[:12]}")]
        super().__init__(**kwargs)

    def texts(self, library: dict[str, bytes]) -> dict[str, bytes]:
        """Returns the texts of the set by their paths, in order, out of the library's source."""
        return library

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {"text": tfds.features.Text(), "path": tfds.features.Text()}
            ),
            homepage="https://github.com/python/cpython",
            license="PSF-2.0",
            disable_shuffling=True,  # the order of paths is kept; training shuffles by index
            metadata=tfds.core.MetadataDict(
                python_version=platform.python_version(), library_hash=self._hash
            ),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        del dl_manager  # there is nothing to download
        return {split: self._generate_examples(split) for split in files.SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, bytes | str]]]:
        for number, (path, text) in enumerate(self.texts(self._library).items()):
            if files.split_of(path) == split:
                yield number, {"text": text, "path": path}


def prepare(
    data_dir: str | os.PathLike,
    kind: Callable[..., tfds.core.GeneratorBasedBuilder] = PythonSource,
) -> Path:
    """Writes the set of a builder that downloads nothing under `data_dir`, unless it is there.

    TFDS writes into a folder of its own and renames it when all is done, so that neither a kill
    nor a second process at the same time leaves half a set behind.

    Returns:
        The folder of the prepared set, for `tfds.builder_from_directory`.

    Raises:
        ValueError: `data_dir` cannot be written, a damaged set is in the way, or there is no
            source.
    """
    builder = kind(data_dir=data_dir)
    quiet = io.StringIO()  # a second's work needs no bars, and nothing is being "downloaded"
    try:
        with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            builder.download_and_prepare(file_format="array_record")
    except (OSError, RuntimeError) as error:  # array_record reports a full disk as RuntimeError
        # Where another process was faster, its complete folder is in the way of our rename.
        if not builder.is_prepared():
            raise ValueError(f"cannot write {builder.name} under {data_dir}: {error}") from error
    if not builder.is_prepared():
        raise ValueError(f"{builder.data_dir} is not a complete TFDS set: delete it and run again")
    return Path(builder.data_dir)


def library_folder() -> Path:
    """Where the running Python keeps its standard library (inside a virtual environment too)."""
    return Path(sysconfig.get_path("stdlib"))


def read_library(folder: Path) -> dict[str, bytes]:
    """The Python files under `folder`, as `files.read_files` gives them.

    Raises:
        ValueError: there are none.
    """
    paths = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _matches(name, SKIPPED_FOLDERS)]
        paths += [
            Path(parent, name)
            for name in fnmatch.filter(names, "*.py")
            if not _matches(name, SKIPPED_FILES)
        ]
    library = files.read_files(paths, folder)
    if not library:
        raise ValueError(f"no Python source files under {folder}: is the standard library zipped?")
    return library


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

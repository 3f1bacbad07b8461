"""English that every machine has: what the standard library says about itself.

The docstrings of its modules, classes and functions, and the chapters of the language reference
that `help()` shows. Some 2 MB, with nothing to download. As `python_source` it differs between
Python versions and is named after the hash of the source.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from pydoc_data.topics import topics

import tensorflow_datasets as tfds

from jaxlab.tasks.python_source import PythonSource


class PythonProse(PythonSource):
    """TFDS set `python_prose`: one example per source file or chapter, as `python_source`."""

    VERSION = tfds.core.Version("1.0.0")
    DESCRIPTION = "Docstrings of the Python standard library by file, and the chapters of help()."

    def texts(self, library: dict[str, bytes]) -> dict[str, bytes]:
        """Returns the texts of the set by their paths, in order, out of the library's source."""
        return dict(sorted((chapters() | docstrings(library)).items()))


def chapters() -> dict[str, bytes]:
    """Returns the topics of `help()`, each as a file of its own."""
    return {f"pydoc_data/topics/{name}": text.encode() for name, text in topics.items()}


def docstrings(library: dict[str, bytes]) -> dict[str, bytes]:
    """Returns the docstrings of each file, the outermost first and a blank line apart.

    A docstring that an earlier file has too is left out, and so is a file that Python cannot parse.
    """
    seen: set[str] = set()
    prose = {}
    for path, source in library.items():
        found = [text for text in dict.fromkeys(_docstrings(source)) if text not in seen]
        seen.update(found)
        if found:
            prose[path] = "\n\n".join([*found, ""]).encode(errors="surrogatepass")
    return prose


def _docstrings(source: bytes) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that a later Python will refuse
            tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text

"""What the standard library says about itself."""

import tensorflow_datasets as tfds

from jaxlab.tasks import python_source
from jaxlab.tasks.python_prose import PythonProse, chapters, docstrings

MODULE = b'''"""The module."""
def function():
    """A function."""
    """Not a docstring."""
class Class:
    """The class.

    Indented.
    """
    async def method(self):
        """A method."""
'''


def test_docstrings_and_nothing_else():
    prose = docstrings({"a.py": MODULE, "b.py": b"x = 1\n"})
    text = b"The module.\n\nA function.\n\nThe class.\n\nIndented.\n\nA method.\n\n"
    assert prose == {"a.py": text}


def test_what_an_earlier_file_says_is_not_said_again():
    prose = docstrings({"a.py": MODULE, "b.py": MODULE.replace(b"The module", b"Another")})
    assert prose["b.py"] == b"Another.\n\n"


def test_a_file_that_python_cannot_read_is_left_out():
    broken = {"old.py": b"print 'x'", "latin.py": b"# caf\xe9\n", "null.py": b"\0"}
    warned = {"escape.py": b"'''\\d says\n'''"}
    assert docstrings(broken | warned) == {"escape.py": b"\\d says\n\n"}


def test_the_prepared_set(tmp_path, monkeypatch):
    library = {f"module_{number}.py": b'"""Says %d."""' % number for number in range(40)}
    monkeypatch.setattr(python_source, "library_folder", lambda: tmp_path)
    monkeypatch.setattr(python_source, "read_library", lambda folder: library)
    folder = python_source.prepare(tmp_path / "data", PythonProse)
    assert folder.is_relative_to(tmp_path / "data" / "python_prose")
    builder = tfds.builder_from_directory(folder)
    texts = {}
    for split in ("train", "validation"):
        for example in builder.as_data_source(split):
            texts[example["path"].decode()] = example["text"]
    assert texts == chapters() | docstrings(library)
    assert b"truth value" in texts["pydoc_data/topics/truth"].lower()

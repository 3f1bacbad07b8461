import platform
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from jaxlab.tasks import python_source
from jaxlab.tasks.files import hash_of, split_of
from jaxlab.tasks.python_source import prepare, read_library

FILES = {f"package/module_{number}.py": f"x = {number}\n".encode() * 9 for number in range(30)}
LATIN_1 = b"# caf\xe9\n"  # not UTF-8


@pytest.fixture
def library(tmp_path, monkeypatch) -> Path:
    """A small standard library that the builder takes for the running Python's own."""
    folder = tmp_path / "lib"
    for path, text in FILES.items() | {("latin.py", LATIN_1)}:
        write(folder / path, text)
    monkeypatch.setattr(python_source, "library_folder", lambda: folder)
    return folder


def write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def read(folder: Path, split: str) -> dict[str, bytes]:
    source = tfds.builder_from_directory(folder).as_data_source(split)
    return {example["path"].decode(): example["text"] for example in source}


def test_reads_source_files_only(library):
    for path in (
        "test/test_x.py",
        "json/tests/test_y.py",
        "idlelib/idle_test/z.py",
        "site-packages/numpy/a.py",
        "dist-packages/b.py",
        "config-3.11-x86_64-linux-gnu/c.py",
        "_sysconfigdata__linux_x86_64-linux-gnu.py",
        "notes.txt",
        "compiled.pyc",
    ):
        write(library / path, path.encode())
    assert read_library(library) == FILES | {"latin.py": LATIN_1}
    write(library / "testing.py", b"not a test folder")
    assert "testing.py" in read_library(library)


def test_follows_no_links_and_drops_copies(library, tmp_path):
    (library / "link.py").symlink_to(library / "latin.py")
    (library / "again").symlink_to(library / "package", target_is_directory=True)
    write(tmp_path / "outside.py", b"elsewhere")
    (library / "outside.py").symlink_to(tmp_path / "outside.py")
    write(library / "zebra.py", LATIN_1)
    write(library / "aardvark.py", LATIN_1)
    expected = FILES | {"aardvark.py": LATIN_1}  # the first of three equal files
    assert read_library(library) == expected
    assert list(read_library(library)) == sorted(expected)


def test_an_empty_library_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no Python source files under"):
        read_library(tmp_path)


def test_hash_sees_every_byte_and_where_it_is():
    files = {"a.py": b"12", "b.py": b"3"}
    others = [
        {"a.py": b"12", "b.py": b"4"},
        {"a.py": b"1", "b.py": b"23"},
        {"a.py": b"12", "c.py": b"3"},
        {"a.py": b"12"},
        {"a.p": b"y12", "b.py": b"3"},
    ]
    assert len({hash_of(other) for other in [files, *others]}) == 6
    assert hash_of({"b.py": b"3", "a.py": b"12"}) == hash_of(files)


def test_split_is_by_path_alone():
    paths = [f"package/module_{number}.py" for number in range(10_000)]
    share = sum(split_of(path) == "validation" for path in paths) / len(paths)
    assert abs(share - 0.1) < 4 * (0.1 * 0.9 / 10_000) ** 0.5
    # Other files of the split may come and go, these stay where they are.
    assert split_of("zipfile.py") == "train"
    assert split_of("_pydecimal.py") == "validation"


def test_prepared_set_holds_the_bytes(library, tmp_path):
    folder = prepare(tmp_path / "data")
    train, validation = read(folder, "train"), read(folder, "validation")
    assert train | validation == read_library(library)
    assert not train.keys() & validation.keys()
    assert {split_of(path) for path in train} == {"train"}
    assert {split_of(path) for path in validation} == {"validation"}
    assert list(train) == sorted(train)
    assert dict(tfds.builder_from_directory(folder).info.metadata) == {
        "python_version": platform.python_version(),
        "library_hash": hash_of(read_library(library)),
    }


def test_a_prepared_set_is_reused_for_the_same_library_only(library, tmp_path, monkeypatch):
    data_dir = tmp_path / "data"
    first = prepare(data_dir)
    written = (first / "dataset_info.json").stat().st_mtime_ns
    assert prepare(data_dir) == first
    assert (first / "dataset_info.json").stat().st_mtime_ns == written

    write(library / "latin.py", b"changed")
    changed = prepare(data_dir)
    assert changed != first
    assert (read(changed, "train") | read(changed, "validation"))["latin.py"] == b"changed"

    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert "-3.99.0-" in prepare(data_dir).parent.name
    assert len(list(data_dir.glob("python_source/*/1.0.0"))) == 3


def test_relative_data_dir(library, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = prepare("data")
    assert folder.is_relative_to("data")
    assert read(folder, "train")


def test_a_faster_second_process_wins(library, tmp_path, monkeypatch):
    generate = python_source.PythonSource._generate_examples
    finished = []

    def overtaken(self, split):
        if split == "validation":
            monkeypatch.setattr(python_source.PythonSource, "_generate_examples", generate)
            finished.append(prepare(tmp_path / "data"))
        yield from generate(self, split)

    monkeypatch.setattr(python_source.PythonSource, "_generate_examples", overtaken)
    folder = prepare(tmp_path / "data")
    assert finished == [folder]
    assert read(folder, "train") | read(folder, "validation") == read_library(library)
    assert [path.name for path in folder.parent.iterdir()] == ["1.0.0"]


def test_what_a_killed_process_leaves_is_in_nobodys_way(library, tmp_path):
    code = f"""
import os
from pathlib import Path
from jaxlab.tasks import python_source
python_source.library_folder = lambda: Path({str(library)!r})
def killed(self, split):
    yield 0, {{"text": b"half", "path": "a"}}
    os._exit(9)
python_source.PythonSource._generate_examples = killed
python_source.prepare({str(tmp_path / "data")!r})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    left = list((tmp_path / "data").glob("python_source/*/incomplete.*"))
    assert len(left) == 1
    folder = prepare(tmp_path / "data")
    assert read(folder, "train") | read(folder, "validation") == read_library(library)


def test_errors_say_where(library, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"cannot write python_source under .*file"):
        prepare(tmp_path / "file")
    folder = prepare(tmp_path / "data")
    (folder / "dataset_info.json").unlink()
    with pytest.raises(ValueError, match="not a complete TFDS set: delete it"):
        prepare(tmp_path / "data")


def test_full_disk(tmp_path):
    code = f"""
import resource
from pathlib import Path
from jaxlab.tasks import python_source
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    python_source.prepare({str(tmp_path / "data")!r})
except ValueError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "cannot write python_source under" in result.stdout
    assert not list((tmp_path / "data").glob("python_source/*/*1.0.0"))

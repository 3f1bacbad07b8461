"""The user's own files as documents."""

import pytest

from jaxlab.tasks.corpus import load_bytes
from jaxlab.tasks.files import hash_of, read_matching, split_of

TEXTS = {f"part/{number}.txt": f"text {number}\n".encode() for number in range(40)}


@pytest.fixture
def folder(tmp_path):
    for path, text in TEXTS.items() | {("notes.md", b"notes"), ("empty.txt", b"")}:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(text)
    (tmp_path / ".hidden.txt").write_text("hidden")
    return tmp_path


def test_a_folder_a_pattern_and_a_file(folder):
    assert read_matching(str(folder)) == TEXTS | {"notes.md": b"notes"}
    assert read_matching(f"{folder}/**/*.txt") == TEXTS
    assert read_matching(f"{folder}/part/1?.txt") == {
        f"{n}.txt": TEXTS[f"part/{n}.txt"] for n in range(10, 20)
    }
    assert read_matching(f"{folder}/notes.md") == {"notes.md": b"notes"}
    assert list(read_matching(str(folder))) == sorted([*TEXTS, "notes.md"])


def test_a_copy_or_a_link_is_no_second_document(folder):
    (folder / "part/zz_copy.txt").write_bytes(TEXTS["part/3.txt"])
    (folder / "part/link.txt").symlink_to(folder / "notes.md")
    assert read_matching(f"{folder}/**/*.txt") == TEXTS


def test_a_corpus_of_files_is_split_by_their_paths(folder):
    name = f"files:{folder}/**/*.txt"
    for split in ("train", "validation"):
        corpus = load_bytes(name, split, "unused")
        chosen = [text for path, text in sorted(TEXTS.items()) if split_of(path) == split]
        assert chosen
        assert corpus.documents() == chosen
        assert corpus.info == {"dataset": name, "split": split, "files_hash": hash_of(TEXTS)}


def test_files_that_are_not_there_are_named(folder):
    for wrong in (
        f"files:{folder}/nowhere",
        f"files:{folder}/**/*.tex",
        f"files:{folder}/empty.txt",
    ):
        with pytest.raises(ValueError, match=r"no text matches files:.*name a folder"):
            load_bytes(wrong, "train", "unused")
    with pytest.raises(ValueError, match=r"no split 'train\[:10%\]', only train, validation"):
        load_bytes(f"files:{folder}", "train[:10%]", "unused")
    nothing = r"of the 1 different texts of .* none falls into validation"
    with pytest.raises(ValueError, match=nothing):
        load_bytes(f"files:{folder}/notes.md", "validation", "unused")

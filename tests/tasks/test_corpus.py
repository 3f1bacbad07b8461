import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxlab.tasks import corpus as corpus_module
from jaxlab.tasks import files, python_source, tokenizer
from jaxlab.tasks.corpus import Corpus, load_bytes, load_tokens, window_starts

WORDS = b"def name(self, value):\n    return self.value\n"
FILES = {
    f"module_{number:02}.py": f"x = {number}\n".encode() * number + WORDS for number in range(40)
}


@pytest.fixture
def data_dir(tmp_path, monkeypatch) -> Path:
    """A data folder, and a small library that the builder takes for the running Python's own."""
    monkeypatch.setattr(python_source, "library_folder", lambda: tmp_path / "lib")
    monkeypatch.setattr(python_source, "read_library", lambda folder: FILES)
    return tmp_path / "data"


@pytest.fixture
def prepared(data_dir) -> Path:
    """The folder of the set, moved to the name `stories`: any set that lies prepared."""
    shutil.copytree(python_source.prepare(data_dir), data_dir / "stories" / "1.0.0")
    return data_dir / "stories" / "1.0.0"


def corpus_of(*documents: bytes) -> Corpus:
    return corpus_module._corpus(list(documents), {})


@pytest.mark.parametrize("split", ["train", "validation"])
def test_python_source_holds_the_files_one_after_another(data_dir, split):
    corpus = load_bytes("python_source", split, data_dir)
    expected = [text for path, text in FILES.items() if files.split_of(path) == split]
    assert corpus.tokens_N.dtype == np.uint8
    assert corpus.tokens_N.tobytes() == b"".join(expected)
    borders = [*corpus.document_starts_D, len(corpus.tokens_N)]
    assert np.diff(borders).tolist() == [len(text) for text in expected]
    assert corpus.info["split"] == split
    assert corpus.info["dataset"].startswith("python_source/")
    assert corpus.info["library_hash"] == files.hash_of(FILES)
    assert corpus.info["python_version"] == ".".join(map(str, sys.version_info[:3]))
    json.dumps(corpus.info)


def test_content_hash_tells_texts_and_borders_apart():
    sets = ([b"12", b"3"], [b"1", b"23"], [b"12", b"4"])
    assert len({corpus_of(*documents).content_hash for documents in sets}) == 3
    assert corpus_of(b"12", b"3").content_hash == corpus_of(b"12", b"3").content_hash


def test_more_text_than_int32_can_index_is_refused(data_dir, monkeypatch):
    monkeypatch.setattr(corpus_module, "MAX_TOKENS", 10)
    with pytest.raises(ValueError, match=r"take a part, such as split='train\[:1%\]'"):
        load_bytes("python_source", "train", data_dir)


def test_any_prepared_text_set_can_be_read(prepared, data_dir):
    own = load_bytes("python_source", "train", data_dir)
    for name in ("stories", "stories/1.0.0", "stories:1.0.0"):
        other = load_bytes(name, "train", data_dir)
        np.testing.assert_array_equal(other.tokens_N, own.tokens_N)
        assert other.content_hash == own.content_hash
    part = load_bytes("stories", "train[:50%]", data_dir).tokens_N
    assert 0 < len(part) < len(own.tokens_N)
    np.testing.assert_array_equal(part, own.tokens_N[: len(part)])


@pytest.mark.parametrize("split", ["train", "validation", "validation[:50%]"])
def test_tokens_are_the_bytes_document_by_document(data_dir, split):
    text = load_bytes("python_source", split, data_dir)
    corpus = load_tokens("python_source", split, data_dir, 280)
    again = load_tokens("python_source", split, data_dir, 280)
    codec = tokenizer.load(
        load_bytes("python_source", "train", data_dir).documents(), 280, data_dir / "tokens"
    )
    pieces = np.split(corpus.tokens_N, corpus.document_starts_D[1:])
    assert [codec.decode(piece) for piece in pieces] == text.documents()
    assert corpus.tokens_N.dtype == np.uint16
    assert corpus.content_hash == text.content_hash
    assert (
        corpus.info
        == again.info
        == text.info
        | {
            "vocabulary": 280,
            "tokenizer_hash": codec.hash,
            "tokens_per_byte": len(corpus.tokens_N) / len(text.tokens_N),
        }
    )
    np.testing.assert_array_equal(again.tokens_N, corpus.tokens_N)


def test_the_vocabulary_of_256_is_bytes(data_dir):
    text = load_bytes("python_source", "train", data_dir)
    corpus = load_tokens("python_source", "train", data_dir, 256)
    np.testing.assert_array_equal(corpus.tokens_N, text.tokens_N)
    assert corpus.info["tokens_per_byte"] == 1
    assert not (data_dir / "tokens").exists()
    with pytest.raises(ValueError, match="a vocabulary of 255 has nothing to learn"):
        load_tokens("python_source", "train", data_dir, 255)


def test_damaged_tokens_are_refused(data_dir):
    load_tokens("python_source", "validation", data_dir, 260)
    (path,) = (data_dir / "tokens").glob("*.npz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is damaged: delete it and run again"):
        load_tokens("python_source", "validation", data_dir, 260)


def test_a_missing_set_fails_at_once_and_offline(data_dir, monkeypatch):
    def offline(*args, **kwargs):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    monkeypatch.setattr(socket.socket, "connect", offline)
    with pytest.raises(ValueError, match=r"no prepared TFDS set 'lm1b' .*take python_source"):
        load_bytes("lm1b", "train", data_dir)


def test_a_half_written_set_is_missing(prepared, data_dir):
    prepared.rename(prepared.with_name("incomplete.ABC123_1.0.0"))
    with pytest.raises(ValueError, match="no prepared TFDS set 'stories'"):
        load_bytes("stories", "train", data_dir)


def test_a_choice_of_versions_is_the_users(prepared, data_dir):
    shutil.copytree(prepared, prepared.with_name("2.0.0"))
    with pytest.raises(ValueError, match=r"name one: stories/1\.0\.0, stories/2\.0\.0"):
        load_bytes("stories", "train", data_dir)


def test_a_set_without_text_is_refused(tmp_path):
    tfds.testing.DummyDataset(data_dir=tmp_path).download_and_prepare(file_format="array_record")
    with pytest.raises(ValueError, match="has no text feature called `text`"):
        load_bytes("dummy_dataset", "train", tmp_path)


def test_an_unknown_split_names_the_known_ones(prepared, data_dir):
    with pytest.raises(ValueError, match=r"Unknown split 'test'.*'train', 'validation'"):
        load_bytes("stories", "test", data_dir)


def test_a_format_that_needs_tensorflow_is_refused(prepared, data_dir):
    info = json.loads((prepared / "dataset_info.json").read_text())
    (prepared / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))
    with pytest.raises(ValueError, match=r"format tfrecord, which takes TensorFlow"):
        load_bytes("stories", "train", data_dir)


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_a_damaged_set_is_refused(prepared, data_dir, damage):
    (shard,) = prepared.glob("*-train.array_record-*")
    content = np.frombuffer(shard.read_bytes(), np.uint8).copy()
    used = np.flatnonzero(content)  # the format pads with zeros
    content[used[len(used) // 2]] ^= 255
    shard.write_bytes(content if damage == "flip" else content[: used[-1] // 2])
    with pytest.raises(ValueError, match="is damaged: delete it and prepare it again"):
        load_bytes("stories", "train", data_dir)


@given(
    lengths=st.lists(st.integers(0, 12), max_size=6),
    length=st.integers(1, 13),
    stride=st.integers(1, 14),
)
@settings(deadline=None)
def test_windows_are_all_those_inside_one_document(lengths, length, stride):
    corpus = corpus_of(*(bytes([number]) * size for number, size in enumerate(lengths)))
    starts = [sum(lengths[:number]) for number in range(len(lengths))]
    expected = [
        start + offset
        for start, size in zip(starts, lengths, strict=True)
        for offset in range(0, size, stride)
        if offset + length <= size
    ]
    if expected:
        windows = window_starts(corpus, length, stride)
        assert windows.tolist() == expected
        assert windows.dtype == np.int32
        for window in windows:
            assert len(set(corpus.tokens_N[window : window + length].tolist())) == 1
    else:
        with pytest.raises(ValueError, match=f"no document has {length} bytes"):
            window_starts(corpus, length, stride)


def test_windows_refuse_what_makes_no_sense():
    for length, stride in ((0, 1), (1, 0), (-3, 1)):
        with pytest.raises(ValueError, match="must be at least 1"):
            window_starts(corpus_of(b"abc"), length, stride)


def test_the_real_library_without_tensorflow_network_or_noise(tmp_path):
    code = """
import sys
def no_network(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"the network was touched: {event} {args}")
sys.addaudithook(no_network)
from jaxlab.tasks.corpus import load_bytes, window_starts
assert not {"jax", "tensorflow_datasets"} & set(sys.modules), "imported before there is need"
train = load_bytes("python_source", "train", sys.argv[1])
validation = load_bytes("python_source", "validation", sys.argv[1])
assert not {"tensorflow", "torch", "pandas"} & set(sys.modules)
assert b"def " in train.tokens_N.tobytes()
print(len(train.tokens_N), len(validation.tokens_N), len(window_starts(train, 65, 65)))
"""
    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "data"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    assert result.returncode == 0
    train, validation, windows = map(int, result.stdout.split())
    # CPython 3.11.7 has 11.2 and 0.9 MB; distributions leave parts out and versions differ.
    assert 3e6 < train < 3e7
    assert 0.02 < validation / (train + validation) < 0.2
    assert 0.9 * train / 65 < windows < train / 65

"""Image sets: idx files, the prepared set, the digits of fonts, and what is refused."""

import gzip

import numpy as np
import pytest

from jaxlab.tasks import fashion_mnist, glyphs, images
from jaxlab.tasks.fashion_mnist import UNPACKED, read_idx

COUNTS = {"train": 7, "t10k": 3}


def idx(array):
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes(), mtime=0)


def package(data_dir):
    """Writes files as the package has them, small, where a user unpacks it; returns the arrays."""
    folder = data_dir / UNPACKED / "usr/share/datasets/fashion-mnist"
    folder.mkdir(parents=True)
    random, arrays = np.random.default_rng(0), {}
    for name, count in COUNTS.items():
        pixels = random.integers(256, size=(count, 28, 28), dtype=np.uint8)
        labels = random.integers(10, size=count, dtype=np.uint8)
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(idx(pixels))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
        arrays[name] = pixels, labels
    return folder, arrays


@pytest.fixture(autouse=True)
def no_system_files(tmp_path, monkeypatch):
    """Whether or not this machine has the package."""
    monkeypatch.setattr(fashion_mnist, "SYSTEM", tmp_path / "usr/share/datasets/fashion-mnist")


@pytest.fixture
def unpacked(tmp_path, monkeypatch):
    data_dir = tmp_path / "data"
    folder, arrays = package(data_dir)
    monkeypatch.setattr(fashion_mnist, "SYSTEM", folder)
    return data_dir, folder, arrays


def test_reads_idx_files(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "a.gz").write_bytes(idx(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        (b"no gzip", "cannot read"),
        (idx(np.zeros((9, 9), np.uint8))[:-12], "cannot read"),
        (gzip.compress(b"", mtime=0), "no idx file"),
        (gzip.compress(b"\0\0\x08\x02\0\0\0\x01", mtime=0), "no idx file"),
        (gzip.compress(b"\0\0\x0d\x01\0\0\0\x01x", mtime=0), "no idx file"),  # floats
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x02x", mtime=0), "no idx file"),  # a byte is missing
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x01xy", mtime=0), "no idx file"),  # one too many
    ],
)
def test_damaged_idx_files_are_refused(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.gz").write_bytes(content)
    with pytest.raises(ValueError, match=rf"(?s){message}.*|a\.gz.*{message}"):
        read_idx(tmp_path / "a.gz")


def test_the_set_is_prepared_once_and_holds_the_files(unpacked):
    data_dir, folder, arrays = unpacked
    for split, name in (("train", "train"), ("test", "t10k")):
        found = images.load("fashion_mnist", split, data_dir)
        pixels, labels = arrays[name]
        np.testing.assert_array_equal(found.pixels_NxP, pixels.reshape(len(pixels), 784))
        np.testing.assert_array_equal(found.labels_N, labels)
        assert found.classes == 10
        assert found.info["dataset"] == "fashion_mnist/3.0.1"
        assert (found.info["split"], found.info["examples"]) == (split, len(labels))
    for file in folder.iterdir():  # the second time they are not read
        file.unlink()
    again = images.load("fashion_mnist", "test", data_dir)
    assert again.info == found.info


def test_files_that_do_not_belong_together_are_refused(unpacked):
    data_dir, folder, _ = unpacked
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.zeros(6, np.uint8)))
    with pytest.raises(ValueError, match=r"train files hold images \(7, 28, 28\) and labels \(6,"):
        images.load("fashion_mnist", "train", data_dir)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(idx(np.full(7, 10, np.uint8)))
    with pytest.raises(ValueError, match="up to 10: install the package again"):
        images.load("fashion_mnist", "train", data_dir)


def test_a_missing_set_says_how_to_get_it(tmp_path):
    with pytest.raises(ValueError, match=r"apt-get download .* && dpkg -x .*'glyphs'"):
        images.load("fashion_mnist", "train", tmp_path)
    with pytest.raises(ValueError, match="no prepared TFDS set 'mnist'"):
        images.load("mnist", "train", tmp_path)


def test_glyphs_are_the_digits_and_the_test_fonts_are_new():
    train, test = (images.load("glyphs", split, "nowhere") for split in ("train", "test"))
    for found, split in ((train, "train"), (test, "test")):
        cases = len(glyphs.FONTS[split]) * len(glyphs.SIZES_PIXELS) * len(glyphs.SHIFTS)
        np.testing.assert_array_equal(np.bincount(found.labels_N), [cases] * 10)
        assert found.pixels_NxP.shape == (10 * cases, 784)
        assert (found.pixels_NxP.max(axis=1) > 100).all()  # no blank image
    assert not set(glyphs.FONTS["train"]) & set(glyphs.FONTS["test"])
    # The shape tells the digit: a new font's is most like the same digit of a known one.
    middle = slice(4, None, len(glyphs.SHIFTS))  # not shifted
    known, new = train.pixels_NxP[middle].astype(float), test.pixels_NxP[middle].astype(float)
    distance = (known**2).sum(axis=1) - 2 * new @ known.T
    guess = train.labels_N[middle][distance.argmin(axis=1)]
    assert np.mean(guess == test.labels_N[middle]) > 0.6

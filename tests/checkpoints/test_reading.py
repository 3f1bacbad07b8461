"""Statistics, spectra, differences, checks and histories against NumPy on the same arrays."""

import math
import tracemalloc
from dataclasses import replace

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxlab import checkpoints
from jaxlab.checkpoints import CheckpointError, tensors
from jaxlab.checkpoints.checking import check
from jaxlab.checkpoints.differences import compare
from jaxlab.checkpoints.history import history
from jaxlab.checkpoints.modules import modules
from jaxlab.checkpoints.spectrum import spectra
from jaxlab.checkpoints.statistics import statistics
from tests.checkpoints.conftest import planted_weights


@pytest.fixture
def save(tmp_path):
    """Saves arrays as safetensors and opens them."""

    def saved(name="model", **arrays):
        save_file(arrays, tmp_path / f"{name}.safetensors")
        return checkpoints.open(tmp_path / f"{name}.safetensors")

    return saved


@pytest.mark.parametrize("block_bytes", [1 << 26, 1000])
@pytest.mark.parametrize("member", [None, 1, 2, 3])
def test_statistics_equal_those_of_the_array_that_was_saved(
    saved_run, member, block_bytes, monkeypatch
):
    monkeypatch.setattr(tensors, "BLOCK_BYTES", block_bytes)
    checkpoint = checkpoints.open(saved_run, 0)
    checkpoint = checkpoint if member is None else checkpoint.member(member)
    found = {record.name: record for record in statistics(checkpoint, "params/*")}
    values = planted_weights() if member is None else planted_weights()[member]
    finite = values[np.isfinite(values)].astype(np.float64)
    record = found["params/tower/w"]
    assert record.shape == values.shape
    assert record.mean == pytest.approx(finite.mean())
    assert record.std == pytest.approx(finite.std())
    assert record.rms == pytest.approx(np.sqrt(np.mean(finite**2)))
    assert record.norm == pytest.approx(np.linalg.norm(finite))
    assert (record.min, record.max) == (finite.min(), finite.max())
    assert record.zeros == pytest.approx(np.mean(values == 0))
    assert (record.nan, record.inf) == (np.isnan(values).sum(), np.isinf(values).sum())
    assert found["params/tower/b"].mean == 0.5


def test_an_array_without_a_finite_value_has_counts_but_no_moments(save):
    (record,) = statistics(save(w=np.full(3, np.nan, np.float32)))
    assert (record.nan, record.mean, record.rms, record.max) == (3, None, None, None)


def test_effective_rank_counts_equal_directions(save):
    rng = np.random.default_rng(0)
    left, right = (
        np.linalg.qr(rng.normal(size=(64, 5)))[0],
        np.linalg.qr(rng.normal(size=(40, 5)))[0],
    )
    (record,) = statistics(save(w=(left @ right.T).astype(np.float64)), with_rank=True)
    assert record.effective_rank == pytest.approx(5)


def test_a_planted_decay_of_singular_values_comes_back(save):
    rng = np.random.default_rng(0)
    rotations = [np.linalg.qr(rng.normal(size=(128, 128)))[0] for _ in range(2)]
    values = np.arange(1, 129) ** -0.7
    (found,) = spectra(save(w=rotations[0] * values @ rotations[1].T))
    np.testing.assert_allclose(found.values, values, rtol=1e-9)
    assert found.decay == pytest.approx(0.7)
    # s = i^-0.7 has squares x with a density ~ x^-(1 + 1/1.4).
    assert abs(found.tail_exponent - (1 + 1 / 1.4)) < 3 * found.tail_stderr
    with pytest.raises(CheckpointError, match="no matrix that fits"):
        list(spectra(save(b=np.ones(3))))


def test_each_matrix_of_an_array_has_a_spectrum_and_a_rank_or_a_reason(save, monkeypatch):
    w = np.stack([np.diag(v) for v in ([3.0, 1, 0], [2, 2, 2], [1, np.nan, 1])])
    checkpoint = save(w=w)
    found = list(spectra(checkpoint))
    assert [each.name for each in found] == ["w[0]", "w[1]", "w[2]"]
    np.testing.assert_allclose(found[0].values, [3, 1, 0])
    np.testing.assert_allclose(found[1].values, [2, 2, 2])
    why = "no singular values: not all numbers are finite"
    assert (found[2].row.values, found[2].row.remark) == (0, why)
    ranks = [(r.name, r.effective_rank, r.remark) for r in statistics(checkpoint, with_rank=True)]
    shares = np.array([0.9, 0.1])
    assert ranks[0] == ("w[0]", pytest.approx(np.exp(-(shares * np.log(shares)).sum())), "")
    assert ranks[1:] == [("w[1]", pytest.approx(3), ""), ("w[2]", None, why)]
    monkeypatch.setattr("jaxlab.checkpoints.statistics.MOST_FOR_RANK", 2)
    assert {each.remark for each in spectra(checkpoint)} == {
        "no singular values: both sides exceed 2"
    }


def test_singular_values_of_complex_matrices_are_those_of_the_matrix(save):
    z = np.array([[1, 1j], [1j, 1]], np.complex64)
    np.testing.assert_allclose(next(spectra(save(z=z))).values, np.linalg.svd(z)[1], rtol=1e-6)


def test_differences_name_what_happened_and_by_how_much(save):
    rng = np.random.default_rng(0)
    w = rng.normal(size=(30, 20)).astype(np.float32)
    changed = w.copy()
    changed[3, 4] += 1.0
    half = np.ones(4, np.float32)
    first = save("a", same=half, w=w, gone=half, grown=half, half=half, **{"old.name": half})
    second = save(
        "b", same=half, w=changed, new=half, grown=np.ones(5, np.float32),
        half=half.astype(ml_dtypes.bfloat16), other=half,
    )  # fmt: skip
    found = {d.name: d for d in compare(first, second, renamed={"old.name": "other"})}
    assert {name: d.change for name, d in found.items()} == {
        "same": "equal",
        "w": "changed",
        "gone": "removed",
        "grown": "reshaped",
        "half": "retyped",
        "old.name": "equal",
        "new": "added",
    }
    apart = np.linalg.norm(changed.astype(float) - w)
    assert found["w"].distance == pytest.approx(apart / np.linalg.norm(w.astype(float)))
    wide, other = w.astype(float).ravel(), changed.astype(float).ravel()
    cosine = wide @ other / np.linalg.norm(wide) / np.linalg.norm(other)
    assert found["w"].cosine == pytest.approx(cosine)
    assert found["w"].largest == pytest.approx(1.0, rel=1e-6)
    assert (found["half"].distance, found["same"].distance) == (0.0, 0.0)
    with pytest.raises(CheckpointError, match="has no nowhere, to which w is mapped"):
        compare(first, second, renamed={"w": "nowhere"})


def test_nan_equals_nan_and_differs_from_a_number(save):
    first, second = save("a", w=np.array([np.nan, 1.0])), save("b", w=np.array([np.nan, 1.0]))
    assert compare(first, second)[0].change == "equal"
    assert compare(first, save("c", w=np.array([0.0, 1.0])))[0].change == "changed"


@pytest.mark.parametrize(
    ("before", "after", "largest"),
    [
        (np.int64([2**60, 5]), np.int64([2**60 + 1, 5]), 1.0),
        (np.uint64([0]), np.uint64([2**64 - 1]), 2.0**64),
        (np.int8([-128]), np.int8([127]), 255.0),
        (np.complex64([1 + 1j, 2]), np.complex64([-1 - 1j, 2j]), 2.0),
        (np.float32([0.0]), np.float32([-0.0]), 0.0),
        (np.ones(2, ml_dtypes.bfloat16), np.array([1, 2], ml_dtypes.bfloat16), 1.0),
    ],
)
def test_equality_is_of_the_bits_that_were_saved(save, before, after, largest):
    (found,) = compare(save("a", w=before), save("b", w=after))
    assert (found.change, found.largest) == ("changed", largest)
    (found,) = compare(save("a", w=before), save("c", w=before))
    assert (found.change, found.distance, found.largest) == ("equal", 0.0, 0.0)


def test_the_distance_of_complex_numbers_is_that_of_their_parts(save):
    (found,) = compare(save("a", z=np.complex64([3, 4j])), save("b", z=np.complex64([3, 4])))
    assert found.distance == pytest.approx(np.sqrt(32) / 5)
    assert found.cosine == pytest.approx(9 / 25)


@pytest.mark.parametrize("read", [lambda c: list(statistics(c)), check, lambda c: compare(c, c)])
def test_large_leaves_are_read_in_pieces_of_later_axes_too(save, read, monkeypatch):
    leaf = np.ones((1, 512, 2048), ml_dtypes.bfloat16)
    checkpoint = save(w=leaf)
    monkeypatch.setattr(tensors, "BLOCK_BYTES", leaf.nbytes // 16)
    monkeypatch.setattr(tensors, "PIECE_NUMBERS", 1 << 12)
    tracemalloc.start()
    read(checkpoint)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < leaf.nbytes // 2


@pytest.mark.parametrize("block_bytes", [8, 100, 600])
@pytest.mark.parametrize("stored", [(), (1, 2, 3), (2, 5, 2)])
def test_pieces_follow_each_other_in_row_major_order(stored, block_bytes, monkeypatch):
    monkeypatch.setattr(tensors, "BLOCK_BYTES", block_bytes)
    values = np.arange(4 * 5 * 7.0).reshape(4, 5, 7)
    leaf = tensors.Tensor(
        "w", tensors.Kind.ARRAY, values.shape, "float64", values.__getitem__, block_shape=stored
    )
    assert len(list(leaf.parts())) > 1
    np.testing.assert_array_equal(np.concatenate(list(leaf.pieces())), values.ravel())
    for first, second in tensors.paired(leaf, replace(leaf, block_shape=())):
        np.testing.assert_array_equal(first, second)


def test_a_unit_that_is_dead_in_one_layer_of_one_member_is_found(save):
    w = np.ones((2, 3, 4, 5), np.float32)
    w[1, 2, :, 3] = 0
    w[0, 1] = 0  # a matrix that has not been used at all is no remark
    (problem,) = check(save(w=w))
    what = "1 of 30 units have zero weights only, the first is [1, 2, :, 3]"
    assert (problem.what, problem.is_error) == (what, False)


def test_checks_find_what_is_planted(save):
    rng = np.random.default_rng(0)
    w = rng.normal(size=(20, 10)).astype(np.float32)
    broken, dead = w.copy(), w.copy()
    broken[0, 0], broken[1, 1] = np.nan, np.inf
    dead[:, 3] = 0.0
    found = check(save(w=w, broken=broken, dead=dead, twin=w, half=np.ones(2, np.float16)))
    said = [(problem.name, problem.what, problem.is_error) for problem in found]
    assert said[:2] == [
        ("broken", "has 1 NaN of 200", True),
        ("broken", "has 1 infinities of 200", True),
    ]
    assert ("dead", "1 of 10 units have zero weights only, the first is [:, 3]", False) in said
    assert ("w", "equals twin", False) in said or ("twin", "equals w", False) in said
    assert ("", "floating-point types are mixed: float16, float32", False) in said
    assert len(said) == 5
    assert check(save("clean", w=w)) == []


def test_a_check_compares_with_what_is_expected(save):
    found = check(
        save(w=np.ones((2, 3), np.float32), x=np.ones(1)), {"w": "3x2 float32", "y": "2 int8"}
    )
    assert [(p.name, p.what) for p in found if p.is_error] == [
        ("y", "is missing, expected 2 int8"),
        ("w", "is 2x3 float32, expected 3x2 float32"),
        ("x", "is not expected"),
    ]


def test_modules_fold_with_totals(saved_run):
    checkpoint = checkpoints.open(saved_run)
    folded = {m.name: (m.leaves, m.numbers) for m in modules(checkpoint, 1)}
    assert folded == {"opt_state": (6, 25_628), "params": (2, 12_812), "progress": (1, 4)}
    assert sum(m.bytes for m in modules(checkpoint)) == sum(m.bytes for m in modules(checkpoint, 2))


def test_histories_follow_members_over_steps(saved_run):
    rows = history(saved_run, "norm", pattern="params/tower/b")
    assert [(row.step, row.value) for row in rows] == [(0, math.sqrt(3)), (100, math.sqrt(3))]
    rows = history(saved_run, "largest", pattern="params/tower/w", members=True)
    assert [(row.step, row.member) for row in rows] == [(s, m) for s in (0, 100) for m in range(4)]
    assert rows[4].value == pytest.approx(101 * np.abs(planted_weights()[0]).max())
    turned = history(saved_run, "rotation", pattern="params/tower/w", members=True)
    assert turned[4].value == pytest.approx(0, abs=1e-5)  # scaled, not turned
    with pytest.raises(CheckpointError, match="no statistic 'nrom'"):
        history(saved_run, "nrom")
    with pytest.raises(CheckpointError, match="no leaf that fits"):
        history(saved_run, "norm", pattern="nothing/*")

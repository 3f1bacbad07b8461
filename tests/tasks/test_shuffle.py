import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxlab.tasks import shuffle
from jaxlab.tasks.shuffle import MAX_SIZE, batch_indices, shuffled_index


def permutation(seed: int, size: int) -> np.ndarray:
    return np.asarray(shuffled_index(jax.random.key(seed), jnp.arange(size), size))


def keys(count: int) -> jax.Array:
    return jax.random.split(jax.random.key(20), count)


@settings(max_examples=6, deadline=None)
@given(size=st.integers(1, 5000), seed=st.integers(0, 2**32 - 1))
def test_is_a_permutation(size, seed):
    np.testing.assert_array_equal(np.sort(permutation(seed, size)), np.arange(size))


@pytest.mark.parametrize("size", [1, 2, 3, 256, 257])
def test_is_a_permutation_at_awkward_sizes(size):
    np.testing.assert_array_equal(np.sort(permutation(0, size)), np.arange(size))


@pytest.mark.parametrize("size", [2**24 + 3, MAX_SIZE])
def test_large_sizes_do_not_overflow(size):
    low, high = np.arange(50_000), size - 1 - np.arange(50_000)
    images = np.asarray(shuffled_index(jax.random.key(1), jnp.asarray([low, high]), size))
    assert images.shape == (2, 50_000)
    assert images.dtype == np.int32
    assert images.min() >= 0
    assert images.max() < size
    assert len(np.unique(images)) == images.size
    assert stats.kstest(images.ravel() / size, "uniform").pvalue > 1e-3


def test_small_permutations_are_all_equally_likely():
    orders = jax.vmap(lambda key: shuffled_index(key, jnp.arange(5), 5))(keys(60_000))
    codes = np.asarray(orders) @ 5 ** np.arange(5)
    counts = [
        np.sum(codes == np.dot(p, 5 ** np.arange(5))) for p in itertools.permutations(range(5))
    ]
    assert sum(counts) == 60_000
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("size", [1000, 1_000_003])
def test_positions_and_adjacent_pairs_are_uniform_over_keys(size):
    x, y, z = np.asarray(
        jax.vmap(lambda key: shuffled_index(key, jnp.arange(3), size))(keys(20_000)), np.int64
    ).T
    fifty = np.linspace(0, size, 51)
    seven = np.linspace(0, size, 8)
    assert stats.chisquare(np.histogram(x, fifty)[0]).pvalue > 1e-3
    # The difference takes the size - 1 values that are not 0.
    differences = np.histogram((y - x) % size, np.linspace(1, size, 50))[0]
    assert stats.chisquare(differences, 20_000 * np.full(49, 1 / 49)).pvalue > 1e-3
    triples = np.histogramdd([x, y, z], [seven] * 3)[0].ravel()
    assert stats.chisquare(triples).pvalue > 1e-3


def test_one_permutation_leaves_no_trace_of_order():
    images = permutation(3, 2**16)
    for lag in (1, 2, 64, 4096):
        assert abs(stats.spearmanr(images[:-lag], images[lag:]).statistic) < 4 / 2**8
    assert stats.poisson.cdf(np.sum(images == np.arange(2**16)), 1) < 1 - 1e-4  # fixed points


def test_the_coins_of_a_round_are_fair_and_independent():
    # Of two multiplications instead of three, lag 2**29 gives itself away at 100 standard errors.
    words = jax.random.bits(jax.random.key(5), (3, 2**18), jnp.uint32)
    x, coin = words[0], words[1:]
    toss = np.asarray(shuffle._toss(x, coin)) * 2.0 - 1.0
    assert abs(toss.mean()) < 4 / 2**9
    for lag in (1, 2, 3, 2**8, 2**16, 2**27, 2**29):
        other = np.asarray(shuffle._toss(x + jnp.uint32(lag), coin)) * 2.0 - 1.0
        assert abs(np.mean(toss * other)) < 4 / 2**9


def test_different_keys_differ_and_vmap_equals_a_loop():
    together = jax.vmap(lambda key: shuffled_index(key, jnp.arange(300), 300))(keys(4))
    alone = jnp.stack([shuffled_index(key, jnp.arange(300), 300) for key in keys(4)])
    np.testing.assert_array_equal(together, alone)
    for one, other in itertools.combinations(np.asarray(alone), 2):
        assert np.sum(one == other) < 8  # 1 is expected


def test_golden_numbers():
    """When these change, no old run can be resumed or repeated: do not update them lightly."""
    assert permutation(0, 10).tolist() == [0, 6, 2, 5, 4, 1, 8, 9, 7, 3]
    assert batch_indices(jax.random.key(7), 5, 6, 11).tolist() == [9, 10, 1, 6, 8, 4]


@pytest.mark.parametrize(("size", "batch_size"), [(10, 3), (7, 16), (64, 64), (1, 4)])
def test_every_epoch_visits_each_index_once_in_its_own_order(size, batch_size):
    key = jax.random.key(2)
    steps = -(-3 * size // batch_size)
    batches = [batch_indices(key, step, batch_size, size) for step in range(steps)]
    epochs = np.concatenate(batches)[: 3 * size].reshape(3, size)
    for number, order in enumerate(epochs):
        epoch_key = jax.random.fold_in(key, number)
        np.testing.assert_array_equal(order, shuffled_index(epoch_key, jnp.arange(size), size))
        np.testing.assert_array_equal(np.sort(order), np.arange(size))
    assert size < 10 or (epochs[0] != epochs[1]).any()


def test_a_traced_step_gives_the_same_batches():
    key = jax.random.key(4)
    scanned = jax.lax.map(lambda step: batch_indices(key, step, 8, 50), jnp.arange(20))
    mapped = jax.vmap(lambda step: batch_indices(key, step, 8, 50))(jnp.arange(20))
    alone = jnp.stack([batch_indices(key, step, 8, 50) for step in range(20)])
    np.testing.assert_array_equal(scanned, alone)
    np.testing.assert_array_equal(mapped, alone)


@settings(max_examples=60, deadline=None)
@given(
    step=st.integers(0, 2**31 - 1),
    batch_size=st.integers(1, MAX_SIZE),
    size=st.integers(1, MAX_SIZE),
)
def test_positions_are_exact_however_far_the_run(step, batch_size, size):
    epoch, offset = shuffle._epoch_and_offset(step, batch_size, size)
    expected_epoch, expected_offset = divmod(step * batch_size, size)
    assert int(epoch) == expected_epoch % 2**32
    assert int(offset) == expected_offset


def test_late_batches_of_a_large_set():
    key, size, batch_size, step = jax.random.key(6), 11_181_757, 1024, 2**31 - 1
    epoch, offset = divmod(step * batch_size, size)
    expected = shuffled_index(jax.random.fold_in(key, epoch), offset + jnp.arange(batch_size), size)
    np.testing.assert_array_equal(batch_indices(key, step, batch_size, size), expected)


@pytest.mark.parametrize("size", [0, -1, 2**31])
def test_sizes_out_of_range_are_refused(size):
    with pytest.raises(ValueError, match=r"size must be from 1 to 2\*\*31 - 1"):
        shuffled_index(jax.random.key(0), jnp.arange(1), size)
    with pytest.raises(ValueError, match="batch_size must be"):
        batch_indices(jax.random.key(0), 0, size, 10)

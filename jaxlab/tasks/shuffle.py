"""A keyed permutation of [0, size), evaluated where it is asked and never stored.

With it a batch is a pure function of (seed, step): no iterator state to save, exact resume, and
the same data for every model of a paired comparison.

The permutation is the swap-or-not shuffle of Hoang, Morris and Rogaway (arXiv 1208.1176): a
round with pivot K pairs every x with (K - x) mod size, and one random bit of the pair, which
both of its ends compute alike, says whether the two change places. Each round is its own inverse,
so the whole is a bijection for any size and whatever the quality of the random bits.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from jax import lax

MAX_SIZE = 2**31 - 1  # so that K + size - x, the largest number of a round, fits in 32 bits


@functools.partial(jax.jit, static_argnames="size")
def shuffled_index(key: jax.Array, index: jax.Array, size: int) -> jax.Array:
    """Where the permutation of `key` sends `index`.

    Args:
        key: a typed PRNG key (`jax.random.key`); each key is another permutation.
        index: whole numbers in [0, size), any shape. Others give numbers without meaning.
        size: how many things are shuffled, from 1 to 2**31 - 1. Static.

    Returns:
        int32 of the shape of `index`, in [0, size).

    Raises:
        ValueError: `size` is out of range.
    """
    size = _checked(size, "size")
    words_Rx3 = jax.random.bits(key, (_rounds(size), 3), jnp.uint32)
    # The remainder favours small pivots: the same as fair ones in all but a share size / 2**32 of
    # the rounds, and the other rounds do no harm.
    pivots_R, coins_Rx2 = words_Rx3[:, 0] % jnp.uint32(size), words_Rx3[:, 1:]

    def swap_or_not(x, round_keys):
        pivot, coin = round_keys
        partner = jnp.where(x <= pivot, pivot - x, pivot + jnp.uint32(size) - x)
        return jnp.where(_toss(jnp.maximum(x, partner), coin), partner, x), None

    x, _ = lax.scan(swap_or_not, jnp.asarray(index).astype(jnp.uint32), (pivots_R, coins_Rx2))
    return x.astype(jnp.int32)


@functools.partial(jax.jit, static_argnames=("batch_size", "size"))
def batch_indices(key: jax.Array, step: jax.Array | int, batch_size: int, size: int) -> jax.Array:
    """The indices of batch `step` of an endless pass over [0, size), reshuffled every epoch.

    Batch by batch, positions step * batch_size + [0, batch_size) of the pass are taken; the epoch
    position // size has the permutation of `fold_in(key, epoch)`. So each epoch visits each index
    once, also where an epoch ends inside a batch or a batch holds several epochs. The product is
    never formed, so nothing overflows; epochs count modulo 2**32.

    Args:
        key: a typed PRNG key.
        step: a whole number from 0 to 2**31 - 1, may be traced.
        batch_size: from 1 to 2**31 - 1. Static.
        size: from 1 to 2**31 - 1. Static.

    Returns:
        int32, shape (batch_size,), in [0, size).

    Raises:
        ValueError: `batch_size` or `size` is out of range.
    """
    batch_size, size = _checked(batch_size, "batch_size"), _checked(size, "size")
    epoch, start = _epoch_and_offset(step, batch_size, size)
    ahead_B = start + jnp.arange(batch_size, dtype=jnp.uint32)
    later_epochs_B, offset_B = jnp.divmod(ahead_B, jnp.uint32(size))

    def visit(later, index_B):
        epoch_key = jax.random.fold_in(key, epoch + later.astype(jnp.uint32))
        is_its_epoch_B = later_epochs_B == later.astype(jnp.uint32)
        return jnp.where(is_its_epoch_B, shuffled_index(epoch_key, offset_B, size), index_B)

    # Nearly every batch lies in one epoch: a loop of traced length pays only for those it touches.
    touched = later_epochs_B[-1].astype(jnp.int32) + 1
    return lax.fori_loop(0, touched, visit, jnp.zeros(batch_size, jnp.int32))


def _rounds(size: int) -> int:
    """Enough rounds that nothing a run could look at tells the permutation from a fair shuffle.

    After r rounds the joint law of any q images is within 2 n^(3/2) / (r + 2) *
    ((1 + q/n) / 2)^(r/2 + 1) of the uniform one in total variation (arXiv 1208.1176, rapid mixing):
    with r = 6 log2(n), below n^(-3/2) for the few indices of a batch, and small up to two fifths
    of the whole set. The 24 rounds on top serve small n, where the law of the whole permutation
    can be computed: its distance falls by (n + 1) / (2 n) a round, and ends below 3e-8 for n <= 7.
    """
    return 6 * (size - 1).bit_length() + 24


def _toss(x: jax.Array, coin: jax.Array) -> jax.Array:
    """A fair coin for each x, keyed by the two words of `coin`: the top bit of an integer hash.

    Three multiplications (those of C. Wellons' lowbias32, then 2^32 over the golden ratio): with
    two, the coins of x and x + 2^29 are measurably alike.
    """
    x = (x ^ coin[0]) * jnp.uint32(0x7FEB352D)
    x = ((x ^ (x >> 16)) + coin[1]) * jnp.uint32(0x846CA68B)
    return (x ^ (x >> 15)) * jnp.uint32(0x9E3779B9) >= jnp.uint32(1 << 31)


def _epoch_and_offset(step, batch_size: int, size: int) -> tuple[jax.Array, jax.Array]:
    """divmod(step * batch_size, size) in 32 bits: multiply by the bits of batch_size, highest
    first, and carry whole epochs out at once, so that the offset stays below 2 * size.
    """
    n = jnp.uint32(size)
    step_epochs, step_offset = jnp.divmod(jnp.asarray(step).astype(jnp.uint32), n)

    def carried(epoch, offset):
        return epoch + (offset >= n), jnp.where(offset >= n, offset - n, offset)

    epoch, offset = jnp.uint32(0), jnp.uint32(0)
    for bit in f"{batch_size:b}":
        epoch, offset = carried(epoch * 2, offset * 2)
        if bit == "1":
            epoch, offset = carried(epoch + step_epochs, offset + step_offset)
    return epoch, offset


def _checked(count: int, name: str) -> int:
    count = operator.index(count)
    if not 1 <= count <= MAX_SIZE:
        raise ValueError(f"{name} must be from 1 to 2**31 - 1, got {count}")
    return count

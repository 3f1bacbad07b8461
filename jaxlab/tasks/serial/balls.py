"""Hard discs in a box: in which quarter of it is each after a time, or after so many collisions?

Predicting colliding discs is as hard as running a machine (Fredkin and Toffoli 1982, "Conservative
logic"): who meets whom depends on all collisions before. The control is the same question about
discs that pass through each other, each of which bounces off the walls in closed form.

Every collision multiplies errors, so that after some ten of them the digits of single precision
are used up. A row is asked about only where discs that start a little elsewhere end close by, in
the same quarters.

Lengths are in sides of the box, times in the flight of the fastest component from side to side.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxlab.tasks.serial.questions import Questions, draw_below

SHIFT = 1e-6  # some ten roundings
CLOSE = 0.05  # far less than discs are apart that have lost each other's trace


class Discs(NamedTuple):
    """K discs: position_Kx2, velocity_Kx2, the time left and the collisions between them so far."""

    position_Kx2: jax.Array
    velocity_Kx2: jax.Array
    time_left: jax.Array
    collisions: jax.Array


@dataclasses.dataclass(frozen=True)
class Balls:
    """Discs as tokens, each x, y and their velocities; each one's quarter is asked at its last.

    Nothing is asked of rows whose answer hangs on rounding.

    The box is a lattice of slots. A disc lies wholly in a slot of its own, so that none overlap;
    its radius is a quarter of the slot's side.

    Args:
        balls: K, from 1 to one per slot.
        slots: on a side of the box.
        offsets: places of a disc's centre along a side of its slot.
        speeds: that a component of a velocity can have, an even number, evenly from -1 to 1.
        duration: after which it is asked where they are.
        collisions: between discs after which it is asked instead, if they come within `duration`
            (else nothing is asked of the row); 0 to ask after `duration`.
        collide: whether discs collide or, as the parallel control, pass through each other.
    """

    balls: int
    slots: int
    offsets: int
    speeds: int
    duration: int
    collisions: int
    collide: bool

    classes = 4

    def __post_init__(self):
        if not 1 <= self.balls <= self.slots**2:
            raise ValueError(f"{self.balls} balls do not fit in {self.slots} by {self.slots} slots")
        if self.offsets < 1 or self.speeds < 2 or self.speeds % 2 or self.duration < 1:
            raise ValueError(
                f"offsets {self.offsets}, speeds {self.speeds} and duration {self.duration} are no "
                "motion: take at least 1 offset, an even number of speeds and a duration of 1"
            )
        if self.collisions and not (self.collide and self.balls > 1):
            raise ValueError(
                f"{self.collisions} collisions never come: let two or more balls collide, or set 0"
            )

    @property
    def length(self) -> int:
        """Tokens in a row: four per disc."""
        return 4 * self.balls

    @property
    def vocabulary(self) -> int:
        """Numbers of places and of speeds, whichever are more."""
        return max(self.slots * self.offsets, self.speeds)

    @property
    def radius(self) -> float:
        """Of every disc."""
        return 1 / (4 * self.slots)

    def draw(self, key: jax.Array, batch_size: int) -> Questions:
        """Draws discs; targets are the quarters that they end in."""
        return self.draw_flights(key, batch_size)[0]

    def draw_flights(self, key: jax.Array, batch_size: int) -> tuple[Questions, jax.Array]:
        """Draws discs, and returns collisions_B, how often discs of each row met, with them."""
        tokens_BxKx4 = self.draw_discs(key, batch_size)
        quarter_BxK, is_asked_B, collisions_B = self.answers(tokens_BxKx4)
        is_last_1x1x4 = (jnp.arange(4) == 3)[None, None]
        counted_BxKx4 = jnp.broadcast_to(
            is_asked_B[:, None, None] & is_last_1x1x4, tokens_BxKx4.shape
        )
        targets_BxKx4 = jnp.broadcast_to(quarter_BxK[:, :, None], tokens_BxKx4.shape)
        arrays = (tokens_BxKx4, targets_BxKx4, counted_BxKx4)
        return Questions(*(array.reshape(batch_size, -1) for array in arrays)), collisions_B

    def chance(self) -> float:
        """Accuracy of any constant answer: mirrored starts are as likely and end mirrored."""
        return 1 / 4

    def draw_discs(self, key: jax.Array, batch_size: int) -> jax.Array:
        """Draws tokens_BxKx4 of discs in different slots, all else uniform and independent."""
        order_key, rest_key = jax.random.split(key)
        order_BxS = jnp.argsort(jax.random.bits(order_key, (batch_size, self.slots**2)), axis=1)
        slot_BxKx2 = jnp.stack(jnp.divmod(order_BxS[:, : self.balls], self.slots), axis=-1)
        first_BxKx4 = jnp.pad(slot_BxKx2 * self.offsets, ((0, 0), (0, 0), (0, 2)))
        bounds_4 = jnp.asarray([self.offsets, self.offsets, self.speeds, self.speeds])
        return first_BxKx4 + draw_below(rest_key, first_BxKx4.shape, bounds_4[None, None])

    def answers(self, tokens_BxKx4: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Returns quarter_BxK where discs end, asked_B whether that is asked, and collisions_B."""
        position_BxKx2, velocity_BxKx2 = self.read(tokens_BxKx4)
        moved_BxKx2 = 0.5 + (1 + SHIFT) * (position_BxKx2 - 0.5)
        start_2xBxKx2 = jnp.stack((position_BxKx2, moved_BxKx2))
        ends = jax.vmap(jax.vmap(self.fly), (0, None))(start_2xBxKx2, velocity_BxKx2)
        quarter_BxK, moved_BxK = quarters(ends)
        is_close_BxKx2 = jnp.abs(ends.position_Kx2[0] - ends.position_Kx2[1]) < CLOSE
        is_sure_BxK = jnp.all(is_close_BxKx2, axis=2) & (quarter_BxK == moved_BxK)
        is_over_B = (ends.collisions[0] == self.collisions) | (self.collisions == 0)
        return quarter_BxK, is_over_B & jnp.all(is_sure_BxK, axis=1), ends.collisions[0]

    def read(self, tokens_BxKx4: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Returns position_BxKx2 and velocity_BxKx2 of discs written as tokens."""
        slot_BxKx2, offset_BxKx2 = jnp.divmod(tokens_BxKx4[..., :2], self.offsets)
        inside_BxKx2 = 0.25 + 0.5 * (offset_BxKx2 + 0.5) / self.offsets
        velocity_BxKx2 = 2 * tokens_BxKx4[..., 2:] / (self.speeds - 1) - 1
        return (slot_BxKx2 + inside_BxKx2) / self.slots, velocity_BxKx2

    def fly(self, position_Kx2: jax.Array, velocity_Kx2: jax.Array) -> Discs:
        """Returns the discs when they are asked for."""
        start = Discs(position_Kx2, velocity_Kx2, jnp.float32(self.duration), jnp.int32(0))
        if self.collide:
            return collide(start, self.radius, self.collisions)
        return bounce(start, self.radius)


def quarters(discs: Discs) -> jax.Array:
    """Returns which quarter of the box each disc is in, 0 to 3, for discs of any batch."""
    is_far_Kx2 = (discs.position_Kx2 > 0.5).astype(jnp.int32)
    return 2 * is_far_Kx2[..., 0] + is_far_Kx2[..., 1]


def bounce(discs: Discs, radius: float) -> Discs:
    """Returns the discs when their time is over, had each the box to itself."""
    width = 1 - 2 * radius
    way_Kx2 = discs.position_Kx2 - radius + discs.velocity_Kx2 * discs.time_left
    laps_Kx2 = jnp.mod(way_Kx2, 2 * width)  # of a mirrored box: to the far side and back
    is_back_Kx2 = laps_Kx2 > width
    position_Kx2 = radius + jnp.where(is_back_Kx2, 2 * width - laps_Kx2, laps_Kx2)
    velocity_Kx2 = jnp.where(is_back_Kx2, -discs.velocity_Kx2, discs.velocity_Kx2)
    return Discs(position_Kx2, velocity_Kx2, jnp.zeros_like(discs.time_left), discs.collisions)


def collide(discs: Discs, radius: float, limit: int) -> Discs:
    """Returns the discs, of equal masses, when their time is over or after `limit` collisions.

    Event by event: the earliest meeting of two discs, or of a disc and a wall, comes next. `limit`
    0 sets no limit.
    """

    def goes_on(discs: Discs) -> jax.Array:
        return (discs.time_left > 0) & ((limit == 0) | (discs.collisions < limit))

    def event(discs: Discs) -> Discs:
        position_Kx2, velocity_Kx2, time_left, collisions = discs
        wall_Kx2 = wall_times(position_Kx2, velocity_Kx2, radius)
        pair_KxK = pair_times(position_Kx2, velocity_Kx2, radius)
        wall_time, pair_time = jnp.min(wall_Kx2), jnp.min(pair_KxK)
        time = jnp.minimum(time_left, jnp.minimum(wall_time, pair_time))
        position_Kx2 = position_Kx2 + time * velocity_Kx2
        meets = (pair_time <= wall_time) & (pair_time < time_left)
        hits = (wall_time < pair_time) & (wall_time < time_left)
        pushed_Kx2 = _push(position_Kx2, velocity_Kx2, jnp.argmin(pair_KxK))
        turned_Kx2 = jnp.where(wall_Kx2 == wall_time, -velocity_Kx2, velocity_Kx2)
        velocity_Kx2 = jnp.where(meets, pushed_Kx2, jnp.where(hits, turned_Kx2, velocity_Kx2))
        return Discs(position_Kx2, velocity_Kx2, time_left - time, collisions + meets)

    return lax.while_loop(goes_on, event, discs)


def wall_times(position_Kx2: jax.Array, velocity_Kx2: jax.Array, radius: float) -> jax.Array:
    """Returns the time to each disc's next wall along each axis, infinite for one at rest."""
    way_Kx2 = jnp.where(velocity_Kx2 > 0, 1 - radius - position_Kx2, position_Kx2 - radius)
    speed_Kx2 = jnp.abs(velocity_Kx2)
    moves_Kx2 = speed_Kx2 > 0
    time_Kx2 = jnp.maximum(way_Kx2, 0) / jnp.where(moves_Kx2, speed_Kx2, 1)
    return jnp.where(moves_Kx2, time_Kx2, jnp.inf)


def pair_times(position_Kx2: jax.Array, velocity_Kx2: jax.Array, radius: float) -> jax.Array:
    """Returns the time to each meeting, time_KxK; infinite for those that never come.

    The distance is 2 r at the first root of |d + v t|^2 = (2 r)^2, if the two come closer.
    """
    apart_KxKx2 = position_Kx2[:, None] - position_Kx2[None]
    relative_KxKx2 = velocity_Kx2[:, None] - velocity_Kx2[None]
    approach_KxK = -jnp.sum(apart_KxKx2 * relative_KxKx2, axis=2)
    speed2_KxK = jnp.sum(relative_KxKx2**2, axis=2)
    gap_KxK = jnp.sum(apart_KxKx2**2, axis=2) - (2 * radius) ** 2
    root2_KxK = approach_KxK**2 - speed2_KxK * gap_KxK
    meets_KxK = (approach_KxK > 0) & (root2_KxK > 0)  # no disc comes closer to itself
    way_KxK = approach_KxK - jnp.sqrt(jnp.where(meets_KxK, root2_KxK, 0))
    time_KxK = jnp.maximum(way_KxK, 0) / jnp.where(meets_KxK, speed2_KxK, 1)
    return jnp.where(meets_KxK, time_KxK, jnp.inf)


def _push(position_Kx2: jax.Array, velocity_Kx2: jax.Array, pair: jax.Array) -> jax.Array:
    """Returns velocities after disc pair // K and disc pair % K swap what they have in line."""
    first, second = jnp.divmod(pair, len(position_Kx2))
    apart_2 = position_Kx2[first] - position_Kx2[second]
    relative_2 = velocity_Kx2[first] - velocity_Kx2[second]
    length2 = jnp.sum(apart_2**2)
    push_2 = apart_2 * jnp.sum(apart_2 * relative_2) / jnp.where(length2 > 0, length2, 1)
    return velocity_Kx2.at[first].add(-push_2).at[second].add(push_2)

"""The compiled program of a group: train all members up to a step, then evaluate them.

One program serves every interval of a run, however long (the bound of its loop is an argument),
and every member (their numbers are arguments too).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding

from jaxlab.config import Config, split
from jaxlab.experiment import Batch, BatchId, Experiment, Params, Shared, Values, stream_key
from jaxlab.models.precision import precisely
from jaxlab.training import mesh as meshes
from jaxlab.training import optimizer
from jaxlab.training.sharing import Layout, layouts


class State(NamedTuple):
    """What training changes; each field is an item of a checkpoint.

    Every array leads with the member axis. `average` holds the mean of the weights over time where
    the config asks for it (see `_averaging_weight`), else nothing. `progress` holds
    `diverged_step`: the step whose loss or gradient was not finite, -1 while the member is alive;
    and since the last record `summed_steps` and the sums of TRAIN_SUMS over them.
    """

    params: Params
    opt_state: optax.OptState
    average: Params
    progress: dict[str, jax.Array]


Metrics = dict[str, jax.Array]  # per member


Arguments = tuple[Values, tuple[Layout, ...], Batch]  # what a program reads; see Program.place


class Program(NamedTuple):
    """The compiled functions of a group. They hold no number of any member.

    The member axis of states and metrics may be longer than the group; see `mesh.padding`.

    Attributes:
        place: (values_M) -> arguments: puts traced values by dotted key, a number per member, and
            the experiment's data on the mesh.
        init: (arguments) -> the state before the first step, with parameters as they are drawn.
        start: (state) -> the same, with the parameters that `Experiment.start` has.
        advance: (state, arguments, start, stop) -> state: takes the steps from start to stop. The
            state passed in is donated.
        run: (state, arguments, start, stop) -> (state, metrics): the same, then a record: averages
            over the steps since the one before, and an evaluation.
        interval: what both of these call, jitted: it takes the number of evaluation batches too.
    """

    place: Callable[[dict[str, np.ndarray]], Arguments]
    init: Callable[[Arguments], State]
    start: Callable[[State], State]
    advance: Callable[[State, Arguments, int, int], State]
    run: Callable[[State, Arguments, int, int], tuple[State, Metrics]]
    interval: Any


@functools.lru_cache(maxsize=1)  # the equal parts of a large group compile once
def build(experiment: Experiment, config: Config, mesh: Mesh) -> Program:
    """Builds the program of a group.

    Args:
        experiment: the pure functions.
        config: the static config that the members share.
        mesh: from `jaxlab.training.mesh.make`.
    """
    entries = (*experiment.fixed, *experiment.batch)
    local = _Local(experiment, config, entries, mesh.shape["data"])
    member, whole = meshes.MEMBER, meshes.REPLICATED
    data = meshes.put(experiment.data, mesh, whole)

    def place(values_M: dict[str, np.ndarray]) -> Arguments:
        places = meshes.padding(len(values_M["seed"]), mesh)
        padded = {key: values[places] for key, values in values_M.items()}
        shared = layouts(entries, padded, mesh.shape["member"])
        return *meshes.put((_on_device(padded), _on_device(shared)), mesh, member), data

    def shard(function: Callable, in_specs, out_specs) -> Callable:
        # Members are dealt by hand; the axis `data` is left to the compiler. Members never talk, so
        # there is no replication for check_vma to check, and experiments need not annotate any.
        return jax.shard_map(
            precisely(function),
            mesh=mesh,
            in_specs=in_specs,
            out_specs=out_specs,
            axis_names={"member"},
            check_vma=False,
        )

    def constrain(state: State) -> State:
        shardings = meshes.state_shardings(state, mesh)
        return jax.lax.with_sharding_constraint(state, shardings)

    arguments = (member, member, whole)
    init_members = shard(local.init, (arguments,), member)
    every_interval = (member, arguments, whole, whole, whole)
    interval_of_members = shard(local.interval, every_interval, (member, member))

    @jax.jit
    def init(arguments: Arguments) -> State:
        return constrain(init_members(arguments))

    @functools.partial(jax.jit, donate_argnums=0)
    def interval(state: State, *rest: Any) -> tuple[State, Metrics]:
        state, metrics = interval_of_members(state, *rest)
        if mesh.is_multi_process:  # every process gets all of them, with no program of their own
            metrics = jax.lax.with_sharding_constraint(metrics, NamedSharding(mesh, whole))
        return constrain(state), metrics

    # One program does both, so that where a run is cut into calls changes no bit of it.
    def call(state: State, arguments: Arguments, start: int, stop: int, batches: int):
        return interval(state, arguments, np.int32(start), np.int32(stop), np.int32(batches))

    def advance(state: State, arguments: Arguments, start: int, stop: int) -> State:
        return call(state, arguments, start, stop, 0)[0]

    def run(state: State, arguments: Arguments, start: int, stop: int) -> tuple[State, Metrics]:
        return call(state, arguments, start, stop, config.eval.batches)

    def start(state: State) -> State:
        average = _started(experiment.start, state.average) if state.average else {}
        return state._replace(params=_started(experiment.start, state.params), average=average)

    return Program(place, init, start, advance, run, interval)


def state_shapes(experiment: Experiment, config: Config) -> State:
    """Returns the shapes and types of the state of one member of a complete config."""
    static, values = split(config)
    values_1 = _on_device({key: np.array([value]) for key, value in values.items()})
    state = jax.eval_shape(_Local(experiment, static, ()).init, (values_1, (), {}))
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), state)


def _started(start: Params, drawn: Params) -> Params:
    """Returns drawn parameters with the parts of `start` in every member."""

    def put(leaf: np.ndarray, like: jax.Array) -> jax.Array:
        every_member = np.broadcast_to(leaf, like.shape)
        return jax.make_array_from_callback(like.shape, like.sharding, every_member.__getitem__)

    return drawn | {name: jax.tree.map(put, part, drawn[name]) for name, part in start.items()}


def abstract(compiled: Program, values_M: dict[str, np.ndarray], mesh: Mesh) -> tuple:
    """Returns the arguments of `interval`, the state as shapes that know where they would lie."""
    arguments = compiled.place(values_M)
    shapes = jax.eval_shape(compiled.init, arguments)
    state = jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        shapes,
        meshes.state_shardings(shapes, mesh),
    )
    return state, arguments, np.int32(0), np.int32(1), np.int32(1)


def _on_device(tree: Any) -> Any:
    def convert(leaf: np.ndarray) -> np.ndarray:
        return leaf.astype(np.float32) if leaf.dtype == np.float64 else leaf.astype(np.int32)

    return jax.tree.map(convert, tree)


class _Local(NamedTuple):
    """What one device of the member axis does for its own members."""

    experiment: Experiment
    config: Any
    entries: tuple[Shared, ...]
    sharing: int = 1  # devices that share the batches and the large arrays of the state

    @property
    def _averages(self) -> bool:
        return self.config.average.name != "none"

    def init(self, arguments: Arguments) -> State:
        def one(values: Values) -> State:
            params = self.experiment.init(stream_key(values["seed"], "init"), values)
            learning, _ = self._parts(params)
            opt_state = optimizer.make(self.config, values).init(learning)
            average = params if self._averages else {}
            sums = dict.fromkeys(TRAIN_SUMS, jnp.float32(0))
            progress = {"diverged_step": jnp.int32(-1), "summed_steps": jnp.int32(0), **sums}
            return State(params, opt_state, average, progress)

        return meshes.shard_state(jax.vmap(one)(arguments[0]), self.sharing, lead=1)

    def interval(
        self,
        state: State,
        arguments: Arguments,
        start: jax.Array,
        stop: jax.Array,
        batches: jax.Array,
    ) -> tuple[State, Metrics]:
        """Takes the steps from start to stop; then a record, of evaluation batches if not 0."""
        values_M, shared, data = arguments
        fixed = self._draw([], shared, data, BatchId("fixed", jnp.int32(0)))
        indices = [layout.member_M for layout in shared]

        def of_member(made: list[Batch], indices: list[jax.Array]) -> tuple[Batch, Batch]:
            pieces = [_take(batch, i) for batch, i in zip(made, indices, strict=True)]
            known = len(fixed)
            return _merge([data, *pieces[:known]]), _merge(pieces[known:])

        def train_step(step: jax.Array, state: State) -> State:
            made = self._draw(fixed, shared, data, BatchId("train", step))

            def one(xs):
                state, values, indices = xs
                return self._step(state, *of_member(made, indices), values, step)

            state = self._each((state, values_M, indices), one)
            return meshes.shard_state(state, self.sharing, lead=1)

        def eval_batch(number: jax.Array, sums: Metrics) -> Metrics:
            return jax.tree.map(jnp.add, sums, evaluate(number))

        def evaluate(number: jax.Array) -> Metrics:
            first = stop * self.config.eval.batches
            made = self._draw(fixed, shared, data, BatchId("eval", first + number))

            def one(xs):
                params, average, values, indices = xs
                context, batch = of_member(made, indices)
                metrics = self.experiment.evaluate(params, _merge([context, batch]), values)
                if self._averages:
                    averaged = self.experiment.evaluate(average, _merge([context, batch]), values)
                    metrics |= {f"average_{name}": value for name, value in averaged.items()}
                return metrics

            return self._each((state.params, state.average, values_M, indices), one)

        state = jax.lax.fori_loop(start, stop, train_step, state)
        zeros = jax.tree.map(jnp.zeros_like, jax.eval_shape(evaluate, jnp.int32(0)))
        eval_sums = jax.lax.fori_loop(0, batches, eval_batch, zeros)

        progress = dict(state.progress)
        diverged_step, steps = progress["diverged_step"], progress["summed_steps"]
        alive = diverged_step < 0
        trained = {name: progress[name] / steps for name in TRAIN_SUMS}
        evaluated = {f"eval_{name}": total / batches for name, total in eval_sums.items()}
        metrics = {
            name: jnp.where(alive, value, jnp.nan) for name, value in (trained | evaluated).items()
        }
        for name in ("summed_steps", *TRAIN_SUMS):
            progress[name] = jnp.where(batches > 0, jnp.zeros_like(progress[name]), progress[name])
        state = state._replace(progress=progress)
        metrics["param_norm"] = jax.vmap(optax.tree.norm)(state.params)
        metrics["diverged_step"] = diverged_step
        return state, metrics

    def _step(
        self, state: State, context: Batch, batch: Batch, values: Values, step: jax.Array
    ) -> State:
        learning, frozen = self._parts(state.params)
        loss, grads = self._loss_and_grads(learning, frozen, context, batch, values)
        grads = meshes.shard_state(grads, self.sharing, lead=0)
        grad_norm = optax.tree.norm(grads)
        updates, opt_state = optimizer.make(self.config, values).update(
            grads, state.opt_state, learning
        )
        params = optax.apply_updates(learning, updates) | frozen
        finite = jnp.isfinite(loss) & jnp.isfinite(optax.tree.norm((grads, params)))
        before = state.progress["diverged_step"]
        alive = (before < 0) & finite
        diverged_step = jnp.where((before < 0) & ~finite, step, before)
        average = state.average
        if self._averages:
            weight = _averaging_weight(self.config.average.name, values, step)
            average = optax.tree.add_scale(average, weight, optax.tree.sub(params, average))
        # A diverged member stays at its last finite state: it must not stop the others.
        params, opt_state, average = jax.tree.map(
            lambda new, old: jnp.where(alive, new, old), (params, opt_state, average), state[:3]
        )
        progress = {
            "diverged_step": diverged_step,
            "summed_steps": state.progress["summed_steps"] + 1,
            "loss": state.progress["loss"] + loss,
            "grad_norm": state.progress["grad_norm"] + grad_norm,
        }
        return State(params, opt_state, average, progress)

    def _parts(self, params: Params) -> tuple[Params, Params]:
        """Splits params into what learns and what the experiment froze."""
        frozen = {name: params[name] for name in self.experiment.frozen}
        return {name: params[name] for name in params if name not in frozen}, frozen

    def _loss_and_grads(
        self, learning: Params, frozen: Params, context: Batch, batch: Batch, values: Values
    ) -> tuple[jax.Array, Params]:
        def loss(learning: Params, batch: Batch) -> jax.Array:
            return self.experiment.loss(learning | frozen, _merge([context, batch]), values)

        pieces = self.config.train.accumulate
        if pieces == 1:
            return jax.value_and_grad(loss)(learning, batch)

        def deal(leaf: jax.Array) -> jax.Array:  # every device keeps its share of each piece
            return leaf.reshape(-1, pieces, *leaf.shape[1:]).swapaxes(0, 1)

        def add(sums, micro_batch: Batch):
            piece = jax.value_and_grad(loss)(learning, micro_batch)
            return jax.tree.map(jnp.add, sums, piece), None

        zeros = jax.tree.map(jnp.zeros_like, (values["optimizer.learning_rate"], learning))
        sums, _ = jax.lax.scan(add, zeros, jax.tree.map(deal, batch))
        return jax.tree.map(lambda total: total / pieces, sums)

    def _draw(
        self, fixed: list[Batch], shared: tuple[Layout, ...], data: Batch, batch_id: BatchId
    ) -> list[Batch]:
        """Makes the entries after the fixed ones (or the fixed ones), combination by combination.

        Returns all entries' results so far; each leads with the axis of its combinations.
        """
        first = len(fixed)
        last = len(self.experiment.fixed) if batch_id.split == "fixed" else len(self.entries)
        made = list(fixed)
        for number in range(first, last):

            def one(xs, number=number):
                values, index = xs
                pieces = []
                for earlier in reversed(range(number)):
                    pieces.append(_take(made[earlier], index))
                    index = shared[earlier].parent_U[index]
                result = self.entries[number].make(
                    _merge([data, *reversed(pieces)]), values, batch_id
                )
                return result if batch_id.split == "fixed" else meshes.split_batch(result, axis=0)

            layout = shared[number]
            made.append(self._each((layout.values_U, layout.parent_U), one))
        return made

    def _each(self, xs: Any, function: Callable[[Any], Any]) -> Any:
        """Applies a function along the leading axis, `devices.members_at_once` at a time."""
        length = len(jax.tree.leaves(xs)[0])
        if length == 1:  # an axis of one element would cost a tenth of a decoder's step on a CPU
            return jax.tree.map(lambda leaf: leaf[None], function(_take(xs, 0)))
        # A CPU takes one member's step out of its cache, 2.5 times faster than all vmapped.
        automatic = 1 if jax.default_backend() == "cpu" else length
        at_once = self.config.devices.members_at_once or automatic
        if at_once >= length:
            return jax.vmap(function)(xs)
        return jax.lax.map(function, xs, batch_size=None if at_once == 1 else at_once)


TRAIN_SUMS = ("loss", "grad_norm")


def _averaging_weight(name: str, values: Values, step: jax.Array) -> jax.Array:
    """Returns the share of the newest weights in the average after a step (0-based).

    "polynomial" gives the weights after step t a share ~ t^power of the whole (Shamir and Zhang,
    arXiv 1212.1824): its memory is a fixed part of the run, however long. "ema" forgets at a fixed
    rate, and starts as a plain mean instead of from zero.
    """
    if name == "polynomial":
        power = values["average.power"]
        return (power + 1) / (step + power + 1)
    return jnp.maximum(1 - values["average.decay"], 1 / (step + 1))


def _take(tree: Batch, index: Any) -> Batch:
    return jax.tree.map(lambda leaf: leaf[index], tree)


def _merge(batches: list[Batch]) -> Batch:
    """Merges what `data` and the entries of `fixed` and `batch` made; their names must differ."""
    merged: Batch = {}
    for batch in batches:
        twice = sorted(merged.keys() & batch.keys())
        if twice:
            raise ValueError(f"two entries of the experiment make {', '.join(twice)}: rename one")
        merged |= batch
    return merged

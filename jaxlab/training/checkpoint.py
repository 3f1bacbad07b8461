"""Checkpoints with orbax: asynchronous, atomic, and a policy for which to keep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Mesh
from orbax.checkpoint.checkpoint_managers import preservation_policy

from jaxlab.checkpoints.opening import DIGESTS
from jaxlab.checkpoints.tensors import digest
from jaxlab.config import ConfigError
from jaxlab.training import mesh as meshes
from jaxlab.training.program import State

ITEMS = State._fields  # one orbax item each, beside the item `meta`


def save_steps(config, record_steps_R: np.ndarray) -> set[int]:
    """Returns the steps after which a run saves: the first record at or past each due step.

    Where no record comes before the next save is due, it is the due step itself.
    """
    last = config.train.steps
    every = config.checkpoint.every_steps or max(1, last // 10)
    result = {*kept_steps(config, record_steps_R), last}
    for due in range(every, last, every):
        record = int(record_steps_R[np.searchsorted(record_steps_R, due)])
        result.add(record if record < due + every else due)
    return result


def kept_steps(config, record_steps_R: np.ndarray) -> list[int]:
    """Returns the log-spaced record steps whose checkpoints stay for ever."""
    per_decade, last = config.checkpoint.keep_per_decade, config.train.steps
    if not per_decade:
        return []
    exponents = np.arange(np.floor(np.log10(last) * per_decade) + 1) / per_decade
    at = np.searchsorted(record_steps_R, np.round(10**exponents, 9))
    return sorted({int(step) for step in record_steps_R[at]})


class Checkpoints:
    """The `checkpoints/` folder of a run: `<step>/{params,opt_state,average,progress,meta}`."""

    def __init__(
        self,
        folder: Path,
        config: Any,
        members: int,
        record_steps_R: np.ndarray,
        meta: dict[str, Any],
    ):
        """Opens or creates the folder.

        Args:
            folder: the run's `checkpoints/`.
            config: a config with `checkpoint` and `train.steps`.
            members: the size of the group; states may hold more, which are not saved.
            record_steps_R: the steps at which the run records.
            meta: JSON saved with each checkpoint; `config_hash` in it guards against foreign ones.
        """
        keep: list[Any] = [preservation_policy.LatestN(config.checkpoint.keep)]
        kept = kept_steps(config, record_steps_R)
        if kept:
            keep.append(preservation_policy.CustomSteps(kept))
        self.folder, self.members, self.meta = folder, members, meta
        self._manager = ocp.CheckpointManager(
            folder.absolute(),
            item_names=(*ITEMS, "meta"),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=preservation_policy.AnyPreservationPolicy(keep),
                cleanup_tmp_directories=True,
                enable_async_checkpointing=True,
            ),
        )

    def save(self, step: int, state: State) -> None:
        """Starts to save; returns as soon as training may go on (and donate the state)."""
        mesh = jax.tree.leaves(state)[0].sharding.mesh
        if mesh.is_multi_process:  # each process saves what lies on its devices
            saved, found = self._without_padding(state, mesh), {}
        else:
            # A copy on the host: donation reuses the device's buffers while orbax still writes, and
            # to slice off the padding on the devices takes a collective, which can wait for a
            # device that waits for it.
            saved = jax.tree.map(lambda leaf: np.array(leaf)[: self.members], state)
            found = {DIGESTS: digests(_filled(saved))}
        items = {name: ocp.args.StandardSave(tree) for name, tree in _filled(saved).items()}
        meta = ocp.args.JsonSave(self.meta | {"step": step} | found)
        self._manager.save(step, args=ocp.args.Composite(**items, meta=meta), force=True)
        if mesh.is_multi_process and jax.default_backend() == "cpu":
            self._manager.wait_until_finished()  # orbax writes from the buffers of the devices

    def restore(self, like: State, mesh: Mesh) -> tuple[int, State] | None:
        """Returns the latest step and state, or None when nothing was saved yet.

        Args:
            like: the shapes and types of the state.
            mesh: where the state goes; its number of devices may differ from that of the save.

        Raises:
            ConfigError: for a checkpoint that is damaged or belongs to another config.
        """
        step = self._manager.latest_step()
        if step is None:
            return None
        where = self.folder / str(step)
        earlier = sorted(self._manager.all_steps())[:-1]
        start = f"step {earlier[-1]}" if earlier else "the start"
        remedy = f"delete {where} to go on from {start}, or choose another --workdir"
        try:
            saved = self._manager.restore(
                step, args=ocp.args.Composite(meta=ocp.args.JsonRestore())
            )
            meta = saved["meta"]
            owner = meta.get("config_hash")
        except Exception as error:  # orbax has no common error; each means the same to a user
            raise ConfigError(
                f"{where} is no checkpoint of this lab ({_brief(error)}): {remedy}"
            ) from error
        own = self.meta["config_hash"]
        if owner != own:
            raise ConfigError(f"{where} belongs to config {owner}, this run is {own}: {remedy}")

        def shape(leaf: jax.ShapeDtypeStruct) -> Any:
            own = (self.members, *leaf.shape[1:])
            if not mesh.is_multi_process:
                return np.empty(own, leaf.dtype)
            sharding = meshes.saved_sharding(own, mesh)
            return jax.ShapeDtypeStruct(own, leaf.dtype, sharding=sharding)

        shapes = jax.tree.map(shape, like)
        items = {name: ocp.args.StandardRestore(tree) for name, tree in _filled(shapes).items()}
        try:
            saved = self._manager.restore(step, args=ocp.args.Composite(**items))
        except Exception as error:
            raise ConfigError(f"{where} cannot be read ({_brief(error)}): {remedy}") from error
        state = like._replace(**{name: saved[name] for name in items})
        places = meshes.padding(self.members, mesh)
        shardings = meshes.state_shardings(like, mesh)
        if mesh.is_multi_process:
            pad = lambda state: jax.tree.map(lambda leaf: leaf[places], state)  # noqa: E731
            return step, jax.jit(pad, out_shardings=shardings)(state)
        found = digests({name: saved[name] for name in items})
        for name, expected in meta.get(DIGESTS, {}).items():
            if found.get(name) != expected:
                what = f"the bytes of {name} are not those that were saved"
                raise ConfigError(f"{where} is damaged, {what}: {remedy}")
        padded = jax.tree.map(lambda leaf: leaf[places], state)
        return step, jax.device_put(padded, shardings)

    def _without_padding(self, state: State, mesh: Mesh) -> State:
        if self.members % mesh.shape["member"] == 0:
            return state

        def cut(state: State) -> State:
            return jax.tree.map(lambda leaf: leaf[: self.members], state)

        shapes = jax.eval_shape(cut, state)
        shardings = jax.tree.map(lambda leaf: meshes.saved_sharding(leaf.shape, mesh), shapes)
        return jax.jit(cut, out_shardings=shardings)(state)

    def close(self) -> None:
        """Waits for the save under way; raises what went wrong with it."""
        self._manager.wait_until_finished()
        self._manager.close()


def digests(items: Mapping[str, Any]) -> dict[str, str]:
    """Returns the digest of every array of some items, by the names that an inspection has."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): digest(np.asarray(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(dict(items))
    }


def _brief(error: Exception) -> str:
    """Returns the first line of an error, cut short: orbax lists whole trees."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if len(line) <= 300 else f"{line[:300]} …"


def _filled(state: State) -> dict[str, Any]:
    """Returns the fields that hold arrays: orbax refuses the average of a run without one."""
    return {name: tree for name, tree in state._asdict().items() if jax.tree.leaves(tree)}

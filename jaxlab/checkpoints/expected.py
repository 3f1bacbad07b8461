"""The leaves that a config of the lab saves, found by abstract evaluation: no array is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import jax

from jaxlab import config as configs
from jaxlab.checkpoints.lab_run import LabRun
from jaxlab.checkpoints.opening import Checkpoint
from jaxlab.config import Config, check
from jaxlab.models.trees import names
from jaxlab.sweeps import plan

Shapes = Mapping[str, jax.ShapeDtypeStruct]  # of one member, by the names of a checkpoint's leaves
WHOLE = "progress/diverged_step"  # a leaf that every saved step has, and no export of parameters


def of_config(config: Config) -> Shapes:
    """Returns what a member of a config saves.

    Raises:
      ConfigError: a config that cannot be built, or whose data are not here.
    """
    from jaxlab.training.program import state_shapes

    data = Path(config.task.get("data_dir", "."))
    check(data.is_dir(), f"task.data_dir is {data}, which is not here: change to where it is")
    module = plan.experiment_module(config.experiment)
    module.validate(config)
    static, _ = configs.split(config)
    state = state_shapes(module.build(static), config)._asdict()
    return dict(zip(names(state), jax.tree.leaves(state), strict=True))


def of_run(run: LabRun, checkpoint: Checkpoint) -> dict[str, str]:
    """Returns what the leaves of a run's checkpoint should be; see `described`."""
    return described(of_config(run.config), checkpoint, len(run.members))


def of_file(spec: str, checkpoint: Checkpoint) -> tuple[str, dict[str, str]]:
    """Returns the group of a study's file that a checkpoint fits best, and what it should hold.

    Args:
      spec: FILE.py or FILE.py:SIZE.
      checkpoint: of any format; without a saved state, parameters alone are expected of it.
    """
    fits = {
        group.name: described(of_config(group.config), checkpoint)
        for group in plan.load(spec, {}).groups
    }
    from jaxlab.checkpoints.differences import describe

    found = {name: describe(tensor) for name, tensor in checkpoint.tensors.items()}

    def differing(group: str) -> int:
        return len(set(fits[group].items()) ^ set(found.items()))

    best = min(fits, key=differing)
    return best, fits[best]


def described(shapes: Shapes, checkpoint: Checkpoint, members: int | None = None) -> dict[str, str]:
    """Returns name to shape and type, as `differences.describe` writes them.

    Args:
      shapes: of one member.
      checkpoint: what they are compared with. It may hold one member, or a group of any size.
      members: of the run; None: as many as the checkpoint's leading axis has.
    """
    if WHOLE not in checkpoint.tensors:
        shapes = {name: leaf for name, leaf in shapes.items() if name.startswith("params/")}
    shared = [name for name in shapes if name in checkpoint.tensors]
    if shared:
        found, own = checkpoint.tensors[shared[0]].shape, shapes[shared[0]].shape
        if len(found) != len(own) + 1:
            members = None
        elif members is None:
            members = found[0]
    axis = () if members is None else (members,)
    return {
        name: f"{'x'.join(map(str, (*axis, *leaf.shape))) or 'scalar'} {leaf.dtype.name}"
        for name, leaf in shapes.items()
    }

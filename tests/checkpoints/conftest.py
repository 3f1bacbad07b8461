"""Planted checkpoints."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

N_MEMBERS = 4


def planted_weights():
    """Large enough that orbax keeps it in a data file of its own."""
    w_MxIxO = np.random.default_rng(0).normal(size=(N_MEMBERS, 64, 50)).astype(np.float32)
    w_MxIxO[1, 0, :5] = np.nan
    w_MxIxO[2, 1, :3] = -np.inf
    w_MxIxO[3, :, 0] = 0.0
    return w_MxIxO


@pytest.fixture(scope="session")
def saved_run(tmp_path_factory):
    """A run of four members at steps 0 and 100, its weights spread over eight devices."""
    run = tmp_path_factory.mktemp("inspect") / "run"
    mesh = jax.make_mesh((4, 2), ("member", "data"), axis_types=(AxisType.Auto,) * 2)
    spread = NamedSharding(mesh, PartitionSpec("member", "data"))
    with ocp.CheckpointManager(run / "checkpoints") as manager:
        for step in (0, 100):
            weights = jax.device_put(planted_weights() * (1 + step), spread)
            params = {"tower": {"w": weights, "b": jnp.full((N_MEMBERS, 3), 0.5, jnp.bfloat16)}}
            opt_state = jax.vmap(optax.adam(0.1).init)(params)
            items = ocp.args.Composite(
                params=ocp.args.StandardSave(params),
                opt_state=ocp.args.StandardSave(opt_state),
                progress=ocp.args.StandardSave({"step": jnp.full(N_MEMBERS, step)}),
                meta=ocp.args.JsonSave({"step": step, "config_hash": "abc"}),
            )
            manager.save(step, args=items)
    return run


@pytest.fixture(scope="session")
def odd_tree():
    """Leaves of every kind that orbax stores."""
    return {
        "layers": [jnp.arange(4), None],
        "group": {"dotted.name": jnp.zeros(3, jnp.bfloat16), "w": jnp.ones((4, 3))},
        "key": jax.random.key(0),
        "empty": {},
        "int4": jnp.ones(3, jnp.int4),
        "float8": jnp.full(3, 0.5, jnp.float8_e4m3fn),
        "scalar": 2.5,
        "numpy": np.arange(3),
    }

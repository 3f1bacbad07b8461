"""What a group is said to cost before it trains."""

import jax

from jaxlab.sweeps import costs, plan


def test_a_linear_model_costs_what_its_formula_says(monkeypatch):
    sweep = plan.load("configs/one_third/headline.py:tiny", {})
    (group,) = sweep.groups
    train, task = group.config.train, group.config.task
    parameters = task.features * task.classes
    # The teacher, the model, and the gradient of its weights: two operations per weight each.
    operations = len(group.members) * train.steps * train.batch_size * 6 * parameters
    monkeypatch.setattr(costs, "product_speed", lambda: operations / 8 / jax.device_count())
    held = 12 * parameters + 16  # float32 weights and two moments; a count and the sums of a record
    found = costs.outline(group)
    numbers = f"{parameters:,} parameters a member, {operations:.2g} FLOPs in matrix products"
    assert found.startswith(f"{numbers}, a state of ")
    assert abs(float(found.split("a state of ")[1].split()[0]) * 1e6 / held - 1) < 0.05
    assert found.endswith("at least 8 s")


def test_a_group_that_cannot_be_built_says_why():
    (group,) = plan.load("configs/one_third/headline.py:tiny", {}).groups
    group.config.devices.mesh = (99, 0)
    assert costs.outline(group).startswith("cost unknown: devices.mesh is (99, 0), but there are")

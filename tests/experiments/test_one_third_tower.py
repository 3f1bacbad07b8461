"""The tower's pure functions, and the exponents that its study finds in planted losses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from planted_studies import file

from experiments.one_third.tower import build, config, validate
from jaxlab import config as configs
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.analysis.study import Study
from jaxlab.config import ConfigError
from jaxlab.experiment import BatchId, stream_key

SMALL = {"task.features": 8, "task.classes": 16, "task.blocks": 3, "model.blocks": 3}
SMALL |= {"train.batch_size": 64}


def made(**overrides):
    own = configs.override(config(), {**SMALL, **overrides})
    validate(own)
    static, values = configs.split(own)
    return build(static), {key: jnp.asarray(value) for key, value in values.items()}


def drawn(experiment, values, split="train"):
    @jax.jit
    def draw(step):
        batch, fixed, own = {}, BatchId("fixed", jnp.int32(0)), BatchId(split, step)
        entries = [(entry, fixed) for entry in experiment.fixed]
        for entry, batch_id in [*entries, *((entry, own) for entry in experiment.batch)]:
            batch |= entry.make(batch, {key: values[key] for key in entry.depends}, batch_id)
        return batch

    return draw(jnp.int32(0))


def test_a_student_with_the_teacher_s_weights_has_no_loss_but_its_start_has():
    experiment, values = made(**{"task.temperature": 1.0})
    batch = drawn(experiment, values, "eval")
    evaluate = jax.jit(experiment.evaluate)
    found = evaluate(batch["teacher"], batch, values)
    assert abs(found["loss"]) < 1e-6
    assert found["error"] == 0
    start = experiment.init(stream_key(0, "init"), values)
    start_found = evaluate(start, batch, values)
    assert start_found["logit_std"] == 0
    assert start_found["loss"] > 0.01
    entropy = -np.mean(batch["negative_entropy_B"])
    np.testing.assert_allclose(start_found["loss"], np.log(16) - entropy, rtol=1e-4)


def test_the_student_starts_as_the_identity_and_can_learn():
    experiment, values = made()
    start = experiment.init(stream_key(0, "init"), values)
    assert not np.any(start["projection_LxHxM"])
    assert not np.any(start["head_MxN"])
    assert np.any(start["kernel_LxMxH"])
    gradient = jax.jit(jax.grad(experiment.loss))(start, drawn(experiment, values), values)
    assert np.any(gradient["head_MxN"])


def test_the_teacher_s_projections_shrink_with_its_depth():
    for blocks in (1, 9):
        experiment, values = made(**{"task.blocks": blocks})
        largest = np.abs(drawn(experiment, values)["teacher"]["projection_LxHxM"]).max()
        assert largest == pytest.approx(32**-0.5 / blocks**0.5, rel=0.03)


def test_the_teacher_is_the_same_at_every_depth_of_the_student_and_every_temperature():
    reference = drawn(*made())
    for overrides in ({"model.blocks": 1}, {"task.temperature": 1.0}):
        batch = drawn(*made(**overrides))
        np.testing.assert_array_equal(batch["teacher_BxN"], reference["teacher_BxN"])
        np.testing.assert_array_equal(batch["x_BxM"], reference["x_BxM"])


def test_what_cannot_run_is_refused():
    for key, value in (("task.temperature", 0.0), ("model.blocks", 0), ("task.classes", 1)):
        with pytest.raises(ConfigError, match=f"{key} is {value}"):
            made(**{key: value})


def planted(depths=(1, 2, 4, 8)):
    """Losses τ^-0.4 blocks^-0.25, with a factor for each seed; every depth is a run of its own."""
    step, temperatures, seeds = np.arange(0, 400, 4), (0.01, 1.0), (0, 1, 2)
    rows = [(d, t, s) for d in depths for t in temperatures for s in seeds]
    tau_R = np.maximum(step, 1) * 0.01
    factor = lambda s: 1 + 0.01 * s  # noqa: E731
    loss = [factor(s) * tau_R**-0.4 * d**-0.25 for d, _, s in rows]
    columns = zip(*rows, strict=True)
    names = ("model.blocks", "task.temperature", "seed")
    data = xr.Dataset(
        {"eval_loss": (("member", "step"), loss), "tau": (("member", "step"), [tau_R] * len(rows))},
        {"step": step, **{n: ("member", list(c)) for n, c in zip(names, columns, strict=True)}},
    )
    return Study("tower", config(), [], data)


def test_the_planted_exponent_of_depth_is_found_at_every_temperature():
    (claim,) = file("tower").claims
    found = claim.measure(planted())
    np.testing.assert_allclose((found.value, found.low, found.high), 0.25, rtol=1e-6)
    (table,) = (make(planted()) for make in file("tower").tables)
    assert [row[1] for row in table.rows] == pytest.approx([0.25, 0.25], rel=1e-6)


def test_one_depth_has_no_exponent_of_depth_but_its_table():
    (claim,) = file("tower").claims
    with pytest.raises(NotMeasurable, match="students of one depth only"):
        claim.measure(planted(depths=(2,)))
    (table,) = (make(planted(depths=(2,))) for make in file("tower").tables)
    assert table.rows[0][1] is None

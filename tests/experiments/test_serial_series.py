"""Claims of what computes in series, roll-outs and steps of denoising, planted."""

import numpy as np
import pytest
from planted_serial import file, results, study

from experiments.serial import build
from jaxlab.report.figures import house_style
from jaxlab.tasks.serial import automata

DIFFUSION, GATES, SCRATCHPAD = file("diffusion"), file("gates"), file("scratchpad")
TABLE_W = automata.truth_table(110, 4)


def test_what_steps_of_denoising_add_is_measured():
    def cell(target, depth, added):
        vote = automata.ceiling(TABLE_W, depth)
        one = automata.sampled_accuracy(TABLE_W, depth)
        metrics = {f"eval_vote_{S}": vote for S in (1, 4, 64)} | {"eval_vote_16": vote + added}
        metrics |= {f"eval_one_{S}": one for S in (1, 4, 16, 64)} | {"eval_accuracy": vote}
        return {"model.target": target, "model.depth": depth}, metrics

    config = build.config("automaton", "diffusion")
    config.denoised, config.draws = (1, 4, 16, 64), 9
    cells = [(target, depth) for target in ("center", "row") for depth in (1, 2, 4)]
    planted = study(config, [cell(*own, 0.1 * (own == ("row", 2))) for own in cells])
    found = results(DIFFUSION, planted)
    assert found["diffusion_row_steps"].estimate.value == pytest.approx(0.1)
    assert (
        "D = 2; 1, 4, 16, 64 steps, a factor of 64" in found["diffusion_row_steps"].estimate.detail
    )
    others = ("center_steps", "center_draws", "row_draws")
    assert [found[f"diffusion_{name}"].estimate.value for name in others] == pytest.approx([0] * 3)
    assert found["diffusion_depth"].estimate.value == 1
    assert found["diffusion_one"].estimate.value == pytest.approx(0)
    with house_style():
        assert DIFFUSION.figures[0](planted).name == "diffusion"
    assert len(DIFFUSION.tables[0](planted).rows) == 24


def test_a_roll_out_is_as_good_as_its_worst_number_of_steps():
    config = build.config("automaton", "scratchpad")
    config.rolled, config.model.depth = (1, 4, 64, 256), 1
    rows = {1: 1.0, 4: 1.0, 64: 0.9, 256: 0.1}
    written = {f"eval_row_accuracy_{T}": right for T, right in rows.items()}
    written |= {f"eval_accuracy_{T}": right for T, right in rows.items()}
    known = automata.ceiling(TABLE_W, 1)
    planted = study(
        config,
        [
            ({"model.name": "scratchpad", "task.time": 1}, written | {"eval_accuracy": 1.0}),
            ({"model.name": "local", "task.time": 4}, {"eval_accuracy": known + 0.02}),
        ],
    )
    found = results(SCRATCHPAD, planted)
    assert found["scratchpad_rows"].estimate.value == 0.9
    assert found["scratchpad_direct"].estimate.value == pytest.approx(0.02)
    with house_style():
        assert SCRATCHPAD.figures[0](planted).name == "scratchpad"


def test_gates_of_two_inputs_are_given_one_layer_more():
    table_W = automata.truth_table(110, 2)
    cells = [
        (
            {"task.rule": 110, "task.time": 2, "model.depth": depth, "model.width": width},
            {"eval_accuracy": 1.0 if depth >= 4 else automata.ceiling(table_W, 1)},
        )
        for depth in (1, 2, 4)
        for width in (32, 256)
    ]
    xor = {"task.rule": 90, "task.time": 2, "model.width": 256}
    cells += [
        (xor | {"model.depth": depth}, {"eval_accuracy": 1.0 if depth == 4 else 0.55})
        for depth in (1, 4)
    ]
    planted = study(build.config("automaton", "gates"), cells)
    found = results(GATES, planted)
    assert found["gates_reached"].estimate.value == 1.0
    assert found["gates_ceiling"].estimate.value == pytest.approx(0)
    assert found["gates_width"].estimate.value == 0
    assert found["gates_90_reached"].estimate.value == 1.0
    assert found["gates_90_ceiling"].estimate.value == pytest.approx(0.05)
    with house_style():
        assert GATES.figures[0](planted).name == "gates"
    shallow = results(GATES, study(build.config("automaton", "gates"), cells[:2]))
    assert "no such cell of 256 gates" in shallow["gates_reached"].reason
    assert np.isfinite(shallow["gates_ceiling"].estimate.value)

"""Claims of the studies whose tasks move: discs that meet, and walks up a circuit."""

import dataclasses

import pytest
from planted_serial import study

from experiments.serial import build, tasks
from experiments.serial.studies import discs
from jaxlab.report.expected import Unmeasured
from jaxlab.report.figures import house_style


def disc_study(single=lambda depth: 1.0):
    """Layers add 20 points to discs that collide and 5 to those that pass; width adds 3."""

    def cell(balls, collide, depth, width):
        if balls == 1:
            right = single(depth)
        else:
            right = (0.6 if collide else 0.9) + (0.2 if collide else 0.05) * (depth == 8)
        values = {"task.balls": balls, "task.collide": collide, "model.depth": depth}
        return values | {"model.width": width}, {"eval_accuracy": right + 0.03 * (width == 64)}

    config = build.config("balls", "mixer")
    config.base_width, config.wider = 16, 4
    shapes = [(depth, 16) for depth in (1, 2, 4, 8)] + [(1, 64)]
    kinds = ((5, True), (5, False), (1, False))
    return study(config, [cell(*kind, *shape) for kind in kinds for shape in shapes])


def test_what_layers_add_is_set_beside_width_and_beside_the_controls(monkeypatch):
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: 0.7)
    planted = disc_study()
    found = {name: part.interval.value for name, part in discs.measure(planted).items()}
    assert found == pytest.approx(
        {
            "discs_gain": 20,
            "discs_over_passing": 15,
            "discs_over_single": 20,
            "discs_over_width": 17,
            "discs_width": 3,
            "discs_met": 10,
            "discs_control": 1,
        }
    )
    with house_style():
        assert len(discs.figures(planted)) == 1
    assert len(discs.tables(planted)[0].rows) == 15


def test_a_single_disc_is_solved_at_a_depth_or_at_none(monkeypatch):
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: 0.7)
    late = discs.measure(disc_study(lambda depth: 0.98 if depth >= 4 else 0.9))
    assert late["discs_control"].interval.value == 4
    never = discs.measure(disc_study(lambda depth: 0.9))
    assert isinstance(never["discs_control"], Unmeasured)
    assert "0.900" in never["discs_control"].reason


def test_the_answer_without_collisions_is_right_for_discs_that_never_meet():
    config = build.config("balls", "mixer")
    task = tasks.make(config)
    assert 0.25 < discs.passing_accuracy(task, 256) < 1
    assert discs.passing_accuracy(dataclasses.replace(task, balls=1), 256) == 1

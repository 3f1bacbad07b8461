"""Claims of the study of discs that collide, on studies whose answers are planted."""

import dataclasses

import numpy as np
import pytest
from planted_serial import file, results, study

from experiments.serial import build, tasks
from experiments.serial.studies import discs
from jaxlab.analysis.estimate import NotMeasurable
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

DISCS = file("discs")
RIGHT = {"passing": 0.95, "single": 0.99}
# Each original prediction with what replaced it after pilots.
REPLACED = {
    "discs_width_adds_little": "discs_width",
    "discs_layers_over_width": "discs_over_width",
    "discs_grows_with_collisions": "discs_grows",
    "discs_layers_over_passing": "discs_met",
}


def disc_study(deep=lambda met: 0.04 + 0.05 * met):
    """Layers add `deep` to discs that have met so often; width adds 3 points."""

    def cell(kind, depth, width, rate):
        balls, collide = discs.KINDS[kind]
        more = 0.03 * (width == 48) if rate == 3e-3 else 0.4
        values = {"task.balls": balls, "task.collide": collide, "model.depth": depth}
        values |= {"model.width": width, "optimizer.learning_rate": rate}
        metrics = {"loss": abs(np.log(rate / 3e-3))}
        if kind != "colliding":
            return values, metrics | {"eval_accuracy": RIGHT[kind] + more}
        right_K = [0.6 + more + deep(met) * (depth == 8) for met in discs.NUMBERS]
        for met, right in zip(discs.NUMBERS, right_K, strict=True):
            metrics[f"eval_asked_collisions_{met}"] = 0.2
            metrics[f"eval_right_collisions_{met}"] = 0.2 * right
        return values, metrics | {"eval_accuracy": np.mean(right_K)}

    config = build.config("balls", "mixer")
    config.model.count = 1
    shapes = [(1, 16), (8, 16), (1, 48)]
    cells = [("single", 1, 16), ("passing", 1, 16), *(("colliding", *shape) for shape in shapes)]
    planted = study(config, [cell(*own, rate) for own in cells for rate in (3e-3, 0.1)])
    return dataclasses.replace(planted, config=planted.runs[0].config)  # one disc


def test_what_layers_add_is_set_beside_width_and_beside_the_controls(monkeypatch):
    asked = []
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: asked.append(task) or 0.7)
    planted = disc_study()
    found = results(DISCS, planted)
    added = 100 * np.mean([0.04, 0.09, 0.14, 0.19])
    originals = {
        "discs_depth": added,
        "discs_width_adds_little": 3,
        "discs_layers_over_width": added - 3,
        "discs_grows_with_collisions": 15,
        "discs_layers_over_passing": 60 + added - 70,
        "discs_passing": 0.95,
        "discs_single": 0.99,
    }
    replaced = {after: originals[before] for before, after in REPLACED.items()}
    assert {name: result.estimate.value for name, result in found.items()} == pytest.approx(
        originals | replaced
    )
    with house_style():
        DISCS.figures[0](planted)
    assert {(task.balls, task.collide) for task in asked} == {(3, True)}
    every, by_row = (table(planted) for table in DISCS.tables[:2])
    assert len(every.rows) == 10
    assert by_row.rows[1][:2] == ["depth", 8]
    assert by_row.rows[1][2:] == pytest.approx([64, 69, 74, 79])


def test_collisions_that_are_learned_support_the_originals_and_not_what_replaced_them(monkeypatch):
    monkeypatch.setattr(discs, "passing_accuracy", lambda task: 0.6)
    learned = results(DISCS, disc_study())
    for before, after in REPLACED.items():
        assert learned[before].verdict == Verdict.SUPPORTED
        assert learned[after].verdict == Verdict.NOT_SUPPORTED
    alike = results(DISCS, disc_study(lambda met: 0.0))  # width has 3 points more than layers
    assert alike["discs_grows_with_collisions"].estimate.value == pytest.approx(0)
    for before in ("discs_depth", "discs_layers_over_width", "discs_grows_with_collisions"):
        assert alike[before].verdict == Verdict.NOT_SUPPORTED


def test_claims_that_were_set_after_pilots_say_so_and_are_of_the_steps_that_were_piloted():
    claims = {claim.id: claim for claim in DISCS.claims}
    for before, after in REPLACED.items():
        assert claims[after].sentence.startswith("Set after pilots had been seen, and replaced")
        assert "train.steps" in set(claims[before].free) - set(claims[after].free)


def test_discs_that_never_collide_have_no_answer_without_collisions():
    planted = disc_study()
    with pytest.raises(NotMeasurable, match="no discs that collide"):
        discs.colliding(dataclasses.replace(planted, runs=planted.runs[:4]))


def test_the_answer_without_collisions_is_right_for_discs_that_never_meet():
    config = build.config("balls", "mixer")
    task = tasks.make(config)
    assert 0.25 < discs.passing_accuracy(task, 256) < 1
    assert discs.passing_accuracy(dataclasses.replace(task, balls=1), 256) == 1

"""Claims of the studies of loops on studies whose prefixes are planted loop by loop."""

import pytest
from planted_serial import file, results, study

from experiments.serial import build
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

LOOPS, FRONTIER = file("loops"), file("frontier")


def read(prefix_of, trained):
    """Returns the metrics of a model of 8 positions with the prefix `prefix_of(loop)`."""
    loops = {
        f"eval_loop_{loop}_letter_{n}": float(n <= prefix_of(loop))
        for loop in range(1, 17)
        for n in range(1, 9)
    }
    own = {f"eval_accuracy_letter_{n}": float(n <= prefix_of(trained)) for n in range(1, 9)}
    return own | loops | {"eval_accuracy": trained / 8}


def loops_study(prefix_of, wide=1):
    config = build.config("words", "looped")
    config.task.group, config.task.length, config.unrolled = "S3", 8, 16
    cells = [
        ({"model.loops": n, "model.width": 64}, read(lambda loop, n=n: prefix_of(loop, n), n))
        for n in (1, 2, 4, 8)
    ]
    cells.append(({"model.loops": 1, "model.width": 184}, read(lambda loop: wide, 1)))
    return study(config, cells)


def test_the_prefix_of_loops_grows_as_planted():
    planted = loops_study(lambda loop, trained: min(loop * 8 // trained, 8))
    found = results(LOOPS, planted)
    values = {name: result.estimate.value for name, result in found.items()}
    assert values == pytest.approx(
        {
            "loops_gain": 0,  # one loop has the whole sequence too
            "loops_whole": 0,
            "loops_wide": 7,
            "loops_frontier": 1,
            "loops_half": 2,
        }
    )
    assert "8 elements after 8 loops, 8 after 16" in found["loops_frontier"].estimate.detail
    assert found["loops_gain"].verdict == Verdict.NOT_SUPPORTED
    assert {r.verdict for name, r in found.items() if name != "loops_gain"} == {Verdict.SUPPORTED}
    with house_style():
        LOOPS.figures[0](planted)
    assert [row[1] for row in LOOPS.tables[0](planted).rows] == [1, 2, 4, 8, 1]


def test_loops_that_add_nothing_and_width_that_does_are_seen():
    found = results(LOOPS, loops_study(lambda loop, trained: 3, wide=8))
    assert {result.verdict for result in found.values()} == {Verdict.NOT_SUPPORTED}
    assert found["loops_wide"].estimate.value == -5


def frontier_study(cells):
    config = build.config("growing_words", "looped")
    config.task.group, config.task.length, config.unrolled = "S3", 8, 16
    config.model.injected, config.staged_loops = True, True
    return study(
        config,
        [
            ({"model.loops": n, "staged_loops": staged}, read(prefix_of, n))
            for (n, staged), prefix_of in cells.items()
        ],
    )


CELLS = {
    (1, True): lambda loop: loop,
    (4, True): lambda loop: 2 * loop,
    (8, True): lambda loop: min(loop, 17 - loop),
    (8, False): lambda loop: 3,
}


def test_a_prefix_that_is_taught_grows_as_planted():
    planted = frontier_study(CELLS)
    found = results(FRONTIER, planted)
    values = {name: result.estimate.value for name, result in found.items()}
    assert values == pytest.approx(
        {
            "frontier_slope": 1,
            "frontier_whole": 0,
            "frontier_past": 7,  # 8 elements after 8 loops, 1 after 16
            "frontier_half": 2,
            "frontier_line": 0,
            "frontier_fixed": 5,
            "frontier_untrained": 7,
        }
    )
    failed = {name for name, result in found.items() if result.verdict != Verdict.SUPPORTED}
    assert failed == {"frontier_past", "frontier_untrained"}
    assert all(found[name].verdict == Verdict.NOT_SUPPORTED for name in failed)
    with house_style():
        FRONTIER.figures[0](planted)
    rows = FRONTIER.tables[0](planted).rows
    assert [(row[0], row[1], row[2]) for row in rows] == [
        (1, True, 1),
        (4, True, 8),
        (8, False, 3),
        (8, True, 8),
    ]


def test_a_block_that_has_not_learned_or_is_read_too_soon_is_not_measured():
    found = results(FRONTIER, frontier_study(CELLS | {(8, True): lambda loop: 0}))
    assert "not learned its first element" in found["frontier_line"].reason
    assert found["frontier_whole"].estimate.value == 8
    planted = frontier_study(CELLS)
    planted.config.unrolled = 8
    assert "after 8 loops, not after 16" in results(FRONTIER, planted)["frontier_past"].reason

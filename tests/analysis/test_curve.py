"""Curves come out of a CSV file as they went in, or with the line that is wrong."""

import numpy as np
import pytest

from jaxlab.analysis.curve import read_curves

ROWS = [(1.0, 5.0, 4.0), (2.0, 4.0, 3.0), (4.0, 3.0, 2.5), (8.0, 2.5, 2.0), (16.0, 2.0, 1.5)]


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "curve.csv"
        path.write_text(text)
        return path

    return write


def table(header, rows):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_columns_are_curves_that_share_a_clock(write):
    path = write(table("\ufefftau, a ,b", ROWS))  # as spreadsheets write it
    curves = read_curves(path, time="tau", losses=["b", "a"])
    np.testing.assert_array_equal(curves.loss, np.array(ROWS).T[[2, 1]])
    np.testing.assert_array_equal(curves.time, np.array(ROWS)[:, 0] * np.ones((2, 1)))
    assert curves.names == ("b", "a")


def test_a_seed_column_splits_the_rows(write):
    rows = [(seed, t, loss + seed) for t, loss, _ in ROWS for seed in (3, 0)]
    curves = read_curves(write(table("seed,tau,loss", rows)), time="tau", losses=["loss"])
    assert curves.names == ("seed 3", "seed 0")
    np.testing.assert_array_equal(curves.loss[0] - curves.loss[1], np.full(5, 3.0))
    np.testing.assert_array_equal(curves.time[1], np.array(ROWS)[:, 0])


@pytest.mark.parametrize(
    ("text", "losses", "message"),
    [
        (table("tau,a,b", ROWS), ["c"], "no column 'c'; it has: tau, a, b"),
        (table("step,a,b", ROWS), ["a"], "no column 'tau'; it has: step, a, b"),
        (table("tau,a,b", [*ROWS, (32, "nan", 1)]), ["a"], "line 7: a is 'nan'"),
        (table("tau,a,b", [*ROWS, (32, "oops", 1)]), ["a"], "line 7: a is 'oops'"),
        (table("tau,a,b", [*ROWS, (32, 1)]), ["b"], "line 7: b is None"),
        (table("tau,a,b", [*ROWS, ("", 1, 1)]), ["b"], "line 7: tau is ''"),
        (table("tau,a,b", ROWS[:4]), ["a"], "has 4 points; a fit needs at least 5"),
        ("tau,loss\n", ["loss"], "has 0 points"),
        ("", ["loss"], "is empty"),
        (table("tau,a,seed", [*ROWS, (1, 5, 2)]), ["a"], "has 1 points for seed 4.0"),
        (
            table("tau,a,seed", [(t, a, s) for t, a, _ in ROWS for s in (0, 1)] + [(32, 1, 0)]),
            ["a"],
            "equally many rows, but have {'0': 6, '1': 5}",
        ),
        (table("tau,a,seed", ROWS), ["a", "tau"], "give one loss column, not 2"),
    ],
)
def test_bad_files_get_one_clear_error(write, text, losses, message):
    with pytest.raises(ValueError, match=r"curve\.csv") as error:
        read_curves(write(text), time="tau", losses=losses)
    assert message in str(error.value)


def test_a_binary_file_is_refused_by_name(tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    with pytest.raises(ValueError, match=r"figure\.png is not a CSV file"):
        read_curves(path, time="tau", losses=["loss"])

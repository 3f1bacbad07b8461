"""The numbers that a reader downloads are those that the figure shows."""

import numpy as np
import pytest

from jaxlab.report import plots
from jaxlab.report.figure_data import MOST_ROWS, figure_data
from jaxlab.report.figures import house_style, panels


@pytest.fixture(autouse=True)
def _style():
    with house_style():
        yield


@pytest.fixture
def ax():
    _, (ax,) = panels()
    return ax


def rows_of(ax, series):
    return [row[2:] for row in figure_data(ax.figure).rows if row[1] == series]


def test_curves_are_there_by_the_names_of_the_legend(ax):
    loss = [[4.0, 2.0, np.nan], [3.0, 2.5, 2.0]]
    plots.loglog_curves(ax, [1, 10, 100], loss, labels=["SGD", "Adam"])
    ax.axvline(5.0)  # a guide of the axes is no datum
    assert rows_of(ax, "SGD") == [[1, 4, None], [10, 2, None]]
    assert rows_of(ax, "Adam") == [[1, 3, None], [10, 2.5, None], [100, 2, None]]


def test_intervals_are_there_beside_their_values(ax):
    plots.interval_plot(ax, [1, 2], [0.3, 0.4], [0.2, np.nan], [0.5, np.nan], label="Adam")
    assert rows_of(ax, "Adam, interval") == [[1, 0.2, None], [1, 0.5, None]]
    assert rows_of(ax, "Adam, without interval") == [[2, 0.4, None]]
    assert [1, 0.3, None] in rows_of(ax, "Adam")


def test_a_map_names_its_cells_by_the_swept_values(ax):
    plots.heatmap(ax, [[0.1, np.nan], [0.3, 0.4]], x=[1e-3, 1e-2], y=[0.5, 1])
    rows = rows_of(ax, "series 1")
    assert [row[:2] for row in rows] == [
        *(["0.001", "0.5"], ["0.01", "0.5"], ["0.001", "1"], ["0.01", "1"])
    ]
    assert [row[2] for row in rows] == pytest.approx([0.1, np.nan, 0.3, 0.4], nan_ok=True)
    assert len(figure_data(ax.figure).rows) == 4  # the colour bar has no data


def test_bands_bars_and_points_are_there():
    _, (left, right) = panels(1, 2)
    left.set(title="left", ylabel="loss")
    left.bar([1, 2], [3.0, 4.0], label="bars")
    right.scatter([1, 2], [5.0, 6.0], label="points")
    plots.local_exponent_plot(right, [1.0, 10.0], [[0.3, 0.4], [0.2, 0.5]], label="SGD")
    table = figure_data(left.figure)
    assert {(row[0], row[1]) for row in table.rows} == {
        *(("left", "bars"), ("panel 2", "points"), ("panel 2", "SGD"), ("panel 2", "SGD, range"))
    }
    assert [row[2:4] for row in table.rows if row[1] == "bars"] == [[1, 3], [2, 4]]
    assert [row[2:4] for row in table.rows if row[1] == "points"] == [[1, 5], [2, 6]]


def test_what_is_large_is_thinned_and_says_so(ax):
    time = np.arange(1.0, 8001)
    plots.loglog_curves(ax, time, np.stack([1 / time, 2 / time]), labels=["a", "b"])
    table = figure_data(ax.figure)
    assert len(table.rows) <= MOST_ROWS
    assert {row[1] for row in table.rows} == {"a", "b"}
    assert "every 4th point" in table.caption


def test_segments_without_a_number_are_left_out(ax):
    ax.vlines([1.0, 2.0], [0.0, np.nan], [1.0, np.nan], label="some")
    ax.vlines([1.0], [np.nan], [np.nan], label="none")
    assert figure_data(ax.figure).rows == [["panel 1", "some", 1.0, y, None] for y in (0.0, 1.0)]


def test_nothing_drawn_is_an_empty_table(ax):
    assert figure_data(ax.figure).rows == []

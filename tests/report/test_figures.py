import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure as MatplotlibFigure

from jaxlab.report import legends, plots
from jaxlab.report.figures import CATEGORY_COLOURS, Figure, house_style, panels, save_figures

TIME = np.geomspace(0.4, 162, 40)
LOSS = 0.86 * TIME**-0.337


@pytest.fixture(autouse=True)
def _style():
    with house_style():
        yield


@pytest.fixture
def ax():
    """Axes that must also survive being rendered, when the test is done with them."""
    figure, (ax,) = panels()
    yield ax
    assert Figure("rendered", "", "", figure).svg.startswith(b"<?xml")


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_curves_by_value_have_a_colour_bar_and_the_values_colours(ax):
    plots.loglog_curves(
        ax,
        TIME,
        np.stack([LOSS, 2 * LOSS, 4 * LOSS]),
        values=[1e-3, 1e-1, 1e-2],
        value_label="rate",
    )
    colours = [line.get_color() for line in ax.lines]
    assert ax.figure.axes[1].get_ylabel() == "rate"
    greens = [colour[1] for colour in colours]  # viridis grows greener with the value
    assert np.argsort(greens).tolist() == [0, 2, 1]
    assert ax.get_xscale() == ax.get_yscale() == "log"


def test_seeds_of_a_category_share_colour_and_legend_entry(ax):
    plots.loglog_curves(ax, TIME, np.stack([LOSS] * 4), labels=["SGD", "Adam", "SGD", "Adam"])
    assert legend_texts(ax) == ["SGD", "Adam"]
    first, second, third, _ = (line.get_color() for line in ax.lines)
    assert first == third != second


def test_a_diverged_member_is_crossed_where_it_stopped(ax):
    diverged = LOSS.copy()
    diverged[25:] = np.nan
    dead_from_the_start = np.full_like(LOSS, np.nan)
    plots.loglog_curves(
        ax, TIME, np.stack([LOSS, diverged, dead_from_the_start]), labels=["a", "b", "c"]
    )
    (cross,) = [line for line in ax.lines if line.get_marker() == "X"]
    assert cross.get_xydata().tolist() == [[TIME[24], LOSS[24]]]


def test_points_that_a_logarithm_cannot_show_are_left_out(ax):
    time, loss = TIME.copy(), LOSS.copy()
    time[0], loss[7] = 0.0, -1.0
    plots.loglog_curves(ax, time, loss[None], values=[0.0], log_values=False)
    (line,) = ax.lines
    assert line.get_xdata().size == TIME.size - 2


def test_hundreds_of_curves_do_not_bloat_the_page():
    figure, (ax,) = panels()
    noise = np.random.default_rng(0).normal(size=(200, 400))
    plots.loglog_curves(ax, np.arange(1, 401), np.exp(noise), values=np.arange(1, 201))
    assert len(Figure("many", "", "", figure).svg) < 1_000_000  # 2 MB as vectors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of them"),
        ({"labels": ["a", "b"], "values": [1, 2]}, "give one of them"),
        ({"labels": ["a"]}, "2 curves, but 1"),
        ({"values": [1.0, 0.0]}, "0 to 1 has no logarithmic colour scale"),
        ({"values": [1.0, np.nan], "log_values": False}, "no linear colour scale"),
    ],
)
def test_curves_that_cannot_be_coloured_are_refused(ax, options, message):
    with pytest.raises(ValueError, match=message):
        plots.loglog_curves(ax, TIME, np.stack([LOSS, LOSS]), **options)


def test_more_categories_than_colours_are_refused(ax):
    many = len(CATEGORY_COLOURS) + 1
    with pytest.raises(ValueError, match="colour the curves by values"):
        plots.loglog_curves(ax, TIME, np.stack([LOSS] * many), labels=[str(i) for i in range(many)])


def test_power_law_line_lies_on_the_law_and_names_its_slope(ax):
    plots.loglog_curves(ax, TIME, LOSS[None], labels=["loss"])
    plots.power_law_line(ax, 0.337, 0.86, (4, 162), interval=(0.329, 0.345))
    time, loss = ax.lines[-1].get_data()
    assert time[[0, -1]] == pytest.approx([4, 162])
    assert loss == pytest.approx(0.86 * time**-0.337)
    assert legend_texts(ax) == ["loss", "slope −0.337 [−0.345, −0.329]"]


def test_power_law_line_with_a_floor_bends_and_says_so(ax):
    plots.power_law_line(ax, 0.5, 2.0, (1, 1e12), floor=0.25, name="text")
    assert ax.lines[-1].get_ydata()[[0, -1]] == pytest.approx([2.25, 0.25], rel=1e-5)
    assert legend_texts(ax) == ["text: slope −0.5\nabove a floor of 0.25"]


def test_reference_slope_passes_through_its_point_and_moves_no_limits(ax):
    plots.loglog_curves(ax, TIME, LOSS[None], labels=["loss"])
    limits = ax.get_xlim(), ax.get_ylim()
    plots.reference_slope(ax, 1 / 3, (4, 0.5), label="1/3")
    plots.loglog_curves(ax, TIME, LOSS[None], labels=["loss"])
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    (guide,) = [line for line in ax.lines if line.get_label() == "1/3"]
    log_time, log_loss = np.log(guide.get_data())
    slope = np.diff(log_loss) / np.diff(log_time)
    assert slope == pytest.approx(-1 / 3)
    assert log_loss[0] + slope * (np.log(4) - log_time[0]) == pytest.approx(np.log(0.5))


def test_heatmap_marks_numbers_intervals_divergence_and_agreement(ax):
    values = np.array([[0.337, 0.5, np.nan], [np.nan, 0.2, 0.334]])
    halves = np.array([[0.005, 0.3, np.nan], [np.nan, np.nan, 0.002]])
    x, y = [1e-3, 1e-2, 1e-1], [0.1, 1.0]
    ends = {"lows_YxX": values - halves, "highs_YxX": values + halves}
    plots.heatmap(ax, values, x, y, centre=1 / 3, band=(0.32, 0.35), **ends)
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts[0, 0] == "0.337\n±0.005"
    assert texts[1, 1] == "0.200"  # a value without an interval
    assert texts[2, 0] == texts[0, 1] == "×"
    assert {patch.get_xy() for patch in ax.patches if patch.get_hatch()} == {
        (1.5, -0.5),
        (-0.5, 0.5),
    }
    framed = {patch.get_xy() for patch in ax.patches if not patch.get_hatch()}
    assert framed == {(-0.5, -0.5), (1.5, 0.5)}
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.001", "0.01", "0.1"]


@pytest.mark.parametrize("values", [np.full((2, 2), np.nan), np.full((2, 2), 1 / 3)])
@pytest.mark.parametrize("centre", [None, 1 / 3])
def test_heatmap_of_one_colour(ax, values, centre):
    plots.heatmap(ax, values, [1, 2], [1, 2], centre=centre)
    assert len(ax.texts) == 4


def test_heatmap_refuses_a_transposed_grid(ax):
    with pytest.raises(ValueError, match=r"\(2, 3\) cells, but \(y, x\) are \(3, 2\)"):
        plots.heatmap(ax, np.ones((2, 3)), x=[1, 2], y=[1, 2, 3])


def test_interval_plot_draws_every_kind_of_point_and_the_band(ax):
    ax.set_xscale("log")
    x, values = [1, 10, 100], [0.33, 0.4, np.nan]
    lows, highs = [0.3, np.nan, np.nan], [0.35, np.nan, np.nan]
    plots.interval_plot(ax, x, values, lows, highs, expected=(0.2, np.inf), label="Adam")
    assert legend_texts(ax) == ["expected ≥ 0.2", "Adam"]
    (bars,) = ax.collections
    assert [segment.tolist() for segment in bars.get_segments()] == [[[1, 0.3], [1, 0.35]]]
    _, bounded, unbounded, absent = ax.lines
    assert bounded.get_xdata().tolist() == [1]
    assert unbounded.get_xdata().tolist() == [10]
    assert absent.get_xydata().tolist() == [[100, 0]]
    low, high = ax.get_ylim()
    assert 0.1 < low < 0.2  # the finite end of the band is in view
    assert high < 1  # and the open end does not stretch the axes


def test_local_exponents_show_mean_and_range_of_the_seeds_that_are_left(ax):
    exponent_SxW = np.array([[0.30, 0.32, np.nan], [0.34, np.nan, np.nan]])
    plots.local_exponent_plot(
        ax, [1, 10, 100], exponent_SxW, label="SGD", reference=1 / 3, reference_label="1/3"
    )
    assert ax.lines[0].get_ydata() == pytest.approx([0.32, 0.32, np.nan], nan_ok=True)
    band = ax.collections[0].get_datalim(ax.transData)
    assert (band.y0, band.y1) == pytest.approx((0.30, 0.34))
    assert legend_texts(ax) == ["SGD", "1/3"]


def draw(scale=1.0) -> MatplotlibFigure:
    figure, (left, right) = panels(columns=2)
    plots.loglog_curves(left, TIME, scale * LOSS[None], values=[0.1])
    plots.heatmap(right, np.array([[np.nan, 1.0]]), [1, 2], [1])
    return figure


def test_bytes_change_with_the_data_only(tmp_path):
    def save(directory, scale):
        paths = save_figures(tmp_path / directory, [Figure("a", "A", "…", draw(scale))])
        assert [path.name for path in paths] == ["a.png", "a.svg"]
        return [path.read_bytes() for path in paths]

    first, again, other = save("first", 1.0), save("again", 1.0), save("other", 1.3)
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))
    assert first[0].startswith(b"\x89PNG")


def test_figures_are_not_left_open(tmp_path):
    from matplotlib import pyplot

    save_figures(tmp_path, [Figure("a", "A", "…", draw())])
    assert pyplot.get_fignums() == []


def test_text_is_never_below_nine_points(ax):
    plots.heatmap(ax, np.ones((8, 12)), range(12), range(8))
    ax.set(xlabel="x", ylabel="y", title="title")
    sizes = [
        text.get_fontsize() for text in ax.figure.findobj(lambda a: hasattr(a, "get_fontsize"))
    ]
    assert len(sizes) > 96
    assert min(sizes) >= 9


def test_bad_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match="figure name"):
        Figure("../a", "", "", draw())
    with pytest.raises(ValueError, match="unique"):
        save_figures(tmp_path, [Figure("a", "", "", draw()), Figure("a", "", "", draw())])


def overlap(one, other) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1


def test_legends_cover_neither_data_nor_title_and_leave_the_axes_their_size():
    figure, axes = panels(1, 2)
    labels = ["a", "a label of many words that is wider than a panel of two, so that it is broken"]
    labels += [f"condition {i}" for i in range(5)]
    for ax in axes:
        plots.loglog_curves(ax, TIME, np.stack([LOSS] * 7), labels=labels)
        ax.set(title="title", xlabel="time")
    figure.draw_without_rendering()
    before = axes[0].get_window_extent()
    legends.arrange(figure)
    figure.draw_without_rendering()
    assert axes[0].get_window_extent().height == pytest.approx(before.height, rel=0.05)
    assert axes[0].get_window_extent().width == pytest.approx(before.width, rel=0.05)
    for ax in axes:
        own, title = ax.get_legend().get_window_extent(), ax._left_title.get_window_extent()
        assert not overlap(own, ax.get_window_extent())
        assert not overlap(own, title)
        assert ax.get_title(loc="left") == "title"
        assert title.y1 <= figure.get_window_extent().y1
    one, other = (ax.get_legend().get_window_extent() for ax in axes)
    assert not overlap(one, other)


def test_a_legend_takes_the_columns_that_fit(ax):
    plots.loglog_curves(ax, TIME, np.stack([LOSS] * 4), labels=["a", "b", "c", "d"])
    legends.arrange(ax.figure)
    rows = {text.get_window_extent().y0 for text in ax.get_legend().get_texts()}
    assert len(rows) == 1


def test_the_legend_of_a_figure_is_no_wider_than_it():
    figure, axes = panels(1, 2)
    for ax, sign in zip(axes, "xy", strict=True):
        labels = [f"a condition that has a long name, {sign}{i}" for i in range(4)]
        plots.loglog_curves(ax, TIME, np.stack([LOSS] * 4), labels=labels)
        ax.get_legend().remove()
    plots.shared_legend(axes)
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 8
    assert legend.get_window_extent().width <= figure.get_window_extent().width


def test_alternative_text_is_the_title_and_what_the_caption_says_first():
    figure, _ = panels()
    named = Figure("a", "Loss", "Rate 0.1 falls, see [1, 2]. Seeds: 5. More.", figure)
    assert named.alt == "Loss. Rate 0.1 falls, see [1, 2]."


def test_modules_that_files_of_studies_import_are_light():
    names = ("plots", "figures", "forest", "page", "claims", "legends")
    script = f"import sys; from jaxlab.report import {', '.join(names)}; print(*sys.modules)"
    line = [sys.executable, "-c", script]
    loaded = subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()
    heavy = {"matplotlib", "scipy.stats", "xarray", "pandas", "jinja2", "jax", "rich"}
    assert not heavy & set(loaded)

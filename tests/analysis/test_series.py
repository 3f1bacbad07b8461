"""Tables that grow, and planted laws that come back from them."""

import math

import numpy as np
import pytest

from jaxlab.analysis.series import append, effective_beta, fit_series, mean_curve, read_table
from jaxlab.analysis.theory import entropy_beta
from tests.analysis.planted_series import row


def planted():
    """Three seeds whose loss falls to 1 as τ^-1/3 and whose scale grows as τ^1/4."""
    seeds, steps = range(3), np.unique(np.geomspace(1, 2000, 30).astype(int)).tolist()
    noise = np.random.default_rng(0).normal(0, 1e-3, (3, len(steps)))
    return [
        row(
            member=seed,
            step=step,
            tau=step * 0.01,
            loss=1 + step ** (-1 / 3) * np.exp(noise[seed, i]),
            logit_std=step**0.25,
        )
        for seed in seeds
        for i, step in enumerate(steps)
    ]


def test_planted_exponents_come_back_on_both_clocks():
    fits = {(fit.quantity, fit.clock): fit for fit in fit_series(planted(), (0.01, 1.0))}
    assert len(fits) == 6
    for clock in ("tau", "step"):
        assert fits["loss", clock].low < 1 / 3 < fits["loss", clock].high
        assert fits["loss", clock].exponent == pytest.approx(1 / 3, abs=0.02)
        assert fits["logit_std", clock].exponent == pytest.approx(0.25)
        assert fits["loss", clock].members == 3
    unknown = fit_series([r._replace(tau=math.nan) for r in planted()], (0.01, 1.0))
    assert {fit.clock for fit in unknown} == {"step"}
    (few, *_) = fit_series(planted()[:4], (0.01, 1.0))
    assert math.isnan(few.exponent)
    assert "points" in few.note
    clock, time_R, scale_R = mean_curve(planted(), "run", "logit_std")
    np.testing.assert_allclose(scale_R, (time_R / 0.01) ** 0.25)
    assert clock == "tau"


def test_numbers_outside_the_window_and_diverged_members_cost_no_fit():
    rows = [r._replace(loss=math.nan) if r.step == 1 else r for r in planted()]
    rows = [r._replace(loss=math.nan) if (r.member, r.step) == (1, 2000) else r for r in rows]
    loss = next(fit for fit in fit_series(rows, (0.01, 1.0)) if fit.quantity == "loss")
    assert loss.exponent == pytest.approx(1 / 3, abs=0.02)
    assert (loss.members, "members [1]" in loss.note) == (2, True)
    rows = [r._replace(loss=math.nan) if r.step == 2000 else r for r in planted()]
    loss = next(fit for fit in fit_series(rows, (0.01, 1.0)) if fit.quantity == "loss")
    assert math.isnan(loss.exponent)
    assert "[0, 1, 2]" in loss.note


def test_a_table_goes_on_after_a_row_that_was_cut(tmp_path):
    path = tmp_path / "new" / "series.csv"
    rows = [r._replace(series="width=8,a") for r in planted()[:3]]
    for one in rows:
        append(path, one)
    whole = path.read_text()
    path.write_text(whole[:-20])
    assert read_table(path) == rows[:2]
    append(path, rows[2])
    assert path.read_text() == whole
    assert read_table(tmp_path / "none.csv") == []
    path.write_text(whole.replace("width=8,a", "x").replace(",0,", ",zero,", 1))
    with pytest.raises(ValueError, match="line 2 is damaged"):
        read_table(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no table of a series"):
        read_table(path)


@pytest.mark.parametrize("entropy", [0.3, 1.69, 5.0])
def test_beta_is_that_of_gaussian_logits_with_this_entropy(entropy):
    assert effective_beta(256, entropy) == pytest.approx(entropy_beta(256, entropy), rel=2e-3)
    assert math.isnan(effective_beta(256, 6.0))

"""The command must give the planted answer, warn in words, and never end in a traceback."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "fit_curve.py"
PYTHIA = ROOT / "experiments" / "one_third" / "pythia_losses.csv"
MPL = ROOT / "tests" / "data" / "mpl_100M_constant_24000.csv"


@pytest.fixture(scope="module")
def fit_curve():
    spec = importlib.util.spec_from_file_location("fit_curve", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(fit_curve, capsys):
    """Runs the command and returns (exit code, stdout with single spaces, stderr)."""

    def run(*arguments):
        code = fit_curve.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, " ".join(captured.out.split()), captured.err

    return run


@pytest.fixture
def report(fit_curve, capsys):
    """Runs the command with --json and returns what it printed."""

    def report(*arguments):
        assert fit_curve.main([*map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return report


@pytest.fixture
def write(tmp_path):
    """Writes columns to a CSV file."""

    def write(**columns):
        path = tmp_path / "curve.csv"
        table = np.column_stack(list(columns.values()))
        np.savetxt(path, table, delimiter=",", header=",".join(columns), comments="")
        return path

    return write


def planted(exponent, floor, seed, records=60):
    time = np.geomspace(1, 1e4, records)
    noise = np.random.default_rng(seed).normal(size=records)
    return time, (3 * time**-exponent + floor) * np.exp(0.005 * noise)


def test_json_holds_the_planted_answer(report, write):
    time, _ = planted(1 / 3, 0.5, 0)
    losses = {name: planted(1 / 3, 0.5, seed)[1] for seed, name in enumerate("abcd")}
    result = report(write(tau=time, **losses), "--loss=a,b,c,d")
    interval = result["interval"]
    assert interval["low"] < 1 / 3 < interval["high"]
    assert interval["value"] == pytest.approx(1 / 3, abs=0.01)
    assert interval["low"] <= interval["seed_low"] < interval["seed_high"] <= interval["high"]
    assert (interval["seeds"], len(interval["windows"])) == (4, 6)
    for fit, name in zip(result["fits"], "abcd", strict=True):
        assert fit["name"] == name
        assert fit["with_floor"]["floor"] == pytest.approx(0.5, abs=0.05)
        assert fit["with_floor"]["status"] == "converged"
        assert fit["one_third_with_floor"] < 1.2
        assert fit["one_third_no_floor"] > 2  # without the floor, 1/3 is plainly wrong
    assert result["warnings"] == []


def test_a_seed_column_is_the_same_as_several_loss_columns(report, write):
    time, one = planted(0.5, 0, 0)
    other = planted(0.5, 0, 1)[1]
    wide = report(write(tau=time, a=one, b=other), "--loss=a,b", "--no-floor")
    seeds = np.repeat([0, 1], time.size)
    path = write(tau=np.tile(time, 2), loss=np.r_[one, other], seed=seeds)
    long = report(path, "--no-floor")
    assert long["interval"] == wide["interval"]
    assert long["interval"]["seeds"] == 2


def test_seeds_may_have_different_clocks(report, write):
    """Two learning rates: τ runs to different ends, so what is compared is what both have."""
    time = np.geomspace(1, 900, 60)
    path = write(
        tau=np.r_[time, 2 * time], loss=np.r_[time, 2 * time] ** -0.5, seed=np.repeat([0, 1], 60)
    )
    result = report(path, "--no-floor")
    assert result["interval"]["windows"][0]["window"] == [2, 900]
    assert result["local"]["exponent"] == pytest.approx([0.5] * 5)


def test_tables_for_a_reader(run):
    code, out, err = run(MPL)
    assert (code, err) == (0, "")
    assert "Fits to 171 points, tau 1096 … 2.286e+04" in out
    assert "A t^-a + L0 0.4485 0.0012 2.783" in out
    assert "A t^-a + L0: exponent 0.448 [0.420, 0.456] over 1 seed(s) and 6 windows" in out
    assert "One seed: the interval covers the choice of window, not the seed." in out
    assert "drifts" not in out


def test_window_and_floor_options_reach_the_fit(report, write):
    time = np.geomspace(1, 1e4, 81)
    loss = np.where(time < 100, time**-0.5, 100 ** (-0.5 + 1 / 3) * time ** (-1 / 3))
    path = write(tau=time, loss=loss)
    late = report(path, "--window=100,inf", "--no-floor")
    assert late["interval"]["value"] == pytest.approx(1 / 3)
    assert late["floor"] is False
    assert report(path, "--window=0,99", "--no-floor")["interval"]["value"] == pytest.approx(1 / 2)


def test_the_published_points_of_pythia(report):
    """arXiv 2602.03685, Fig. 6, prints 0.367 for them; a refit of the digitised points 0.372."""
    (fit,) = report(PYTHIA, "--loss=410M", "--window=90,inf")["fits"]
    assert fit["with_floor"]["points"] == 11
    assert fit["with_floor"]["exponent"] == pytest.approx(0.372, abs=0.001)


def test_steps_as_clock_get_a_warning(report):
    (step_fit,) = report(MPL, "--time=step")["fits"]
    assert step_fit["with_floor"]["exponent"] == pytest.approx(0.779, abs=0.002)
    assert any(
        "The clock is step." in warning for warning in report(MPL, "--time=step")["warnings"]
    )
    assert not any("clock" in warning for warning in report(MPL)["warnings"])


def test_an_exponential_is_called_one_and_its_exponent_drifts(run, write):
    time = np.linspace(1, 200, 100)
    loss = 4 * np.exp(-0.03 * time + 0.01 * np.random.default_rng(0).normal(size=100))
    _, out, _ = run(write(tau=time, loss=loss), "--no-floor")
    assert "an exponential fits better than either power law" in out
    assert "The local exponent drifts" in out


def test_fits_at_a_bound_get_a_warning(run, write):
    time, loss = planted(1 / 3, 0, 0)
    _, out, _ = run(write(tau=time, loss=loss - 0.03))
    assert "the floor came out at 0, its bound" in out
    assert "fits behind the interval ended at a bound" in out


def test_a_curve_that_is_no_clean_fall_gets_a_warning(report, run, write):
    time, loss = planted(0.4, 1.8, 0, records=100)
    spiked = loss.copy()
    spiked[60] *= 10
    (warning,) = [w for w in report(write(tau=time, loss=spiked))["warnings"] if "outlier" in w]
    assert f"the loss at tau {time[60]:.6g}, line 62 is an outlier" in warning
    rising = loss * np.exp(np.clip(np.log(time / 1000), 0, None) / 2)
    (warning,) = [w for w in report(write(tau=time, loss=rising))["warnings"] if "rises" in w]
    assert "where it is lowest: a power law only falls" in warning
    flat = 2 * np.exp(0.01 * np.random.default_rng(0).normal(size=100))
    assert any("more than its noise" in w for w in report(write(tau=time, loss=flat))["warnings"])
    code, _, err = run(write(tau=time, loss=np.full(100, 1.5)))
    assert code == 2
    assert err == "fit_curve: loss: the loss is constant (1.5): there is nothing to fit\n"
    for seed in range(5):
        _, clean = planted(0.4, 1.8, seed, records=100)
        assert report(write(tau=time, loss=clean))["warnings"] == [
            "One seed: the interval covers the choice of window, not the seed."
        ]


def test_tau_follows_from_a_schedule(report, write):
    """A linear fall from the peak to 0 over S steps: τ = peak (s - s (s - 1) / 2S) in all."""
    step = np.arange(10, 1001, 10)
    tau = 0.1 * (step - step * (step - 1) / 2000)
    path = write(step=step, loss=tau**-0.5)
    schedule = "--schedule=linear,peak=0.1,steps=1000,final=0"
    result = report(path, "--time=step", schedule, "--no-floor")
    (fit,) = result["fits"]
    assert fit["no_floor"]["exponent"] == pytest.approx(0.5, abs=1e-5)
    assert fit["no_floor"]["window"] == pytest.approx([tau[0], tau[-1]], rel=1e-5)
    assert not any("clock" in warning for warning in result["warnings"])


@pytest.mark.parametrize(
    "clock", ["_step", "trainer/global_step", "examples", "num_tokens", "Epoch", "Wall time"]
)
def test_clocks_are_known_by_their_names(report, write, clock):
    time, loss = planted(0.5, 0, 0)
    (warning, *_) = report(write(**{clock: time, "loss": loss}), f"--time={clock}")["warnings"]
    assert warning.startswith(f"The clock is {clock}. Unless the learning rate was constant")


def test_a_record_for_each_of_many_steps_is_fitted_by_means_over_bins(report, tmp_path):
    step = np.arange(1, 200_001)
    path = tmp_path / "every_step.csv"
    lines = (f"{s},{y:.5f}\n" for s, y in zip(step, 9 * step**-0.4 + 1.8, strict=True))
    path.write_text("step,loss\n" + "".join(lines))
    (fit,) = report(path, "--time=step")["fits"]
    assert fit["with_floor"]["exponent"] == pytest.approx(0.4, abs=1e-3)
    assert fit["with_floor"]["floor"] == pytest.approx(1.8, abs=1e-2)
    assert fit["with_floor"]["points"] < 5000


def test_no_number_is_cut_in_80_columns(fit_curve, capsys, write, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    time, loss = planted(1 / 3, 1e-5, 0)
    name = "brisk-fog-12 with a very long name of a run - train/loss of all things"
    assert fit_curve.main([str(write(tau=time * 1e7, **{name: loss})), f"--loss={name}"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    table = out.partition("Fits to")[2].partition("Exponent by window")[0]
    assert "…" not in table.partition("\n")[2]


def test_pure_noise_about_a_power_law_is_no_drift(report, write):
    drifting = 0
    for seed in range(20):
        time, loss = planted(1 / 3, 0, seed)
        warnings = report(write(tau=time, loss=loss), "--no-floor")["warnings"]
        drifting += any("drifts" in warning for warning in warnings)
    assert drifting <= 1


def test_a_short_curve_is_fitted_but_gets_no_interval(run, write):
    _, out, _ = run(write(tau=[1, 20, 25, 30, 100], loss=[5, 3, 2.9, 2.8, 2]), "--no-floor")
    assert "A t^-a 0.1" in out
    assert "warning: No interval:" in out


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_plot_is_drawn(run, tmp_path, suffix):
    path = tmp_path / f"fit.{suffix}"
    assert run(MPL, f"--plot={path}")[0] == 0
    head = path.read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if suffix == "png" else b"<?xml" in head


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([MPL, "--time=epochs"], "has no column 'epochs'; it has: step, tau, loss, n"),
        ([MPL, "--loss=loss,valid"], "has no column 'valid'"),
        ([MPL, "--schedule=linear,peak=1"], "lacks steps, as in steps=500"),
        ([MPL, "--schedule=cosine,peak=1,steps=9,decay=1"], "cosine reads no decay"),
        ([MPL, "--schedule=cosin,peak=1,steps=9"], "choose one of constant, linear, cosine"),
        ([MPL, "--time=step", "--schedule=cosine,peak=1,steps=9"], "must lie in 0 ... 9"),
        ([MPL, "--window=1,2"], "holds 0 of 171 records"),
        ([MPL, "--window=5"], "--window=5 is not LO,HI"),
        ([MPL, "--window=9,nan"], "low < high"),
        (["no_such_file.csv"], "No such file"),
        ([MPL, "--plot=no_such_folder/fit.png"], "No such file"),
        ([MPL, "--plot=fit.xyz"], "Format 'xyz' is not supported"),
    ],
)
def test_bad_arguments_end_with_one_line(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("fit_curve: ")
    assert err.count("\n") == 1


def test_bad_records_end_with_one_line(run, write):
    time, loss = planted(0.5, 0, 0)
    for bad, message in [(np.inf, "line 9: loss is 'inf'"), (-1.0, "loss is -1 at time")]:
        code, _, err = run(write(tau=time, loss=np.where(np.arange(60) == 7, bad, loss)))
        assert code == 2
        assert message in err
        assert err.count("\n") == 1


def test_help_does_not_wait_for_heavy_imports():
    """A newcomer who asks for help should not pay for numpy, let alone scipy or matplotlib."""
    code = (
        "import runpy, sys\n"
        "sys.argv = ['fit_curve.py', '--help']\n"
        "try:\n"
        f"    runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    heavy = {'numpy', 'scipy', 'rich', 'matplotlib'}\n"
        "    print(stop.code, heavy & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--window LO,HI" in shown.stdout
    assert shown.stdout.endswith("0 set()\n")

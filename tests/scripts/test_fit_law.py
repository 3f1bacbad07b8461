"""The command must give the published fit, name the better rival, and never end in a traceback."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.parscale import text
from jaxlab import config as configs
from jaxlab.analysis.record import RunRecord, write_record

CONFIG = text.config()
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "fit_law.py"
TABLE = ROOT / "experiments" / "parscale" / "parscale_losses.csv"


@pytest.fixture(scope="module")
def fit_law():
    spec = importlib.util.spec_from_file_location("fit_law", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["fit_law"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["fit_law"]


@pytest.fixture
def run(fit_law, capsys):
    """Runs the command and returns (exit code, stdout with single spaces, stderr)."""

    def run(*arguments):
        code = fit_law.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, " ".join(captured.out.split()), captured.err

    return run


@pytest.fixture
def report(run):
    """Runs the command with --json and returns its laws by name and its warnings."""

    def report(*arguments):
        code, out, err = run(*arguments, "--json")
        assert (code, err) == (0, "")
        answer = json.loads(out)
        return {law["fit"]["law"]: law for law in answer["laws"]}, answer["warnings"]

    return report


@pytest.fixture
def write(tmp_path):
    """Writes a table of planted losses with the multiplier `gain(P)` of N, and other columns."""

    def write(gain, sizes=5, streams=(1, 2, 4), noise=0.002, **columns):
        N, P = (grid.ravel() for grid in np.meshgrid(np.geomspace(1e5, 1e7, sizes), streams))
        noise = np.exp(noise * np.random.default_rng(0).normal(size=N.size))
        loss = (1.3 + (2e4 / (N * gain(P))) ** 0.35) * noise
        columns = {"N_params": N, "P": P, "loss": loss} | columns
        path = tmp_path / "table.csv"
        rows = zip(*(np.broadcast_to(column, N.shape) for column in columns.values()), strict=True)
        lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_json_holds_the_published_fit_and_its_rivals(report):
    laws, warnings = report(TABLE, "--where=corpus=stack_v2_python")
    paper = laws["logarithm"]
    assert paper["fit"]["parameters"]["k"] == pytest.approx(0.3935, abs=1e-3)
    assert paper["intervals"]["k"]["low"] < 0.3935 < paper["intervals"]["k"]["high"]
    assert paper["fit"]["status"] == "converged"
    assert paper["hold_outs"]["largest P"]["worst"] == pytest.approx(-0.0045, abs=1e-4)
    assert paper["formula"] == "E + (A / (N (k ln P + 1)))^alpha"
    assert list(laws) == ["logarithm", "power", "correlation", "additive"]
    assert laws["additive"]["fit"]["sum_of_squares"] < paper["fit"]["sum_of_squares"]
    assert "the additive law has 0.72 times the sum of squares with 1 more parameter" in warnings


def test_tables_for_a_reader(run):
    code, out, err = run(TABLE, "--where=corpus=pile")
    assert (code, err) == (0, "")
    assert "Laws for 24 losses in 24 cells" in out
    assert "logarithm 0.99868 0.000291 0.00721 0.00500 converged" in out
    assert "k 0.33444 [0.301, 0.3814]" in out
    assert "P = 8 1.695 [1.626, 1.793]" in out
    assert "the additive law predicts the largest P best: RMS error 0.0021" in out
    assert "N = 4.353e+09, P = 1 lies 0.0116 above the logarithm law, 3.3 times its RMS" in out


def test_streams_that_do_nothing_are_not_said_to_help(report, write):
    laws, warnings = report(write(lambda P: 1))
    assert laws["logarithm"]["intervals"]["k"]["low"] < 0
    assert any("these losses do not show that P helps" in warning for warning in warnings)
    laws, warnings = report(write(lambda P: 1 - 0.3 * np.log(P)))
    assert any("the loss rises with P" in warning for warning in warnings)


def test_where_chooses_and_may_be_given_twice(report, write):
    path = write(lambda P: 0.4 * np.log(P) + 1, dataset="code", steps=100)
    other = path.read_text().splitlines()[1:]
    wrong = [row.replace("code", "prose") for row in other] + [
        row.replace(",100", ",200") for row in other
    ]
    alone, _ = report(path)
    path.write_text(path.read_text() + "\n".join(wrong) + "\n")
    chosen, warnings = report(path, "--where=dataset=code", "--where=steps=100")
    assert chosen == alone
    assert not any("repeats" in warning for warning in warnings)
    _, warnings = report(path, "--where=dataset=code")
    expected = "rows with equal N_params and P differ in steps (100, 200) and are averaged"
    assert warnings[0].startswith(expected)


def test_what_cannot_be_held_out_is_said(run, write):
    _, out, _ = run(write(lambda P: 0.4 * np.log(P) + 1, sizes=3, streams=(1, 4)))
    assert "unknown unknown converged" in out
    for name in ("largest N", "largest P"):
        assert f"too few sizes or values of P to hold out the {name}" in out


def test_spaces_round_headers_and_other_dialects_are_read(report, write):
    path = write(lambda P: 0.4 * np.log(P) + 1)
    plain, _ = report(path)
    path.write_text(path.read_text().replace("N_params,P,loss", " N_params , P , loss "))
    assert report(path)[0] == plain
    path.write_text(path.read_text().replace(",", ";").replace(".", ","))
    assert report(path)[0] == plain


def test_a_rival_that_cannot_be_fitted_costs_the_law_nothing(report, tmp_path):
    path = tmp_path / "five_cells.csv"
    cells = [(5e8, 1, 1.77661), (1e9, 1, 1.71435), (2e9, 1, 1.6628), (5e8, 2, 1.75863)]
    cells.append((1e9, 2, 1.69755))
    lines = "".join(",".join(map(str, cell)) + "\n" for cell in cells)
    path.write_text("N_params,P,loss\n" + lines)
    laws, warnings = report(path)
    assert "additive" not in laws
    assert laws["logarithm"]["fit"]["parameters"]["k"] > 0
    assert warnings[0].startswith("the additive law cannot be fitted: 5 cells leave nothing")


def test_plot(run, tmp_path):
    assert run(TABLE, "--where=corpus=pile", f"--plot={tmp_path / 'law.svg'}")[0] == 0
    assert (tmp_path / "law.svg").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("", [], "is empty: its first line must name the columns"),
        ("N,P,loss\n1,1,1\n", [], "has no column 'N_params'; it has: N, P, loss"),
        ("N_params,P,loss\n1,1,1\n1,two,1\n", [], "line 3: P is 'two', not a number"),
        ("N_params,P,loss\n1,1\n", [], "line 2: loss is '', not a number"),
        ("N_params,P,loss,loss\n1,1,1,2\n", [], "has the column 'loss' 2 times"),
        ("N_params,P,loss\n1,1,1,77\n", [], "line 2 has 4 cells, but the header names 3"),
        ("N_params,P,loss\n1,1,nan\n", [], "loss is nan in row 1 of 1: it must be finite and pos"),
        (
            "N_params,P,loss\n",
            [],
            "needs at least 3 sizes, each at one P, and 2 values of P; the table has 0 and 0",
        ),
        ("N_params,P,loss\n1,1,2\n2,1,1\n", [], "2 values of P; the table has 2 and 1"),
        ("N_params,P,loss\n1,1,4\n2,1,3\n3,1,2\n1,2,3\n", [], "4 cells leave nothing to tell 4"),
        ("N_params,P,loss,set\n1,1,1,a\n2,1,1,b\n", ["--where=set=c"], "set=c; there is: a, b"),
        ("N_params,P,loss\n1,1,1\n", ["--where=set"], "has no column 'set'"),
        ("\x00\xff", [], "has no column"),
    ],
)
def test_bad_input_is_one_line(run, tmp_path, text, arguments, message):
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="latin-1")
    code, out, err = run(path, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("fit_law: ")
    assert err.count("\n") == 1
    assert message in err or ("not a CSV file" in err and "\xff" in text)


def test_a_missing_file_and_a_plot_of_no_known_kind(run, tmp_path):
    code, _, err = run(tmp_path / "none.csv")
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = run(TABLE, "--where=corpus=pile", f"--plot={tmp_path / 'law.xyz'}")
    assert code == 2
    assert "xyz" in err


def test_as_a_process():
    line = [sys.executable, SCRIPT, TABLE, "--where=corpus=nothing"]
    result = subprocess.run(line, capture_output=True, text=True, timeout=120)
    assert result.returncode == 2
    expected = "fit_law: no row has corpus=nothing; there is: pile, stack_v2_python\n"
    assert (result.stdout, result.stderr) == ("", expected)


def test_a_study_is_a_table(run, tmp_path):
    runs = [
        RunRecord(
            Path(f"run{count}"),
            configs.override(CONFIG, {"streams.count": count}),
            [{"seed": 1}, {"seed": 2}],
            {"config_hash": "", "device": "cpu", "data": {"parameters": 1000 * count}},
            {"wall_seconds": 1.0, "diverged": {}},
            {
                "step": np.array([0, 4]),
                "examples": np.array([0, 16]),
                "tau": np.zeros((2, 2)),
                "eval_loss": np.array([[5.0, 2.0 / count], [5.0, 2.5 / count]]),
                "diverged_step": np.full((2, 2), -1.0),
            },
        )
        for count in (1, 2)
    ]
    write_record(tmp_path / "record" / "mine.npz", "configs/mine.py", runs)
    copy = tmp_path / "losses.csv"
    code, _, err = run(tmp_path, "--where=P=1", f"--table={copy}")
    assert (code, err.count("\n")) == (2, 1)  # a single cell gives no law
    assert copy.read_text().splitlines() == [
        "N_params,P,loss,study,seed,streams.count",
        "1000,1,2.0,mine,1,1",
        "1000,1,2.5,mine,2,1",
        "2000,2,1.0,mine,1,2",
        "2000,2,1.25,mine,2,2",
    ]

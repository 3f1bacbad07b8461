"""Curves come out of a file as they went in, whatever wrote it, or with the line that is wrong.

The forms are those of exports of Weights & Biases, TensorBoard, Lightning, MLflow, Hugging Face.
"""

import bz2
import gzip
import json

import numpy as np
import pytest

from jaxlab.analysis.curve_file import read_curves
from jaxlab.disk import write_config

STEPS = np.array([50, 100, 150, 200, 300, 400, 600, 800])
LOSS = np.round(9 * STEPS**-0.4 + 1.8, 5)
PAIRS = list(zip(STEPS.tolist(), LOSS.tolist(), strict=True))


@pytest.fixture
def write(tmp_path):
    def write(content, name="curve.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def table(header, rows=PAIRS, delimiter=","):
    return "\n".join([header, *(delimiter.join(map(str, row)) for row in rows)]) + "\n"


def german(number):
    return str(number).replace(".", ",")


HISTORY = [{"step": t, "loss": y, "learning_rate": 1e-4} for t, y in PAIRS]
EVALUATED = [{"step": t, "eval_loss": y + 1} for t, y in PAIRS[::2]]
FORMS = {
    "spaces and a byte order mark": table("\ufeffstep, loss "),
    "pandas with an index": table(",step,loss", [(i, *p) for i, p in enumerate(PAIRS)]),
    "a trailing comma": table("step,loss,", [(*p, "") for p in PAIRS]),
    "quoted": table('"step","loss"', [(f'"{t}"', f'"{y}"') for t, y in PAIRS]),
    "tabs": table("step\tloss", delimiter="\t"),
    "decimal commas": table("step;loss", [(t, german(y)) for t, y in PAIRS], ";"),
    "comments and blank lines": "# made by hand\n\n" + table("step,loss") + "# the end\n",
    "savetxt": table("# step loss", [(f"{t:.18e}", f"{y:.18e}") for t, y in PAIRS], " "),
    "aligned columns": table("step    loss", delimiter="   "),
    "windows lines": table("step,loss").replace("\n", "\r\n"),
    "utf-16": table("step,loss").encode("utf-16"),
    "cp1252": table("step,loss,größe", [(*p, "ü") for p in PAIRS]).encode("cp1252"),
    "gzip": gzip.compress(table("step,loss").encode()),
    "bzip2": bz2.compress(table("step,loss").encode()),
    "Lightning": table("epoch,step,loss,val_loss", [(0, *p, "") for p in PAIRS]) + "0,800,,2.5\n",
    "text beside it": table("name,step,loss", [("brisk-fog", *p) for p in PAIRS]),
    "JSON lines": "".join(json.dumps(row) + "\n" for row in HISTORY),
    "JSON lines of a killed run": "".join(json.dumps(row) + "\n" for row in HISTORY) + '{"st',
    "a list of rows": json.dumps(HISTORY, indent=1),
    "an object of columns": json.dumps({"step": STEPS.tolist(), "loss": LOSS.tolist()}),
    "pandas JSON": json.dumps(
        {"step": dict(enumerate(STEPS.tolist())), "loss": dict(enumerate(LOSS.tolist()))}
    ),
    "trainer_state": json.dumps({"global_step": 800, "log_history": HISTORY + EVALUATED}, indent=2),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_curve(write, form):
    curves = read_curves(write(FORMS[form]), time="step", losses="loss")
    np.testing.assert_array_equal(curves.time, [STEPS])
    np.testing.assert_array_equal(curves.loss, [LOSS])
    assert curves.names == ("loss",)


def test_names_may_hold_commas_and_a_file_may_have_none(write):
    rows = [(t, y, y + 1) for t, y in PAIRS]
    path = write(table('Step,"lr: 0.1, batch: 64 - train/loss",b', rows))
    name = "lr: 0.1, batch: 64 - train/loss"
    assert read_curves(path, time="Step", losses=name).names == (name,)
    assert read_curves(write(table("Step,a,b", rows)), time="Step", losses="a, b").names == (
        "a",
        "b",
    )
    bare = write("\n".join(f"17000{t} {y} {t}" for t, y in PAIRS))  # MLflow's files in mlruns/
    np.testing.assert_array_equal(read_curves(bare, time="3", losses="2").loss, [LOSS])


def test_runs_of_wandb_have_gaps_where_the_other_one_logged(write):
    rows = [(t, y, "") for t, y in PAIRS] + [(t + 10, "", y + 1) for t, y in PAIRS]
    curves = read_curves(write(table("Step,old,new", sorted(rows))), time="Step", losses="old,new")
    np.testing.assert_array_equal(curves.time, [STEPS, STEPS + 10])
    np.testing.assert_array_equal(curves.loss, [LOSS, LOSS + 1])
    assert curves.lines[1].tolist() == [3, 5, 7, 9, 11, 13, 15, 17]


def test_rows_are_chosen_by_other_columns_and_split_by_seeds(write):
    rows = [
        (run, key, y + (key == "acc"), t)
        for run in "ab"
        for key in ("acc", "loss")
        for t, y in PAIRS
    ]
    path = write(table("run_id,key,value,step", rows))  # MLflow's download
    both = read_curves(path, time="step", losses="value", where=["key=loss"], seeds="run_id")
    assert both.names == ("run_id a", "run_id b")
    np.testing.assert_array_equal(both.loss, [LOSS, LOSS])
    with pytest.raises(ValueError, match="no row has key=x; there is: acc, loss"):
        read_curves(path, time="step", losses="value", where=["key=x"])
    with pytest.raises(ValueError, match="several runs in one column"):
        read_curves(path, time="step", losses="value", where=["key=loss"])


def test_a_seed_that_stopped_early_is_said_to(write):
    rows = [(0, *p) for p in PAIRS] + [(1, *p) for p in PAIRS[:6]]
    curves = read_curves(write(table("seed,tau,loss", rows)), time="tau", losses="loss")
    assert [time.size for time in curves.time] == [8, 6]
    assert "seed 1 stops at tau 400 (line 15), the longest curve at 800" in curves.notes[0]


def test_a_restart_is_named_and_may_be_resolved(write):
    rows = PAIRS[:6] + [(t, y + 1) for t, y in PAIRS[4:]]
    path = write(table("Step,Value", rows))
    with pytest.raises(ValueError, match=r"line 8: Step 300 follows 400. Was the run restarted\?"):
        read_curves(path, time="Step", losses="Value")
    curves = read_curves(path, time="Step", losses="Value", last=True)
    np.testing.assert_array_equal(curves.time, [STEPS])
    np.testing.assert_array_equal(curves.loss, [np.where(STEPS < 300, LOSS, LOSS + 1)])


@pytest.mark.parametrize("bad", ["nan", "inf"])
def test_a_time_that_is_no_number_hides_nothing_before_it(write, bad):
    path = write(table("step,loss", [*PAIRS[:6], (bad, 3), *PAIRS[6:]]))
    for last in (False, True):
        with pytest.raises(ValueError, match=f"line 8: step is '{bad}', not a finite number"):
            read_curves(path, time="step", losses="loss", last=last)


def test_what_lies_outside_the_window_does_not_matter(write):
    rows = [(0, "inf"), (1, -1), *PAIRS, (900, "nan"), (850, 3)]
    path = write(table("step,loss", rows))
    inside = read_curves(path, time="step", losses="loss", window=(50, 800))
    np.testing.assert_array_equal(inside.loss, [LOSS])
    with pytest.raises(ValueError, match="line 12: loss is 'nan', not a finite number: cut"):
        read_curves(path, time="step", losses="loss")
    start = read_curves(write(table("step,loss", [(0, 9), *PAIRS])), time="step", losses="loss")
    assert start.notes == ("loss: 1 record(s) at step <= 0 are left out.",)
    np.testing.assert_array_equal(start.time, [STEPS])


def test_tau_is_the_integral_of_a_column_of_rates(write):
    """A rate that falls linearly: τ at step s is s - s² / 2000, whatever the spacing of records."""
    rows = [(t, y, 1 - t / 1000) for t, y in [(0, 11.0), *PAIRS]]
    path = write(table("step,loss,lr", rows))
    curves = read_curves(path, time="step", losses="loss", rate="lr")
    np.testing.assert_allclose(curves.time[0], STEPS - STEPS**2 / 2000)
    apart = [(t, "", r) for t, _, r in rows[::3]] + [(t, y, "") for t, y, _ in rows]
    path = write(table("step,loss,lr", apart))  # as Lightning logs it, in rows of its own
    curves = read_curves(path, time="step", losses="loss", rate="lr")
    np.testing.assert_allclose(curves.time[0][:-2], (STEPS - STEPS**2 / 2000)[:-2])


def test_the_share_of_tau_without_recorded_rates_is_noted_or_refused(write):
    """The rate is 1 where it is recorded: at steps 100 ... 600 of 50 ... 800."""
    path = write(table("step,loss,lr", [(t, y, 1 if 100 <= t <= 600 else "") for t, y in PAIRS]))
    (note,) = read_curves(path, time="step", losses="loss", rate="lr").notes
    assert "lr is recorded at steps 100 to 600 only" in note
    assert "100.0% of tau at the first fitted record of loss and 37.5% at the last" in note
    (note,) = read_curves(path, time="step", losses="loss", rate="lr", window=(150, 600)).notes
    assert "66.7% of tau at the first fitted record of loss and 16.7% at the last" in note
    path = write(table("step,loss,lr", [(t, y, 1 if 300 <= t <= 600 else "") for t, y in PAIRS]))
    with pytest.raises(ValueError, match=r"62\.5% at the last: too much for a fit"):
        read_curves(path, time="step", losses="loss", rate="lr")
    path = write(table("step,loss,lr", [(1, 9, 1), *((t, y, 1) for t, y in PAIRS)]))
    assert read_curves(path, time="step", losses="loss", rate="lr").notes == ()


def test_members_of_a_run_are_curves_if_they_are_seeds_of_one_setting(tmp_path, write):
    rows = [{"step": t, "tau": [t / 10, t / 5], "loss": [y, y + 1]} for t, y in PAIRS]
    path = write("".join(json.dumps(row) + "\n" for row in rows), "metrics.jsonl")
    curves = read_curves(path, time="tau", losses="loss")
    assert curves.names == ("loss[0]", "loss[1]")
    np.testing.assert_array_equal(curves.time, [STEPS / 10, STEPS / 5])
    write_config(tmp_path, {}, [{"seed": 0}, {"seed": 1, "optimizer.learning_rate": 0.1}])
    with pytest.raises(ValueError, match=r"differ in optimizer.learning_rate.*--loss='loss\[0\]'"):
        read_curves(path, time="tau", losses="loss")
    np.testing.assert_array_equal(read_curves(path, time="tau", losses="loss[1]").loss, [LOSS + 1])
    path.write_text(path.read_text().replace(str(LOSS[-1]), "null"))  # it diverged
    with pytest.raises(ValueError, match=r"line 8: loss\[0\] is 'nan'"):
        read_curves(path, time="tau", losses="loss[0]")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (table("step,a"), "no column 'loss'; it has: step, a"),
        (table("step,loss", [*PAIRS, (900, "oops")]), "line 10: loss is 'oops'"),
        (table("step,loss", PAIRS[:4]), "has 4 points for loss; a fit needs at least 5"),
        (table("step,loss", []), "has 0 points"),
        ("", "is empty"),
        ("# only\n# comments\n", "is empty"),
        (table("step,loss,loss", [(*p, 1) for p in PAIRS]), "has the column 'loss' 2 times"),
        (
            table("step,loss", [(t, german(y)) for t, y in PAIRS]),
            "line 2 has 3 cells, but the header",
        ),
        (table("step,loss,seed", [(*p, 0) for p in PAIRS] + [(1, 5, 2)]), "1 points for seed 2"),
        (b"\x89PNG\r\n\x1a\n\xff", "is not a CSV file: it is no text"),
        (b"PK\x03\x04 a sheet", "a spreadsheet or a zip archive: export the sheet as CSV"),
        (b"\x1f\x8b torn", "is a damaged compressed file"),
        ('{"a": 1, "b": {"c": 2}}', "is JSON, but no table"),
        ('{"loss": [1, 2], "step": [1]}', "is JSON, but no table"),
        ("[1, 2]", "row 1 is no JSON object"),
        ('{"step": 1}\n{"step" 2}\n{"step": 3}\n', "line 2 is no JSON"),
        ('{"log_history": [{"st', "is damaged JSON"),
    ],
)
def test_bad_files_get_one_clear_error(write, content, message):
    with pytest.raises(ValueError, match=r"curve\.csv") as error:
        read_curves(write(content), time="step", losses="loss")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_events_is_named(write):
    with pytest.raises(ValueError, match="TensorBoard's events: download the curve as CSV"):
        read_curves(write(b"\x00", "events.out.tfevents.17"), time="step", losses="loss")

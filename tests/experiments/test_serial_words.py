"""Claims of the study of words on a study whose longest correct prefixes are planted."""

import numpy as np
from planted_serial import file, results, study

from experiments.serial import build
from experiments.serial.prefixes import longest_prefix
from jaxlab.report.claims import Verdict
from jaxlab.report.figures import house_style

WORDS = file("words")
OWN = ("words_gru", "words_transformer", "words_parameters", "words_layers", "words_control")
PREFIXES = {
    ("A5", "transformer", 1): 4,
    ("A5", "transformer", 2): 6,
    ("A5", "transformer", 4): 7,
    ("A5", "recurrent", 1): 12,
    ("S3", "transformer", 1): 3,
    ("S3", "transformer", 2): 4,
    ("Z6", "transformer", 2): 14,
    ("S3", "recurrent", 1): 16,
}


def test_the_longest_correct_prefix_ends_at_the_first_product_that_is_lost():
    accuracy_SxN = [[1.0, 0.96, 0.94, 1.0], [0.9, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    np.testing.assert_array_equal(longest_prefix(accuracy_SxN), [2, 0, 4])


def words_study(changed=()):
    cells = [
        (
            {
                "task.group": group,
                "task.letters": "generators" if group == "A5" else "elements",
                "model.name": name,
                "model.layers": layers,
            },
            {"eval_accuracy": np.mean(far) / 16}
            | {
                f"eval_accuracy_letter_{n}": np.less_equal(n, far).astype(float)
                for n in range(1, 17)
            },
        )
        for (group, name, layers), far in (PREFIXES | dict(changed)).items()
    ]

    def parameters(config):
        return 60 if config.model.name == "recurrent" else 100

    return study(build.config("words", "transformer"), cells, parameters)


def test_the_prefixes_of_layers_and_of_recurrence_are_measured():
    planted = words_study()
    found = {name: results(WORDS, planted)[name] for name in OWN}
    values = {name: result.estimate.value for name, result in found.items()}
    assert list(values.values()) == [1.0, 3.0, 0.6, 1.0, 10.0]
    assert {result.verdict for result in found.values()} == {Verdict.SUPPORTED}
    assert "4 (1 layers), 6 (2 layers), 7 (4 layers), 12 (GRU)" in (
        found["words_layers"].estimate.detail
    )
    with house_style():
        WORDS.figures[0](planted)
    rows = WORDS.tables[0](planted).rows
    assert rows[0][:6] == ["A5", "recurrent", 1, "generators", 12, 0.0689]


def test_layers_that_gain_nothing_in_one_seed_and_a_group_that_is_not_easier_are_seen():
    planted = words_study(
        {
            ("A5", "transformer", 4): (6, 7, 8),  # the first seed gains nothing over two layers
            ("S3", "transformer", 1): 7,
            ("S3", "recurrent", 1): 15,
            ("Z6", "transformer", 2): 5,
        }
    )
    found = {name: results(WORDS, planted)[name] for name in OWN}
    layers = found["words_layers"].estimate
    assert (layers.value, layers.low, layers.high) == (1, 0, 2)
    assert layers.covers.startswith("least to greatest over seeds")
    assert found["words_layers"].verdict == Verdict.UNDECIDED
    for name in ("words_gru", "words_transformer", "words_control"):
        assert found[name].verdict == Verdict.NOT_SUPPORTED


def test_a_cell_that_did_not_run_is_named():
    planted = words_study()
    gone = planted.data["task.group"] == "Z6"
    less = type(planted)("words", planted.config, planted.runs, planted.data.isel(member=~gone))
    reason = results(WORDS, less)["words_control"].reason
    assert "no members with Z6, transformer, 2, elements" in reason

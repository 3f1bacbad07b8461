import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxlab.config import ConfigError
from jaxlab.sweeps.flags import config_overrides


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("-1e-3", -1e-3),
        ("3", 3),
        ("True", True),
        ("(4.0, 162.0)", (4.0, 162.0)),
        ("adamw", "adamw"),
        ("'7'", "7"),
        ("data/a=b.txt", "data/a=b.txt"),
        ("", ""),
        ("None", None),
    ],
)
def test_values_are_python_literals_or_else_strings(text, value):
    (found,) = config_overrides([f"--config.a.b={text}"]).items()
    assert found == ("a.b", value)
    assert type(found[1]) is type(value)


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_numbers_come_back_as_they_were_written(value):
    (found,) = config_overrides([f"--config.key={value!r}"]).values()
    assert found == value or abs(value) == float("inf")  # inf is no literal: it stays a string
    assert type(found) is type(value) or found == str(value)


def test_several_overrides_and_the_last_of_a_key():
    arguments = ["--config.seed=1", "--config.optimizer.name=sgd", "--config.seed=2"]
    assert config_overrides(arguments) == {"seed": 2, "optimizer.name": "sgd"}
    assert config_overrides([]) == {}


@pytest.mark.parametrize(
    "argument", ["--config.seed", "--config.=1", "seed=1", "--seed=1", "--conf.seed=1", "runs/x"]
)
def test_what_is_no_override_is_named_with_the_form_that_would_be(argument):
    with pytest.raises(ConfigError, match=f"argument '{argument}'.*--config.KEY=VALUE"):
        config_overrides(["--config.a=1", argument])

"""Whatever is wrong with a config file is one line that says what and where, before any compute."""

import textwrap

import numpy as np
import pytest

from jaxlab.config import ConfigError
from jaxlab.sweeps import plan

HEAD = "from experiments.one_third import teacher\nimport numpy as np\n"
GOOD = HEAD + "def get_config(arg=None):\n    return teacher.config()\n"


def config(*lines):
    """A file whose get_config changes the config by these lines."""
    body = textwrap.indent(
        "\n".join(["config = teacher.config()", *lines, "return config"]), "    "
    )
    return f"{HEAD}def get_config(arg=None):\n{body}\n"


def sweep(*lines, arguments="add, config"):
    body = textwrap.indent("\n".join(lines), "    ")
    return f"{GOOD}def sweep({arguments}):\n{body}\n"


# What is in the file, and what its message must hold.
BROKEN = {
    "a syntax error": ("def get_config(:\n", "line 1: it cannot be imported: SyntaxError"),
    "bad indentation": (GOOD + "  x = 1\n", "line 5: it cannot be imported: IndentationError"),
    "a null byte": (b"x = 1\x00\n", "SyntaxError"),
    "another encoding": ("x = 'größe'\n".encode("latin-1"), "SyntaxError"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\xff", "it cannot be imported"),
    "nothing": ("", "has no get_config(arg)"),
    "a missing module": ("import not_there\n", "imported: ModuleNotFoundError"),
    "an exception": (GOOD + "1 / 0\n", "line 5: it cannot be imported: ZeroDivisionError"),
    "an exit": (GOOD + "raise SystemExit(0)\n", "it cannot be imported: SystemExit"),
    "a recursion": ("def f(): f()\nf()\n", "it cannot be imported: RecursionError"),
    "get_config that is no function": ("get_config = 3\n", "has no get_config(arg)"),
    "get_config of two arguments": ("def get_config(a, b): pass\n", "get_config: TypeError"),
    "get_config that raises": (config("raise OSError('a\\nb')"), "line 5: get_config: OSError: a"),
    "get_config that recurs": ("def get_config(a): return get_config(a)\n", "RecursionError"),
    "a misspelt section": (config("config.optimzer.name = 'sgd'"), "line 5: get_config: Attribu"),
    "a misspelt key": (config("config.optimizer.lr = 0.1"), "nothing here reads optimizer.lr"),
    "a section replaced": (config("config.optimizer = 3"), "TypeError"),
    "no optimizer": (config("del config.optimizer"), "the config lacks optimizer.b1, optimizer.b2"),
    "no task": (config("del config.task"), "its values: KeyError"),
    "a task without its name": (config("del config.task.name"), "its values: "),
    "a task without a key": (config("del config.task.classes"), "has no task.classes"),
    "steps as a string": (config("config.train.steps = '10'"), "get_config: TypeError"),
    "steps as a fraction": (config("config.train.steps = 0.5"), "get_config: TypeError"),
    "a set": (config("config.task.kinds = {1, 2}"), "task.kinds holds set"),
    "an object": (config("config.task.thing = object()"), "task.thing holds object"),
    "a NumPy array": (config("config.task.grid = np.ones(2)"), "task.grid holds ndarray"),
    "a NumPy number": (config("config.task.a = np.int64(2)"), "task.a holds int64"),
    "bytes": (config("config.task.a = b'x'"), "task.a holds bytes"),
    "a key with a space": (config("config.task['a b'] = 1"), "the key 'task.a b', which"),
    "a key that is a number": (config("config.task[3] = 1"), "get_config: "),
    "an experiment with dots": (
        config("config.experiment = 'one.third'"),
        "experiment is 'one",
    ),
    "an unknown experiment": (config("config.experiment = 'nope'"), "there is no experiments/nope"),
    "a huge step": (config("config.train.steps = 10**11"), "train.steps is 10000"),
    "a huge batch": (config("config.train.batch_size = 2**40"), "give a number below 2**31"),
    "huge classes": (config("config.task.classes = 2**33"), "give a number below 2**31"),
    "too many records": (
        config("config.train.steps = 2 * 10**9", "config.records.every_steps = 1"),
        "make records.every_steps at least 2000",
    ),
    "too many checkpoints": (config("config.checkpoint.keep_per_decade = 10**9"), "at most 10000"),
    "infinity": (config("config.optimizer.learning_rate = float('inf')"), "a finite number"),
    "sweep that is no function": (GOOD + "sweep = 3\n", "sweep is int: make it a function"),
    "sweep of one argument": (sweep("add(seed=1)", arguments="add"), "sweep: TypeError"),
    "sweep that raises": (sweep("add(seed={}['x'])"), "line 6: sweep: KeyError"),
    "sweep without a name": (sweep("add(3)"), "line 6: sweep: TypeError"),
    "sweep that adds none": (sweep("pass"), "adds no member"),
    "sweep of unknown keys": (sweep("add(sead=1)"), "did you mean 'seed'"),
    "sweep of a section": (sweep("add(optimizer=1)"), "optimizer is a section: set one"),
    "sweep of a list": (sweep("add(seed=[1])"), "the type must stay int"),
    "sweep without an end": (sweep("while True:", "    add(seed=1)"), "adds over 500000 members"),
    "sweep twice": (sweep("add(seed=1)", "add(seed=1)"), "twice"),
    "claims that are none": (GOOD + "CLAIMS = 3\n", "CLAIMS is int: make it a tuple"),
    "None": ("def get_config(arg): pass\n", "get_config returns NoneType, no ConfigDict"),
    "a dict": ("def get_config(arg): return {}\n", "get_config returns dict, no ConfigDict"),
    "a number": ("def get_config(arg): return 3\n", "get_config returns int, no ConfigDict"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_line_with_its_place(tmp_path, kind):
    content, message = BROKEN[kind]
    path = tmp_path / "broken.py"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as error:
        plan.load(str(path), {})
    text = str(error.value)
    assert message in text
    assert "broken.py" in text
    assert "\n" not in text


def test_a_file_whose_get_config_takes_no_size(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text(GOOD.replace("arg=None", ""))
    assert plan.load(str(path), {}).config.study == "plain"
    with pytest.raises(ConfigError, match="has no sizes: its get_config takes none"):
        plan.load(f"{path}:tiny", {})


def test_paths_may_hold_colons_and_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "10:30").mkdir()
    (tmp_path / "10:30" / "plain.py").write_text(GOOD)
    assert plan.load("~/10:30/plain.py", {}).config.study == "plain"
    assert plan.load(f"{tmp_path}/10:30/plain.py:any", {}).config.study == "plain"


def test_numbers_of_numpy_in_a_sweep_are_numbers(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text(sweep("add(seed=np.int64(3))", "add(seed=np.arange(5)[4])"))
    members = plan.load(str(path), {}).members
    assert members == [{"seed": 3}, {"seed": 4}]
    assert not any(isinstance(member["seed"], np.generic) for member in members)

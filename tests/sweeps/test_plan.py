"""From a config file to groups: what is read, what is refused, what trains together."""

import string
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments
from experiments.one_third.teacher import config as teacher_config
from jaxlab import config as configs
from jaxlab.config import ConfigError
from jaxlab.sweeps import plan
from jaxlab.sweeps.plan import Group, Sweep

FILE = """
from experiments.one_third.teacher import config as teacher_config
from jaxlab.config import choose, override

def get_config(arg=None):
    config = teacher_config()
    config.seeds = 3
    sizes = {"default": {}, "tiny": {"train.steps": 20, "seeds": 2}}
    return override(config, choose(arg, sizes))

def sweep(add, config):
    for seed in range(config.seeds):
        add(seed=seed, MORE)
"""


@pytest.fixture
def write(tmp_path):
    """Returns a writer of config files: what else the sweep sets, or a whole text."""

    def file(more="", text=FILE):
        path = tmp_path / "planted.py"
        path.write_text(text.replace("MORE", more))
        return str(path)

    return file


def test_the_size_comes_over_the_file_and_the_command_line_over_both(write):
    file = write()
    assert plan.load(file, {}).config.train.steps == 1000
    tiny = plan.load(f"{file}:tiny", {"train.batch_size": 64})
    assert (tiny.config.train.steps, tiny.config.train.batch_size) == (20, 64)
    assert plan.load(f"{file}:tiny", {"train.steps": 7}).config.train.steps == 7


def test_the_sweep_reads_the_config_that_will_run(write):
    assert plan.load(write(), {}).members == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    assert plan.load(f"{write()}:tiny", {}).members == [{"seed": 0}, {"seed": 1}]
    assert len(plan.load(write(), {"seeds": 5}).members) == 5


def test_without_a_sweep_the_config_is_the_only_member(write):
    assert plan.load(write(), {}, with_sweep=False).members == [{}]
    assert plan.load(write(text=FILE.split("def sweep")[0]), {}).members == [{}]


def test_a_bad_key_on_the_command_line_is_named(write):
    with pytest.raises(ConfigError, match=r"did you mean 'optimizer\.learning_rate'"):
        plan.load(write(), {"optimizer.learning_rat": 0.1})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("**{'task.tempratur': 0.1}", "member 0 .*'task.tempratur'.* mean 'task.temperature'"),
        ("**{'train.steps': 1.5}", r"member 0 .*train.steps is int .*1\.5"),
        ("**{'optimizer.learning_rate': 1.0 - seed}", "member 1 .*'seed': 1.*must be above 0"),
        ("**{'optimizer.momentum': 0.5}", "member 0 .*optimizer.momentum is set, but nothing"),
        ("**{'task.temperature': 2.0 - seed}", r"member 2 .*temperature': 0\.0.*task\.labels"),
    ],
)
def test_a_bad_member_is_named_by_number_and_overrides(write, more, message):
    file = write(more)
    with pytest.raises(ConfigError, match=message) as error:
        plan.load(file, {})
    assert str(error.value).startswith(file)


def test_a_value_that_nothing_reads_is_refused(write):
    with pytest.raises(ConfigError, match=r"schedule\.decay is set, but nothing here reads it"):
        plan.load(write(), {"schedule.decay": 0.5})
    config = plan.load(write(), {"schedule.decay": 0.5, "schedule.name": "wsd"}).config
    assert config.schedule.decay == 0.5


def test_a_member_may_repeat_what_the_config_has(write):
    assert len(plan.load(write("**{'optimizer.momentum': 0.9}"), {}).members) == 3


def test_a_value_on_the_command_line_is_read_by_one_member_at_least(write):
    file = write("**{'schedule.name': ('constant', 'wsd')[seed % 2]}")
    assert plan.load(file, {"schedule.decay": 0.5}).config.schedule.decay == 0.5
    with pytest.raises(ConfigError, match=r"schedule\.power is set, but nothing here reads it"):
        plan.load(file, {"schedule.power": 0.2})


def test_a_sweep_without_members_or_with_one_twice_is_refused(write):
    with pytest.raises(ConfigError, match=r"planted\.py adds no member"):
        plan.load(write(), {"seeds": 0})
    twice = FILE.replace("seed=seed, MORE", "seed=0")
    with pytest.raises(ConfigError, match=r"adds \{'seed': 0\} twice"):
        plan.load(write(text=twice), {})
    alike = FILE.replace("seed=seed, MORE", "**{'train.steps': 1000} if seed else {}")
    with pytest.raises(ConfigError, match=r"adds \{'train.steps': 1000\} twice"):
        plan.load(write(text=alike), {})


def test_a_key_set_by_the_command_line_and_by_the_sweep_is_refused(write):
    with pytest.raises(ConfigError, match="seed: set by the command line and by the sweep"):
        plan.load(write(), {"seed": 4})
    assert plan.load(write(), {"seed": 4}, with_sweep=False).config.seed == 4


def test_what_is_no_config_file_is_named(write, tmp_path):
    (tmp_path / "notes.txt").write_text("no code")
    for path in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(ConfigError, match=rf"{path} is no config file: give a \.py file"):
            plan.load(str(path), {})
    with pytest.raises(ConfigError, match=rf"no config file {tmp_path / 'nowhere.py'}, seen from"):
        plan.load(str(tmp_path / "nowhere.py"), {})
    with pytest.raises(ConfigError, match=r"planted\.py has no get_config"):
        plan.load(write(text="answer = 42\n"), {})
    with pytest.raises(ConfigError, match="no size 'huge': choose one of default, tiny"):
        plan.load(f"{write()}:huge", {})


def test_the_study_is_named_after_its_file(write, tmp_path):
    sweep = plan.load(write(), {})
    assert sweep.config.study == "planted"
    assert sweep.file == tmp_path / "planted.py"
    assert [group.config.study for group in sweep.groups] == ["planted"]


@pytest.mark.parametrize("name", ["", "two_thirds", "one_third.build"])
def test_an_unknown_experiment_is_named(name):
    with pytest.raises(ConfigError, match=f"experiment is '{name}'"):
        plan.experiment_module(name)


def test_an_experiment_that_lacks_a_package_is_not_called_unknown(tmp_path, monkeypatch):
    (tmp_path / "lame").mkdir()
    (tmp_path / "lame" / "build.py").write_text("import no_such_package\n")
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        plan.experiment_module("lame")


def test_an_experiment_without_its_contract_is_named(tmp_path, monkeypatch):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "build.py").write_text("")
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(tmp_path)])
    with pytest.raises(ConfigError, match=r"experiments/bare/build\.py has no EXPERIMENT"):
        plan.experiment_module("bare")


def test_480_members_are_checked_in_a_second(write):
    """Takes about 0.4 s; copies of the config for every member took 4 s."""
    file = write("**{'optimizer.learning_rate': 0.1 + seed}")
    plan.load(file, {})  # imports
    started = time.process_time()
    assert len(plan.load(file, {"seeds": 480}).members) == 480
    assert time.process_time() - started < 2


def test_the_paper_s_96_cells_are_one_group():
    cells = [
        {"task.temperature": float(temperature), "optimizer.learning_rate": float(rate)}
        for temperature in np.logspace(-3, 0, 8)
        for rate in np.logspace(-3, 0, 12)
    ]
    assert Sweep(teacher_config(), cells).groups == [Group("all", teacher_config(), cells)]


def test_static_values_make_groups_named_after_them_in_the_order_of_the_sweep():
    members = [
        {"seed": seed, "task.labels": labels, "train.batch_size": size}
        for seed in (0, 1)
        for labels in ("soft", "hard")
        for size in (64, 32)
    ]
    groups = Sweep(teacher_config(), members).groups
    assert [group.name for group in groups] == [
        "task.labels=soft,train.batch_size=64",
        "task.labels=soft,train.batch_size=32",
        "task.labels=hard,train.batch_size=64",
        "task.labels=hard,train.batch_size=32",
    ]
    assert [group.members for group in groups] == [[{"seed": 0}, {"seed": 1}]] * 4
    assert (groups[3].config.task.labels, groups[3].config.train.batch_size) == ("hard", 32)


def test_a_group_s_name_is_a_folder_s():
    config = teacher_config()
    config.widths = (1.0, 2.0)
    members = [{"widths": (1.0, 2.5)}, {"study": "a/../b c"}]
    allowed = set(string.ascii_letters + string.digits + "=,._-")
    for group in Sweep(config, members).groups:
        assert set(group.name) <= allowed


def test_static_values_whose_names_look_alike_never_share_a_folder():
    with pytest.raises(ConfigError, match=r"would share the folder study=a_b"):
        Sweep(teacher_config(), [{"study": "a/b"}, {"study": "a b"}])


member_overrides = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 3),
        "task.temperature": st.sampled_from([0.1, 1.0]),
        "task.labels": st.sampled_from(["soft", "hard"]),
        "train.steps": st.sampled_from([10, 20]),
    },
)


@given(st.lists(member_overrides, min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
def test_a_group_and_its_member_make_the_config_of_the_sweep_s_member(members):
    base = teacher_config()
    expected = [configs.override(base, member) for member in members]
    groups = Sweep(base, members).groups
    found = [configs.override(group.config, member) for group in groups for member in group.members]
    fingerprints = [configs.fingerprint(config) for config in found]
    assert sorted(fingerprints) == sorted(map(configs.fingerprint, expected))
    statics = [configs.fingerprint(configs.split(config)[0].to_dict()) for config in expected]
    own = [configs.fingerprint(configs.split(group.config)[0].to_dict()) for group in groups]
    assert set(own) == set(statics)
    assert len({group.name for group in groups}) == len(groups)


@given(count=st.integers(1, 60), number=st.integers(1, 60))
def test_parts_lose_nothing_and_differ_by_one_at_most(count, number):
    number = min(count, number)
    whole = Group("all", teacher_config(), [{"seed": seed} for seed in range(count)])
    parts = plan.parts(whole, number)
    assert [member for part in parts for member in part.members] == whole.members
    sizes = [len(part.members) for part in parts]
    assert len(parts) == number
    assert max(sizes) - min(sizes) <= 1
    expected = [f"all,part={i + 1}of{number}" for i in range(number)] if number > 1 else ["all"]
    assert [part.name for part in parts] == expected

"""What is asked of a cluster: flags, profile files, packing; a scheduler that does not answer."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxlab.config import ConfigError
from jaxlab.sweeps import slurm, slurm_profile
from jaxlab.sweeps.slurm_profile import Profile


def read(*flags):
    parser = argparse.ArgumentParser()
    slurm_profile.add_flags(parser)
    return slurm_profile.read(parser.parse_args(flags))


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's folder of configs, as the file that holds the profile."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "jaxlab").mkdir()
    return tmp_path / "jaxlab" / "slurm.toml"


def test_flags_come_before_the_profile_and_lines_add_up(home, tmp_path):
    assert read() == Profile()
    home.write_text('partition = "gpu"\ngpus = 2\nsetup = ["module load cuda"]')
    assert read("--gpus=4", "--setup=echo 'a b'", "--sbatch=--constraint=a100") == Profile(
        partition="gpu",
        gpus=4,
        setup=("module load cuda", "echo 'a b'"),
        sbatch=("--constraint=a100",),
    )
    other = tmp_path / "other.toml"
    other.write_text('time = "1-00:00:00"')
    assert read(f"--profile={other}") == Profile(time="1-00:00:00")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gpu = 1", "has gpu: a profile has partition, account"),
        ('gpus = "1"', "sets gpus to '1': it must be a whole number"),
        ("gpus = true", "sets gpus to True: it must be a whole number"),
        ("setup = 'x'", "it must be a list of strings"),
        ("gpus = ", r"slurm\.toml cannot be read"),
        ("groups_per_task = 0", "groups_per_task is 0: it must be at least 1"),
        ('time = "soon"', "time is 'soon': write minutes"),
        ('sbatch = ["constraint=x"]', "write --option or --option=value"),
    ],
)
def test_a_bad_profile_is_answered(home, text, message):
    home.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read()
    with pytest.raises(ConfigError, match="cannot be read"):
        read("--profile=/nowhere.toml")


@pytest.mark.parametrize(
    ("time", "minutes"),
    [("90", 90), ("8:00:00", 480), ("2-00", 2880), ("1-02:03:04", 1564), ("30:00", 30)],
)
def test_a_time_limit_is_read_as_slurm_reads_it(time, minutes):
    assert Profile(time=time).minutes == minutes


def test_options_of_sbatch_have_values_or_none():
    options = Profile(sbatch=("--exclusive", "--qos=a b", "--nodelist x")).sbatch_options
    assert options == {"exclusive": True, "qos": "a b", "nodelist": "x"}


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 20))
def test_every_run_is_in_one_task_and_no_task_too_many(runs, groups_per_task, tasks):
    names = [str(number) for number in range(runs)]
    packed = slurm.pack(names, groups_per_task, tasks)
    assert [name for names in packed for name in names] == names
    assert len(packed) <= tasks
    assert all(len(own) >= groups_per_task for own in packed[:-1])


def test_a_scheduler_that_is_down_or_absent_gets_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="squeue is not here: give this command on a login node"):
        slurm.states()
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact' >&2\nexit 1\n")
    squeue.chmod(0o755)
    with pytest.raises(ConfigError, match=r"Slurm does not answer \(squeue: .*Unable to contact\)"):
        slurm.states()

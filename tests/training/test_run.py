"""Folders of runs and studies: who may use them, and what is said where nobody can."""

import errno
import fcntl
import os
import threading

import pytest

from jaxlab.config import ConfigError, base
from jaxlab.training import run


def test_a_second_sweep_is_refused_while_the_first_is_at_work(tmp_path):
    refused = pytest.raises(run.BusyError, match="another sweep is at work")
    with run.sweeping(tmp_path / "new"), refused, run.sweeping(tmp_path / "new"):
        pass
    with run.sweeping(tmp_path / "new"):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch, number):
    def flock(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    message = rf"lock cannot be locked \({os.strerror(number)}\).*choose a --workdir"
    for context in (run.sweeping, run.exclusive):
        with pytest.raises(ConfigError, match=message), context(tmp_path):
            pass


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENAMETOOLONG])
def test_a_folder_that_cannot_be_used_is_named(tmp_path, number):
    named = pytest.raises(ConfigError, match=r"cannot be used as a folder .*choose another")
    with named, run.translate_io_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_processes_that_prepare_a_folder_at_once_all_find_it_whole(tmp_path):
    errors = []

    def prepare():
        try:
            for number in range(10):
                run.prepare_run(tmp_path / str(number), base(), [{"seed": 1}])
        except (OSError, ValueError) as error:
            errors.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors

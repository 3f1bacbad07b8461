"""Sweeps on a real Slurm: a cluster of one node, which this machine is while the tests run.

Needs the commands of Debian's packages slurm-wlm and munge, which .ci/run installs.
"""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jaxlab.config import ConfigError
from jaxlab.disk import read_json
from jaxlab.sweeps import plan, slurm, slurm_profile, status
from jaxlab.training import run

REPOSITORY = Path(__file__).parents[2]
DAEMONS = ("munged", "slurmctld", "slurmd")
SBIN = f"{os.environ['PATH']}:/usr/sbin"
needs_slurm = pytest.mark.skipif(
    not all(shutil.which(name, path=SBIN) for name in DAEMONS),
    reason="slurm-wlm and munge are not installed",
)

CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=1,sched_min_interval=100000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
KillWait=20
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=1000
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def wait_for(what, found, seconds=100):
    """Calls `found` until it returns something true, and returns that."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come within {seconds} s")


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [own.getsockname()[1] for own in sockets]
    for own in sockets:
        own.close()
    return ports


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster of one node; its daemons end with the tests."""
    folder = tmp_path_factory.mktemp("c")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    host, user = socket.gethostname().split(".")[0], getpass.getuser()
    conf = folder / "slurm.conf"
    conf.write_text(CONFIG.format(folder=folder, host=host, user=user, ports=free_ports(2)))
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    munge = [f"--{kind}-file={folder}/munge.{kind}" for kind in ("key", "pid", "log", "seed")]
    environment = os.environ | {"SLURM_CONF": str(conf), "PATH": SBIN}
    processes = []

    def start(*command):
        with (folder / f"{command[0]}.out").open("w") as out:
            processes.append(
                subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.STDOUT)
            )

    try:
        start("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge)
        wait_for("munge", (folder / "munge.socket").exists)
        start("slurmctld", "-D")
        start("slurmd", "-D", "-N", host)
        idle = ["sinfo", "--noheader", "--format=%T"]
        wait_for(
            "an idle node",
            lambda: subprocess.run(idle, env=environment, capture_output=True).stdout == b"idle\n",
        )
        yield environment
    finally:
        cancel = ["scancel", f"--user={user}", "--signal=KILL"]
        subprocess.run(cancel, env=environment, capture_output=True)
        for process in reversed(processes):
            process.kill()
            process.wait()


STUDY = """
from experiments.one_third import teacher
from jaxlab.config import override

def get_config(arg=None):
    return override(teacher.config(), {
        "train.steps": 30, "train.batch_size": 32, "task.classes": 16, "task.features": 8,
        "records.every_steps": 500, "eval.batches": 1,
    })

def sweep(add, config):
    for steps in STEPS:
        for seed in (0, 1):
            add(**{"train.steps": steps, "seed": seed})
"""
LONG, ENDLESS = 20_000, 10**7


@pytest.fixture(scope="module")
def on_cluster(cluster):
    """Makes this process, and the tasks, use the cluster with one device a task."""
    task = {"XLA_FLAGS": "--xla_backend_optimization_level=0", "JAX_NUM_CPU_DEVICES": "1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (cluster | task).items():
            patch.setenv(name, value)
        yield


def study(workdir, steps):
    """Returns the file of a study, beside its folder."""
    file = workdir.parent / f"{workdir.name}_file" / "study.py"
    file.parent.mkdir()
    file.write_text(STUDY.replace("STEPS", repr(steps)))
    return file


def command(file, workdir, *arguments):
    return [
        *(sys.executable, "scripts/sweep.py", f"--config={file}", f"--workdir={workdir}"),
        *arguments,
    ]


def output(line):
    result = subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    return result.stdout


def submit(sweep, workdir, **asked):
    return slurm.submit(sweep, workdir, slurm_profile.Profile(**asked), 30.0, False)[:2]


def states(sweep, workdir):
    """Returns the state of each run."""
    return {own.name: own.state for own in status.of_sweep(sweep, workdir, slurm.states())}


def records(folder):
    """Returns the steps of the records of a run."""
    path = folder / "metrics.jsonl"
    return (
        [json.loads(line)["step"] for line in path.read_text().splitlines()]
        if path.exists()
        else []
    )


def last_save(folder):
    return max(int(path.name) for path in (folder / "checkpoints").iterdir())


def content(path):
    files = [path] if path.is_file() else sorted(own for own in path.rglob("*") if own.is_file())
    return [own.read_bytes() for own in files]


@needs_slurm
@pytest.mark.timeout(900)  # where other work shares the cores; a minute and a half else
def test_a_sweep_on_slurm_through_kills_time_limits_and_failures(on_cluster, tmp_path):
    workdir, alone, struck = (tmp_path / name for name in ("study", "alone", "struck"))
    long, short = workdir / f"train.steps={LONG}", workdir / "train.steps=30"
    file = study(workdir, (30, 31, LONG))
    sweep = plan.load(str(file), {})
    with pytest.raises(ConfigError, match=r"sbatch refuses the job: .*[Ii]nvalid partition"):
        submit(sweep, workdir, partition="nowhere")
    out = output(command(file, workdir, "--launcher=slurm", "--groups_per_task=2", "--cpus=1"))
    assert "6 members; groups: 3, 3 submitted as job" in out
    assert submit(sweep, workdir) == (3, 0)  # they are in the queue
    limited = plan.load(str(study(struck, (ENDLESS,))), {})
    assert submit(limited, struck, cpus=1) == (1, 1)
    undisturbed = plan.load(str(study(alone, (LONG,))), {})
    assert submit(undisturbed, alone, cpus=1) == (1, 1)

    # ---- a task that is killed saves, and goes back into the queue
    task = slurm.task_of_run(workdir)[long.name]
    wait_for("its start", lambda: states(sweep, workdir)[long.name] == "running")
    wait_for("a record", lambda: len(records(long)) > 1)
    slurm.ask("scancel", "--signal=TERM", task)
    wait_for("its return", lambda: slurm.states().get(task) == "PENDING")
    assert not run.is_done(long)
    assert last_save(long) >= records(long)[-1]
    slurm.ask("scontrol", "update", f"JobId={task}", "StartTime=now")  # else in two minutes

    # ---- a time limit does the same
    ((endless, task),) = slurm.task_of_run(struck).items()
    wait_for("a record", lambda: records(struck / endless))
    slurm.ask("scontrol", "update", f"JobId={task}", "TimeLimit=2")
    log = struck / "slurm" / f"{task}_0_log.err"
    wait_for("the time limit", lambda: log.exists() and "SIGUSR2: the same" in log.read_text())
    kept = last_save(struck / endless)
    assert kept >= records(struck / endless)[-1]
    wait_for("its return", lambda: states(limited, struck) == {endless: "queued"})
    assert "1 tasks cancelled" in output(command(file, struck, "--cancel"))
    wait_for("its end", lambda: states(limited, struck) == {endless: "stopped"})

    # ---- all ends with the bits of a straight run
    wait_for("the end", lambda: set(states(sweep, workdir).values()) == {"done"})
    assert read_json(long / "DONE", "")["resumed"]
    wait_for("the end", lambda: set(states(undisturbed, alone).values()) == {"done"})
    assert not read_json(alone / long.name / "DONE", "")["resumed"]
    for name in ("metrics.jsonl", f"checkpoints/{LONG}/params/d"):
        assert content(long / name) == content(alone / long.name / name)

    # ---- a group that fails is reported with its error, and trained again alone
    (short / "DONE").unlink()
    (damaged,) = (short / "checkpoints" / "30").glob("meta/metadata")
    damaged.write_text("")
    assert submit(sweep, workdir, cpus=1) == (3, 1)
    wait_for("its failure", lambda: states(sweep, workdir)[short.name] == "failed")
    wait_for(
        "the end of its task", lambda: slurm.task_of_run(workdir)[short.name] not in slurm.states()
    )
    table = output(command(file, workdir, "--status"))
    assert f"{short.name}: {short}/checkpoints/30 is no checkpoint" in table
    shutil.rmtree(short / "checkpoints")
    assert submit(sweep, workdir, cpus=1) == (3, 1)
    wait_for("its end", lambda: set(states(sweep, workdir).values()) == {"done"})
    assert submit(sweep, workdir) == (3, 0)

"""Launch scripts: what a dry run prints, what a run does, and how bad input is answered.

There is no cloud here, so runs meet commands of the same names that log how they were called.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LAUNCH = REPOSITORY / "scripts" / "launch"
CONFIG = "configs/one_third/headline.py"
TPU = ("--name=lab-1", "--zone=us-central2-b", "--type=v4-8")
STUDY = ("--", CONFIG, "runs/headline")
TRAIN = [".venv/bin/python", "scripts/sweep.py", f"--config={CONFIG}", "--workdir=runs/headline"]


def launch(script, *arguments, path=None, **variables):
    environment = os.environ | variables | ({"PATH": path} if path else {})
    command = ["bash", str(LAUNCH / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def printed(script, *arguments):
    """Returns the commands that a dry run prints."""
    result = launch(script, "--dry-run", *arguments, TMPDIR="/tmp")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    return [shlex.split(line) for line in lines if not line.startswith("#")]


@pytest.fixture
def stand_in(tmp_path):
    """Makes commands that log their calls; returns a PATH with them, and a reader of the log."""
    folder, log = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()

    def make(*names, behaviour=""):
        for name in names:
            script = f'#!/bin/bash\nprintf "%q " {name} "$@" >>{log}\necho >>{log}\n{behaviour}\n'
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    def calls():
        return [shlex.split(line) for line in log.read_text().splitlines()]

    return make, calls


def test_slurm_passes_options_setup_and_overrides():
    nodes = ("--nodes=2", "--gpus=4", "--partition=gpu", "--setup=module load 'a b'")
    made, (sbatch, *options) = printed(
        "slurm.sh", *nodes, "--", CONFIG, "runs/my 90% study", "--config.seeds=4"
    )
    assert made == ["mkdir", "-p", "runs/my 90% study"]
    assert [sbatch, *options[:6]] == [
        *("sbatch", "--nodes=2", "--ntasks-per-node=4", "--gpus-per-node=4"),
        *("--output=runs/my 90%% study/slurm-%j.out", "--partition=gpu"),
        "scripts/launch/slurm_job.sh",
    ]
    assert options[6] == "4"
    assert options[7] == "module load 'a b'; "
    assert options[8:] == [*TRAIN[:3], "--workdir=runs/my 90% study", "--config.seeds=4"]
    assert not (REPOSITORY / "runs" / "my 90% study").exists()


@pytest.mark.parametrize(
    ("status", "state", "requeued"),
    [
        (0, "RUNNING", False),
        (75, "RUNNING", True),
        (75, "COMPLETING", False),
        (1, "RUNNING", False),
    ],
)
def test_a_slurm_job_that_saved_is_put_back_unless_it_is_cancelled(
    stand_in, status, state, requeued
):
    make, calls = stand_in
    make("squeue", behaviour=f"echo {state}")
    make("scontrol")
    path = make("srun", behaviour=f'echo "$JAX_PLATFORMS $A"; exit {status}')
    command = ["bash", str(LAUNCH / "slurm_job.sh"), "1", "export A='x y'", "python", "a b.py"]
    environment = os.environ | {"PATH": path, "SLURM_JOB_ID": "7"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (status, "cuda,cpu x y\n")
    assert calls()[0] == ["srun", "python", "a b.py"]
    assert (["scontrol", "requeue", "7"] in calls()) == requeued


def test_tpu_dry_run_prints_each_command():
    flag = "--config.task.name='a b'"
    lines = printed("tpu_vm.sh", *TPU, "--spot", "--nfs=10.0.0.2:/lab", *STUDY, flag)
    tpu, zone = ["gcloud", "compute", "tpus", "tpu-vm"], "--zone=us-central2-b"
    kind = ["--version=tpu-ubuntu2204-base", "--accelerator-type=v4-8", "--spot"]
    assert lines[0] == [*tpu, "create", "lab-1", zone, *kind]
    archive = "/tmp/jaxlab-lab-1.tar.gz"
    assert lines[1] == ["git", "archive", "--format=tar.gz", f"--output={archive}", "HEAD"]
    assert lines[2] == [*tpu, "scp", archive, "lab-1:jaxlab.tar.gz", zone, "--worker=all"]
    on_all = [*tpu, "ssh", "lab-1", zone, "--worker=all"]
    assert [line[:8] for line in lines[3:8]] == [on_all] * 5
    assert "sudo mount 10.0.0.2:/lab jaxlab/runs" in lines[4][-1]
    assert lines[6][-1] == "--command=cd jaxlab && make setup-tpu PYTHON=python3.12"
    words = shlex.split(lines[7][-1].removeprefix("--command="))
    inner = words[words.index("-c") + 1]
    assert shlex.split(inner)[:6] == ["JAX_PLATFORMS=tpu,cpu", *TRAIN, f"{flag};"]
    assert lines[-2:] == [
        ["mkdir", "-p", "runs"],
        [*tpu, "scp", "--recurse", "lab-1:jaxlab/runs/headline", "runs", zone, "--worker=0"],
    ]


@pytest.mark.parametrize(
    ("state", "follow", "options", "verbs", "status"),
    [
        ("READY", "exit status 0", (), [], 0),
        ("", "exit status 0", (), ["create"], 0),
        ("PREEMPTED", "exit status 0", (), ["delete", "create"], 0),
        ("READY", "exit status 1", ("--spot",), [], 1),
        ("READY", "", (), [], 1),
    ],
)
def test_tpu_makes_the_vm_if_it_must_and_brings_the_results_back(
    stand_in, tmp_path, state, follow, options, verbs, status
):
    make, calls = stand_in
    make("git", "mkdir")
    path = make(
        "gcloud",
        behaviour=f'case "$*" in *describe*) echo {state} ;; *tail*) echo {follow} ;; esac',
    )
    result = launch("tpu_vm.sh", *TPU, *options, *STUDY, path=path, TMPDIR=str(tmp_path))
    assert result.returncode == status, result.stderr
    used = [call[4] for call in calls() if call[0] == "gcloud" and call[4] != "describe"]
    assert used == [*verbs, "scp", "ssh", "ssh", "ssh", "ssh", "ssh", "scp"]
    assert "costs money, until: scripts/launch/tpu_vm.sh --name=lab-1" in result.stdout


def test_tpu_verbs_do_one_thing_and_a_queue_is_asked():
    ((*words,),) = printed("tpu_vm.sh", *TPU, "delete", *STUDY)
    assert words[4:6] == ["delete", "lab-1"]
    ((*words,),) = printed("tpu_vm.sh", *TPU, "--queue", "up", *STUDY)
    assert words[3:6] == ["queued-resources", "create", "lab-1"]
    assert "--node-id=lab-1" in words


@pytest.mark.parametrize(
    ("tpu_type", "version"),
    [
        ("v2-8", "tpu-ubuntu2204-base"),
        ("v5litepod-8", "v2-alpha-tpuv5-lite"),
        ("v5p-8", "v2-alpha-tpuv5"),
        ("v6e-8", "v2-alpha-tpuv6e"),
    ],
)
def test_each_tpu_type_gets_its_software_version(tpu_type, version):
    ((*words,),) = printed("tpu_vm.sh", *TPU[:2], f"--type={tpu_type}", "up", *STUDY)
    assert f"--version={version}" in words


def test_hosts_train_as_processes_of_one_training():
    lines = printed("ssh.sh", "--hosts=a,me@b", "--folder=/lab x", *STUDY, "--config.seeds=4")
    assert [line[:2] for line in lines] == [["ssh", "a"], ["ssh", "me@b"]]
    for number, line in enumerate(lines):
        words = shlex.split(line[2])
        assert words[:2] == ["cd", "/lab x"]
        start = words.index("nohup") + 1
        assert words[start : start + 8] == [
            *(*TRAIN, "--config.seeds=4", "--coordinator=a:9911"),
            *("--processes=2", f"--process={number}"),
        ]
    assert all("kill -TERM" in line[2] for line in printed("ssh.sh", "--hosts=a,b", "stop", *STUDY))


@pytest.mark.parametrize(
    ("script", "arguments", "complaint"),
    [
        ("slurm.sh", (), "needs CONFIG and WORKDIR after --, got 0"),
        ("slurm.sh", ("--", CONFIG), "needs CONFIG and WORKDIR after --, got 1"),
        ("slurm.sh", (CONFIG, "runs/a"), f"unknown option {CONFIG}"),
        ("slurm.sh", ("--dryrun", *STUDY), "unknown option --dryrun"),
        ("slurm.sh", ("--gpus=x", *STUDY), "give whole numbers"),
        ("slurm.sh", (*STUDY, "seeds=4"), "cannot read seeds=4"),
        ("slurm.sh", ("--", "configs/none.py", "runs/a"), "no config file configs/none.py"),
        ("slurm.sh", STUDY, "sbatch is not here"),
        ("tpu_vm.sh", (), "needs --name=..."),
        ("tpu_vm.sh", (*TPU[:2], *STUDY), "needs --type=..."),
        ("tpu_vm.sh", ("--name=$(id)", *TPU[1:], *STUDY), "needs --name=..."),
        ("tpu_vm.sh", (*TPU[:2], "--type=a100", *STUDY), "unknown TPU type a100"),
        ("tpu_vm.sh", (*TPU, "--nfs=$(id)", *STUDY), "write HOST:/SHARE"),
        ("tpu_vm.sh", (*TPU, "--", CONFIG, "/data/a"), "WORKDIR must lie below the repository"),
        ("tpu_vm.sh", (*TPU, "--", CONFIG, "runs/../.."), "WORKDIR must lie below the repository"),
        ("tpu_vm.sh", (*TPU, *STUDY), "gcloud is not here"),
        ("ssh.sh", STUDY, "needs --hosts=A,B"),
        ("ssh.sh", ("--hosts=a,-oProxyCommand=x", *STUDY), "which is no name of a host"),
    ],
)
def test_bad_input_gets_one_line(script, arguments, complaint, tmp_path):
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    result = launch(script, *arguments, path=str(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{script}: ")
    assert complaint in line


@pytest.mark.parametrize("script", ["slurm.sh", "tpu_vm.sh", "ssh.sh"])
def test_help_explains_the_script(script):
    result = launch(script, "--help", path=f"/bin:{os.environ['PATH']}")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"usage: scripts/launch/{script} [--dry-run]" in result.stdout


def test_shellcheck_finds_nothing():
    scripts = [*LAUNCH.glob("*.sh"), REPOSITORY / ".ci" / "run"]
    shellcheck = Path(sys.executable).parent / "shellcheck"
    result = subprocess.run([shellcheck, *scripts], cwd=REPOSITORY, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")

"""Set-up and launch: what a dry run prints, what a run does, and how bad input is answered.

There is no cluster here, so runs meet commands of the same names that log how they were called.
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
NO_TPU_YET = 'case "$*" in *describe*) exit 1 ;; esac'


def launch(script, *arguments, path=None, **variables):
    environment = os.environ | variables | ({"PATH": path} if path else {})
    command = ["bash", str(LAUNCH / script), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


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


def test_slurm_dry_run_prints_each_command_and_runs_none():
    result = launch("slurm_gpu.sh", "--dry-run", "--", CONFIG, "runs/my 90% study")
    assert (result.returncode, result.stderr) == (0, "")
    assert [shlex.split(line) for line in result.stdout.splitlines()] == [
        ["cd", str(REPOSITORY)],
        ["make", "setup-cuda"],
        ["mkdir", "-p", "runs/my 90% study"],
        [
            "sbatch",
            "--output=runs/my 90%% study/slurm-%j.out",
            "scripts/launch/slurm_job.sh",
            CONFIG,
            "runs/my 90% study",
        ],
    ]
    assert not (REPOSITORY / "runs" / "my 90% study").exists()


def test_slurm_runs_what_the_dry_run_prints(stand_in, tmp_path):
    make, calls = stand_in
    workdir = tmp_path / "a study"
    path = make("make", "sbatch")
    result = launch("slurm_gpu.sh", "--", CONFIG, str(workdir), path=path)
    dry = launch("slurm_gpu.sh", "--dry-run", "--", CONFIG, str(workdir))
    assert (result.returncode, result.stdout) == (0, dry.stdout)
    printed = [shlex.split(line) for line in dry.stdout.splitlines()]
    assert calls() == [command for command in printed if command[0] in ("make", "sbatch")]
    assert workdir.is_dir()


def test_slurm_stops_when_the_setup_fails(stand_in, tmp_path):
    make, calls = stand_in
    make("sbatch")
    path = make("make", behaviour="exit 2")
    result = launch("slurm_gpu.sh", "--", CONFIG, str(tmp_path / "study"), path=path)
    assert result.returncode == 2
    assert calls() == [["make", "setup-cuda"]]


def test_the_slurm_job_trains_on_the_gpu_alone(stand_in, tmp_path):
    make, calls = stand_in
    path = make("nvidia-smi")
    make("python", behaviour='echo "platforms $JAX_PLATFORMS"')
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(tmp_path / "bin")
    command = ["bash", str(LAUNCH / "slurm_job.sh"), "configs/a b.py:x=1", "runs/my study"]
    result = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (0, "platforms cuda,cpu\n")
    assert calls()[1] == [
        *("python", "scripts/sweep.py", "--config=configs/a b.py:x=1", "--workdir=runs/my study")
    ]


def test_tpu_dry_run_prints_each_command():
    result = launch("tpu_vm.sh", "--dry-run", *TPU, "--", CONFIG, "runs/headline", TMPDIR="/tmp")
    assert result.returncode == 0
    lines = [shlex.split(line) for line in result.stdout.splitlines()]
    tpu, zone = ["gcloud", "compute", "tpus", "tpu-vm"], "--zone=us-central2-b"
    create = [*tpu, "create", "lab-1", zone, "--accelerator-type=v4-8"]
    assert lines[0] == [
        *(*tpu, "describe", "lab-1", zone, "||"),
        *(*create, "--version=tpu-ubuntu2204-base"),
    ]
    archive = "/tmp/jaxlab-lab-1.tar.gz"
    assert lines[1] == ["git", "archive", "--format=tar.gz", f"--output={archive}", "HEAD"]
    assert lines[2] == [*tpu, "scp", archive, "lab-1:jaxlab.tar.gz", zone, "--worker=all"]
    assert [line[:7] for line in lines[3:7]] == [[*tpu, "ssh", "lab-1", zone]] * 4
    assert lines[5][-1] == "--command=cd jaxlab && make setup-tpu PYTHON=python3.12"
    assert lines[6][-1] == (
        "--command=cd jaxlab && JAX_PLATFORMS=tpu,cpu .venv/bin/python scripts/sweep.py "
        f"--config={CONFIG} --workdir=runs/headline"
    )
    fetch = [*tpu, "scp", "--recurse", "lab-1:jaxlab/runs/headline", "runs", zone, "--worker=0"]
    assert lines[7:9] == [["mkdir", "-p", "runs"], fetch]
    assert lines[9][-len(tpu) - 3 :] == [*tpu, "delete", "lab-1", zone]


@pytest.mark.parametrize("exists", [True, False])
def test_tpu_makes_the_vm_only_if_there_is_none(stand_in, tmp_path, exists):
    make, calls = stand_in
    path = make("git", "mkdir", "gcloud", behaviour="" if exists else NO_TPU_YET)
    arguments = ("tpu_vm.sh", *TPU, "--", CONFIG, "runs/headline")
    result = launch(*arguments, path=path, TMPDIR=str(tmp_path))
    assert result.returncode == 0
    verbs = [call[4] for call in calls() if call[0] == "gcloud"]
    made = [] if exists else ["create"]
    assert verbs == ["describe", *made, "scp", "ssh", "ssh", "ssh", "ssh", "scp"]


def test_tpu_copies_the_results_back_even_when_training_fails(stand_in, tmp_path):
    make, calls = stand_in
    make("git", "mkdir")
    path = make("gcloud", behaviour='case "$*" in *sweep.py*) exit 7 ;; esac')
    arguments = ("tpu_vm.sh", *TPU, "--", CONFIG, "runs/headline")
    result = launch(*arguments, path=path, TMPDIR=str(tmp_path))
    assert result.returncode == 7
    assert calls()[-1][4:7] == ["scp", "--recurse", "lab-1:jaxlab/runs/headline"]


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
    options = ("--name=a", "--zone=b", f"--type={tpu_type}")
    result = launch("tpu_vm.sh", "--dry-run", *options, "--", CONFIG, "runs/a")
    assert shlex.split(result.stdout.splitlines()[0])[-1] == f"--version={version}"


@pytest.mark.parametrize(
    ("script", "arguments", "complaint"),
    [
        ("slurm_gpu.sh", (), "needs CONFIG and WORKDIR after --, got 0"),
        ("slurm_gpu.sh", ("--", CONFIG), "needs CONFIG and WORKDIR after --, got 1"),
        ("slurm_gpu.sh", (CONFIG, "runs/a"), f"unknown option {CONFIG}"),
        ("slurm_gpu.sh", ("--dryrun", "--", CONFIG, "runs/a"), "unknown option --dryrun"),
        ("slurm_gpu.sh", ("--", "configs/none.py", "runs/a"), "no config file configs/none.py"),
        ("slurm_gpu.sh", ("--", CONFIG, "runs/a"), "sbatch is not here"),
        ("tpu_vm.sh", (), "needs --name=..."),
        ("tpu_vm.sh", (*TPU[:2], "--", CONFIG, "runs/a"), "needs --type=..."),
        ("tpu_vm.sh", ("--name=$(id)", *TPU[1:], "--", CONFIG, "runs/a"), "needs --name=..."),
        ("tpu_vm.sh", (*TPU[:2], "--type=a100", "--", CONFIG, "runs/a"), "unknown TPU type a100"),
        ("tpu_vm.sh", (*TPU, "--", CONFIG), "needs CONFIG and WORKDIR after --, got 1"),
        ("tpu_vm.sh", (*TPU, "--", CONFIG, "/data/a"), "WORKDIR must lie below the repository"),
        ("tpu_vm.sh", (*TPU, "--", CONFIG, "runs/../.."), "WORKDIR must lie below the repository"),
        ("tpu_vm.sh", (*TPU, "--", "configs/none.py", "runs/a"), "no config file configs/none.py"),
        ("tpu_vm.sh", (*TPU, "--", CONFIG, "runs/a"), "gcloud is not here"),
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


@pytest.mark.parametrize("script", ["slurm_gpu.sh", "tpu_vm.sh"])
def test_help_explains_the_script(script):
    result = launch(script, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"usage: scripts/launch/{script} [--dry-run]" in result.stdout


def test_shellcheck_finds_nothing():
    scripts = [*LAUNCH.glob("*.sh"), REPOSITORY / ".ci" / "run"]
    shellcheck = Path(sys.executable).parent / "shellcheck"
    result = subprocess.run([shellcheck, *scripts], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, "")

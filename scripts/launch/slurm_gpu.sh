#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOF'
Submits a sweep to a GPU node of a Slurm cluster. Run it on the login node.

usage: scripts/launch/slurm_gpu.sh [--dry-run] -- CONFIG WORKDIR

  CONFIG     a config file, as for scripts/sweep.py: configs/one_third/adam_grid.py
  WORKDIR    folder of the study, on a disk that the node sees too
  --dry-run  print the commands and run none of them

Paths count from the repository. The first time, the script makes .venv with the
cuda extra; then it submits scripts/launch/slurm_job.sh, which asks for one node
with 1 GPU, 8 cores and 8 hours. Slurm's own variables change what it asks for:

  SBATCH_PARTITION=gpu SBATCH_ACCOUNT=lab SBATCH_GPUS=4 SBATCH_TIMELIMIT=24:00:00 \
    scripts/launch/slurm_gpu.sh -- configs/one_third/adam_grid.py runs/adam_grid

What the job prints goes to WORKDIR/slurm-JOBID.out. The same command again goes
on where the study stopped. More in docs/launch.md.
EOF
}

fail() {
  echo "slurm_gpu.sh: $1" >&2
  exit 2
}

# The words of a command as one would type them.
quoted() {
  local word line=
  for word; do
    if [[ $word == *[^A-Za-z0-9@%_+=:,./-]* && $word != *\'* ]]; then
      line+=" '$word'"
    else
      printf -v word '%q' "$word"
      line+=" $word"
    fi
  done
  echo "${line# }"
}

# Prints a command, and runs it unless this is a dry run.
run() {
  quoted "$@"
  $dry_run || "$@"
}

dry_run=false
while (($#)); do
  case $1 in
    --help | -h) usage && exit ;;
    --dry-run) dry_run=true ;;
    --) shift && break ;;
    *) fail "unknown option $1 (CONFIG and WORKDIR stand after --; see --help)" ;;
  esac
  shift
done
(($# == 2)) || fail "needs CONFIG and WORKDIR after --, got $# arguments (see --help)"
config=$1
workdir=$2

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repository"
[[ -f ${config%%:*} ]] || fail "there is no config file ${config%%:*}"
$dry_run || command -v sbatch >/dev/null || fail "sbatch is not here: run this on a login node"

run cd "$repository"
run make setup-cuda
run mkdir -p "$workdir"
# Slurm expands % in the name of the log, so one that is meant is doubled.
run sbatch --output="${workdir//%/%%}/slurm-%j.out" scripts/launch/slurm_job.sh "$config" "$workdir"

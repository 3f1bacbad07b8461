#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOT'
Submits one job that trains a study on all devices of one or more Slurm nodes.

usage: scripts/launch/slurm.sh [--dry-run] [--nodes=1] [--gpus=1] [--setup=LINE ...]
         [OPTIONS OF SBATCH] -- CONFIG WORKDIR [--config.KEY=VALUE ...]

  --nodes=N   nodes, which train together as one mesh of devices
  --gpus=N    GPUs of each node, with a process for each; 0 trains on the CPU
  --setup=L   a line of shell that the job runs first: --setup='module load cuda'
  --dry-run   print the commands and run none of them
  CONFIG      a config file, as for scripts/sweep.py: configs/one_third/adam_grid.py
  WORKDIR     folder of the study, on a disk that all nodes see

Any other option goes to sbatch: --partition=gpu --account=lab --time=24:00:00. Paths
count from the repository, where `make setup-cuda` was run. What the job prints goes to
WORKDIR/slurm-JOBID.out. A job that is pre-empted, or comes to its time limit, saves, and
starts again by itself; the same command goes on with one that ended.

Many small groups train better as an array of jobs: scripts/sweep.py --launcher=slurm.
EOT
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/launch/common.sh
source scripts/launch/common.sh

dry_run=false nodes=1 gpus=1 setup='' options=()
while (($#)); do
  case $1 in
    --help | -h) usage && exit ;;
    --dry-run) dry_run=true ;;
    --nodes=*) nodes=${1#*=} ;;
    --gpus=*) gpus=${1#*=} ;;
    --setup=*) setup+="${1#*=}; " ;;
    --) shift && break ;;
    --?*=* | --exclusive) options+=("$1") ;;
    *) fail "unknown option $1 (write --option=value; CONFIG and WORKDIR stand after --; see --help)" ;;
  esac
  shift
done
[[ $nodes =~ ^[1-9][0-9]*$ && $gpus =~ ^[0-9]+$ ]] ||
  fail "--nodes=$nodes --gpus=$gpus: give whole numbers"
read_study "$@"
$dry_run || command -v sbatch >/dev/null || fail "sbatch is not here: run this on a login node"
$dry_run || [[ -x .venv/bin/python ]] || fail "there is no .venv here: run make setup-cuda first"

resources=(--nodes="$nodes" --ntasks-per-node="$((gpus ? gpus : 1))")
((gpus == 0)) || resources+=(--gpus-per-node="$gpus")
run mkdir -p "$workdir"
# Slurm expands % in the name of the log, so one that is meant is doubled.
run sbatch "${resources[@]}" --output="${workdir//%/%%}/slurm-%j.out" \
  ${options[@]+"${options[@]}"} scripts/launch/slurm_job.sh "$gpus" "$setup" "${train[@]}"

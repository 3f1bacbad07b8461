#!/usr/bin/env bash
# The job that slurm.sh submits. Options of sbatch override the lines below.
#SBATCH --job-name=jaxlab
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=USR2@90
set -euo pipefail
gpus=$1 setup=$2 train=("${@:3}")

trap '' TERM USR1 USR2 # they are for the training, which saves
eval "$setup"
if ((gpus)); then
  export JAX_PLATFORMS=cuda,cpu # without a GPU the training stops instead of using the CPU
else
  export JAX_PLATFORMS=cpu
fi
status=0
srun "${train[@]}" || status=$?
# 75: it has saved and wants to go on. Where the job is being cancelled, it is no longer running.
if ((status == 75)) && [[ $(squeue --jobs="$SLURM_JOB_ID" --noheader --format=%T) == RUNNING ]]; then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"

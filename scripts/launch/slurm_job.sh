#!/usr/bin/env bash
# The job that slurm_gpu.sh submits: one sweep on the GPUs of one node. SBATCH_* variables at
# submission override the lines below. A job that the cluster takes back starts again by itself
# and goes on from its last checkpoint.
#SBATCH --job-name=jaxlab
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

nvidia-smi --list-gpus
export JAX_PLATFORMS=cuda,cpu # without a GPU this stops at once instead of training on the CPU
exec .venv/bin/python scripts/sweep.py --config="$1" --workdir="$2"

#!/usr/bin/env bash
# Trains the trunk and the branches of configs/parscale seed by seed and writes results/parscale after
# each. What is trained stays: give the same command again to go on, or with more seeds.
#
#   scripts/launch/branches.sh PYTHON [SEEDS]
set -euo pipefail
python=$1 most=${2:-8} runs=runs/parscale
cd "$(dirname "$0")/../.."

sweep() { # STUDY, flags
  "$python" scripts/sweep.py --config="configs/parscale/$1.py" --workdir="$runs/$1" "${@:2}"
}

# The conditions that decide first, of all seeds; then those that say why.
for conditions in one,prefix,two,four eight,mean,adapter,long_prefix lora,bias,short,tokens,identical; do
  named="(\"${conditions//,/\", \"}\")"
  for seeds in $(seq "$most"); do
    sweep trunk --config.seeds="$seeds"
    sweep branches --config.seeds="$seeds" --config.start.study="$runs/trunk" \
      --config.conditions="$named"
    "$python" scripts/report.py "$runs" --out=results/parscale
  done
done

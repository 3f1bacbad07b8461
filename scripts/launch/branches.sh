#!/usr/bin/env bash
# Trains the trunk and the branches of configs/parscale two seeds at a time, one on each of two cores,
# and writes results/parscale after each pair. What is trained stays: give the same command again to
# go on, or with more seeds.
#
#   scripts/launch/branches.sh PYTHON [SEEDS]
#
# AFTER_SEEDS names a command to run after each report, such as a script that commits the record.
set -euo pipefail
python=$1 most=${2:-8} runs=runs/parscale
cd "$(dirname "$0")/../.."

sweep() { # STUDY, flags
  "$python" scripts/sweep.py --config="configs/parscale/$1.py" --workdir="$runs/$1" "${@:2}"
}

# The conditions that decide first, of all seeds; then those that say why.
for conditions in one,prefix,two,four eight,mean,adapter,long_prefix lora,bias,short,tokens,identical; do
  named="(\"${conditions//,/\", \"}\")"
  for ((seeds = 2; seeds <= most; seeds += 2)); do
    sweep trunk --config.seeds="$seeds"
    sweep branches --config.seeds="$seeds" --config.start.study="$runs/trunk" \
      --config.conditions="$named"
    "$python" scripts/report.py "$runs" --out=results/parscale || echo "the report failed" >&2
    ${AFTER_SEEDS:+"$AFTER_SEEDS"}
  done
done

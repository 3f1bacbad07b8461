#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOF'
Runs a sweep on a Google Cloud TPU VM and copies the results back.

usage: scripts/launch/tpu_vm.sh [--dry-run] --name=NAME --zone=ZONE --type=TYPE -- CONFIG WORKDIR

  NAME       the TPU VM; made if there is none of that name, else used as it is
  ZONE       where it is: us-central2-b
  TYPE       its accelerator: v4-8, v5litepod-8, v5p-8, v6e-8
  CONFIG     a config file, as for scripts/sweep.py: configs/one_third/adam_grid.py
  WORKDIR    folder of the study, below the repository: runs/adam_grid
  --dry-run  print the commands and run none of them

Needs gcloud, logged in, with a project that may use TPUs. It copies the last commit
to every worker, installs the tpu extra there, trains, and copies WORKDIR back, also
when the training failed. The VM stays, and costs money, until you delete it; the
last line tells how. The same command again uses the same VM and goes on where the
study stopped. More in docs/launch.md.
EOF
}

fail() {
  echo "tpu_vm.sh: $1" >&2
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

dry_run=false name='' zone='' type=''
while (($#)); do
  case $1 in
    --help | -h) usage && exit ;;
    --dry-run) dry_run=true ;;
    --name=*) name=${1#*=} ;;
    --zone=*) zone=${1#*=} ;;
    --type=*) type=${1#*=} ;;
    --) shift && break ;;
    *) fail "unknown option $1 (write --name=NAME; CONFIG and WORKDIR stand after --; see --help)" ;;
  esac
  shift
done
for option in name zone type; do
  [[ ${!option} =~ ^[a-z][a-z0-9-]*$ ]] || fail "needs --$option=..., of a-z, 0-9 and - (see --help)"
done
(($# == 2)) || fail "needs CONFIG and WORKDIR after --, got $# arguments (see --help)"
config=$1
workdir=${2%/}
# scp reads a remote path in two ways, depending on its version; plain names mean the same in both.
[[ $workdir =~ ^[A-Za-z0-9._][A-Za-z0-9._/-]*$ && /$workdir/ != */../* ]] ||
  fail "WORKDIR must lie below the repository and have a plain name like runs/adam_grid, not $2"

# https://cloud.google.com/tpu/docs/runtimes
case $type in
  v6e-*) version="v2-alpha-tpuv6e" ;;
  v5p-*) version="v2-alpha-tpuv5" ;;
  v5litepod-*) version="v2-alpha-tpuv5-lite" ;;
  v[234]-*) version="tpu-ubuntu2204-base" ;;
  *) fail "unknown TPU type $type: v2 to v4, v5litepod, v5p and v6e are known, as in v6e-8" ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[[ -f ${config%%:*} ]] || fail "there is no config file ${config%%:*}"
$dry_run || command -v gcloud >/dev/null || fail "gcloud is not here: install the Google Cloud CLI"
git diff --quiet HEAD || echo "tpu_vm.sh: changes that are not committed stay here" >&2

tpu=(gcloud compute tpus tpu-vm)
archive=${TMPDIR:-/tmp}/jaxlab-$name.tar.gz
on_all=(--zone="$zone" --worker=all)

describe=("${tpu[@]}" describe "$name" --zone="$zone")
create=("${tpu[@]}" create "$name" --zone="$zone" --accelerator-type="$type" --version="$version")
echo "$(quoted "${describe[@]}") || $(quoted "${create[@]}")"
$dry_run || "${describe[@]}" &>/dev/null || "${create[@]}"

run git archive --format=tar.gz --output="$archive" HEAD
run "${tpu[@]}" scp "$archive" "$name:jaxlab.tar.gz" "${on_all[@]}"
run "${tpu[@]}" ssh "$name" "${on_all[@]}" \
  --command="mkdir -p jaxlab && tar -xzf jaxlab.tar.gz -C jaxlab"
# The images bring Python 3.10, which is too old. A new VM may still be busy with its own updates.
run "${tpu[@]}" ssh "$name" "${on_all[@]}" \
  --command="python3.12 -m ensurepip --version || { sudo add-apt-repository -y ppa:deadsnakes/ppa && \
sudo apt-get -o DPkg::Lock::Timeout=600 install -y make python3.12-venv; }"
run "${tpu[@]}" ssh "$name" "${on_all[@]}" --command="cd jaxlab && make setup-tpu PYTHON=python3.12"

# JAX_PLATFORMS: without a TPU this stops at once instead of training on the CPU.
status=0
run "${tpu[@]}" ssh "$name" "${on_all[@]}" --command="cd jaxlab && JAX_PLATFORMS=tpu,cpu \
$(quoted .venv/bin/python scripts/sweep.py --config="$config" --workdir="$workdir")" || status=$?
run mkdir -p "$(dirname "$workdir")"
run "${tpu[@]}" scp --recurse "$name:jaxlab/$workdir" "$(dirname "$workdir")" --zone="$zone" --worker=0
echo "# $name stays until: $(quoted "${tpu[@]}" delete "$name" --zone="$zone")"
exit "$status"

#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOT'
Trains a study on a Google Cloud TPU VM, of one host or a slice of several.

usage: scripts/launch/tpu_vm.sh [--dry-run] --name=NAME --zone=ZONE --type=TYPE [--spot]
         [--queue] [--nfs=HOST:/SHARE] [VERB] -- CONFIG WORKDIR [--config.KEY=VALUE ...]

  NAME       the TPU VM; made if there is none of that name, else used as it is
  ZONE       where it is: us-central2-b
  TYPE       its accelerator: v4-8, v5litepod-8, v5p-8, v6e-8, or a slice: v4-32
  --spot     a cheaper VM that may be taken back; `run` makes it anew and goes on
  --queue    ask for it through a queued resource, and wait until it is granted
  --nfs      a share that is mounted on all hosts as runs/: for slices of several hosts,
             and so that a spot VM which comes back goes on where it was
  CONFIG     a config file, as for scripts/sweep.py: configs/one_third/adam_grid.py
  WORKDIR    folder of the study: runs/adam_grid
  --dry-run  print the commands and run none of them

  VERB       run      all of these, in this order, but for `delete` (the default)
             up       make the VM
             install  copy the last commit to every host, and install the tpu extra
             start    start training on every host; it goes on when the terminal closes
             follow   show the log until the training ends
             fetch    copy WORKDIR back
             delete   delete the VM, which costs money until then

Needs gcloud, logged in, with a project that may use TPUs. More in docs/launch.md.
EOT
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/launch/common.sh
source scripts/launch/common.sh

dry_run=false name='' zone='' type='' nfs='' verb=run spot=() queue=false
while (($#)); do
  case $1 in
    --help | -h) usage && exit ;;
    --dry-run) dry_run=true ;;
    --name=*) name=${1#*=} ;;
    --zone=*) zone=${1#*=} ;;
    --type=*) type=${1#*=} ;;
    --nfs=*) nfs=${1#*=} ;;
    --spot) spot=(--spot) ;;
    --queue) queue=true ;;
    run | up | install | start | follow | fetch | delete) verb=$1 ;;
    --) shift && break ;;
    *) fail "unknown option $1 (write --name=NAME; CONFIG and WORKDIR stand after --; see --help)" ;;
  esac
  shift
done
for option in name zone type; do
  [[ ${!option} =~ ^[a-z][a-z0-9-]*$ ]] || fail "needs --$option=..., of a-z, 0-9 and - (see --help)"
done
[[ -z $nfs || $nfs =~ ^[A-Za-z0-9.-]+:/[A-Za-z0-9._/-]+$ ]] || fail "--nfs=$nfs: write HOST:/SHARE"
# https://cloud.google.com/tpu/docs/runtimes
case $type in
  v6e-*) version="v2-alpha-tpuv6e" ;;
  v5p-*) version="v2-alpha-tpuv5" ;;
  v5litepod-*) version="v2-alpha-tpuv5-lite" ;;
  v[234]-*) version="tpu-ubuntu2204-base" ;;
  *) fail "unknown TPU type $type: v2 to v4, v5litepod, v5p and v6e are known, as in v6e-8" ;;
esac
read_study "$@"
check_below
[[ -z $nfs || $workdir == runs/* ]] || fail "with --nfs WORKDIR must lie in runs/, not $workdir"
$dry_run || command -v gcloud >/dev/null || fail "gcloud is not here: install the Google Cloud CLI"

tpu=(gcloud compute tpus tpu-vm)
queued=(gcloud compute tpus queued-resources)
in_zone=(--zone="$zone")

on_host() { # WHICH COMMAND
  run "${tpu[@]}" ssh "$name" "${in_zone[@]}" --worker="$1" --command="$2"
}

state() { # nothing where there is no VM of that name
  "${tpu[@]}" describe "$name" "${in_zone[@]}" --format='value(state)' 2>/dev/null || true
}

up() {
  local now='' ask=("${tpu[@]}" create "$name" "${in_zone[@]}" --version="$version")
  if $queue; then
    ask=("${queued[@]}" create "$name" "${in_zone[@]}" --node-id="$name" --runtime-version="$version")
  fi
  $dry_run || now=$(state)
  case $now in
    READY) return ;;
    PREEMPTED | TERMINATED) delete ;;
    '') ;;
    *) fail "$name is $now: wait, or delete it" ;;
  esac
  run "${ask[@]}" --accelerator-type="$type" ${spot[@]+"${spot[@]}"}
  if $queue && ! $dry_run; then
    until [[ $(state) == READY ]]; do echo "# $name waits in the queue" && sleep 60; done
  fi
}

install() {
  git diff --quiet HEAD || echo "tpu_vm.sh: changes that are not committed stay here" >&2
  local archive=${TMPDIR:-/tmp}/jaxlab-$name.tar.gz
  run git archive --format=tar.gz --output="$archive" HEAD
  run "${tpu[@]}" scp "$archive" "$name:jaxlab.tar.gz" "${in_zone[@]}" --worker=all
  on_host all "mkdir -p jaxlab && tar -xzf jaxlab.tar.gz -C jaxlab"
  if [[ -n $nfs ]]; then
    on_host all "sudo apt-get -o DPkg::Lock::Timeout=600 install -y nfs-common && \
mkdir -p jaxlab/runs && { mountpoint -q jaxlab/runs || sudo mount $nfs jaxlab/runs; }"
  fi
  # The images bring Python 3.10, which is too old. A new VM may still be busy with its own updates.
  on_host all "python3.12 -m ensurepip --version || { sudo add-apt-repository -y ppa:deadsnakes/ppa && \
sudo apt-get -o DPkg::Lock::Timeout=600 install -y make python3.12-venv; }"
  on_host all "cd jaxlab && make setup-tpu PYTHON=python3.12"
}

start() { # JAX_PLATFORMS: without a TPU this stops at once instead of training on the CPU
  local line
  line="JAX_PLATFORMS=tpu,cpu $(quoted "${train[@]}"); echo exit status \$?"
  on_host all "cd jaxlab && { nohup bash -c $(quoted "$line") >~/jaxlab.log 2>&1 </dev/null & }"
}

follow() { # until the line that `start` writes last
  local last
  last=$(on_host 0 "sed '/^exit status/q' < <(tail --pid=\$\$ -n +1 -F ~/jaxlab.log 2>/dev/null)" |
    tee /dev/stderr | sed -n 's/^exit status //p')
  $dry_run || [[ $last == 0 ]]
}

fetch() {
  run mkdir -p "$(dirname "$workdir")"
  run "${tpu[@]}" scp --recurse "$name:jaxlab/$workdir" "$(dirname "$workdir")" "${in_zone[@]}" \
    --worker=0
}

delete() {
  if $queue; then
    run "${queued[@]}" delete "$name" "${in_zone[@]}" --force --quiet
  else
    run "${tpu[@]}" delete "$name" "${in_zone[@]}" --quiet
  fi
}

if [[ $verb != run ]]; then
  "$verb"
  exit
fi
again=(scripts/launch/tpu_vm.sh --name="$name" --zone="$zone" --type="$type")
status=0
up
install
start
until follow; do
  if ((${#spot[@]} == 0)) || [[ $(state) == READY ]]; then
    status=1
    echo "# it failed, or the connection broke: $(quoted "${again[@]}" follow -- "$config" "$workdir")"
    break
  fi
  echo "# $name was taken back: it is made anew"
  up
  install
  start
done
fetch
echo "# $name stays, and costs money, until: $(quoted "${again[@]}" delete -- "$config" "$workdir")"
exit "$status"

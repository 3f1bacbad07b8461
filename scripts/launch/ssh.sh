#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOT'
Trains a study on several machines that you reach by ssh, together as one.

usage: scripts/launch/ssh.sh [--dry-run] --hosts=HOST,HOST,... [--folder=PATH] [--port=9911]
         [VERB] -- CONFIG WORKDIR [--config.KEY=VALUE ...]

  HOST       as for ssh, user@host too; the first must be reached by the others by its name
  --folder   the repository with its .venv, on a disk that all hosts see (default: this one)
  --port     a free port of the first host
  CONFIG     a config file, as for scripts/sweep.py: configs/one_third/adam_grid.py
  WORKDIR    folder of the study, below the repository: runs/adam_grid
  --dry-run  print the commands and run none of them

  VERB       start    start training on every host; it goes on when the terminal closes (default)
             follow   show the log of the first host
             stop     save, and end the training; `start` goes on with it

Each host logs into WORKDIR.HOST.log.
EOT
}

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/launch/common.sh
source scripts/launch/common.sh

dry_run=false hosts=() folder=$PWD port=9911 verb=start
while (($#)); do
  case $1 in
    --help | -h) usage && exit ;;
    --dry-run) dry_run=true ;;
    --hosts=*) IFS=, read -ra hosts <<<"${1#*=}" ;;
    --folder=*) folder=${1#*=} ;;
    --port=*) port=${1#*=} ;;
    start | follow | stop) verb=$1 ;;
    --) shift && break ;;
    *) fail "unknown option $1 (write --hosts=A,B; CONFIG and WORKDIR stand after --; see --help)" ;;
  esac
  shift
done
((${#hosts[@]})) || fail "needs --hosts=A,B,... (see --help)"
for host in "${hosts[@]}"; do
  [[ $host =~ ^[A-Za-z0-9_][A-Za-z0-9._@-]*$ ]] || fail "--hosts has '$host', which is no name of a host"
done
[[ $port =~ ^[1-9][0-9]*$ ]] || fail "--port=$port: give a number"
read_study "$@"
check_below

in_folder="cd $(quoted "$folder")"
start() {
  local number process
  for number in "${!hosts[@]}"; do
    process=()
    ((${#hosts[@]} == 1)) || process=(--coordinator="${hosts[0]#*@}:$port"
      --processes="${#hosts[@]}" --process="$number")
    run ssh "${hosts[number]}" "$in_folder && mkdir -p $(dirname "$workdir") && \
{ nohup $(quoted "${train[@]}" ${process[@]+"${process[@]}"}) \
>$workdir.${hosts[number]}.log 2>&1 </dev/null & echo \$! >$workdir.${hosts[number]}.pid; }"
  done
}

follow() {
  run ssh -t "${hosts[0]}" "$in_folder && tail -n +1 -F $workdir.${hosts[0]}.log"
}

stop() { # SIGTERM: it saves at the next step
  local host
  for host in "${hosts[@]}"; do
    run ssh "$host" "$in_folder && kill -TERM \$(cat $workdir.$host.pid)"
  done
}

"$verb"

# shellcheck shell=bash disable=SC2034,SC2154 # each script sets dry_run, and reads what is set here
# What the launch scripts share.

fail() {
  echo "${0##*/}: $1" >&2
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

# Reads CONFIG WORKDIR [--config.KEY=VALUE ...] into config, workdir and flags.
read_study() {
  (($# >= 2)) || fail "needs CONFIG and WORKDIR after --, got $# arguments (see --help)"
  config=$1 workdir=${2%/} flags=("${@:3}")
  [[ -f ${config%%:*} ]] || fail "there is no config file ${config%%:*}"
  local flag
  for flag in ${flags[@]+"${flags[@]}"}; do
    [[ $flag == --?* ]] || fail "cannot read $flag: after WORKDIR come flags like --config.seeds=4"
  done
  train=(.venv/bin/python scripts/sweep.py --config="$config" --workdir="$workdir"
    ${flags[@]+"${flags[@]}"})
}

# Refuses a WORKDIR that another machine would not have at the same place below its own copy.
check_below() {
  [[ $workdir =~ ^[A-Za-z0-9._][A-Za-z0-9._/-]*$ && /$workdir/ != */../* ]] ||
    fail "WORKDIR must lie below the repository and have a plain name like runs/adam_grid, not $workdir"
}

#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOF'
Makes a virtual environment, unless it is there.

usage: scripts/setup/make_environment.sh VENV [PYTHON]

  VENV    the folder of the environment, such as .venv
  PYTHON  a name or path; by default the newest of Python 3.13, 3.12 and 3.11

An environment of another version than that of PYTHON is made anew.
EOF
}

case ${1:-} in
  --help | -h) usage && exit ;;
  '') usage >&2 && exit 2 ;;
esac
venv=$1
python=$("$(dirname "$0")/find_python.sh" ${2:+"$2"})
if [[ -f $venv/.made && "$("$venv/bin/python" --version)" == "$("$python" --version)" ]]; then
  exit
fi
echo "Making $venv from $python ($("$python" --version))"
"$python" -m venv --clear "$venv"
touch "$venv/.made"

#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOF'
Prints the path of a Python that jaxlab can use.

usage: scripts/setup/find_python.sh            the newest of Python 3.13, 3.12 and 3.11
       scripts/setup/find_python.sh --all      each of them that this machine has, newest first
       scripts/setup/find_python.sh PYTHON     the one of this name or path

It looks on the PATH, then among the versions of pyenv and of uv. A name that is a
shim of pyenv need not be active: python3.12 means the newest 3.12 of pyenv.
EOF
}

SUPPORTED=(3.13 3.12 3.11)

fail() {
  echo "error: $1" >&2
  exit 1
}

# Whether a Python runs, and is of a version where one is given.
runs() {
  [[ "$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" == "${2:-3.}"* ]]
}

# The path of the interpreter itself, behind shims and virtual environments.
executable() {
  "$1" -c 'import sys; print(sys._base_executable or sys.executable)'
}

# Every place where a version of Python may be.
places() {
  command -v "python$1" || true
  command -v python3 || true
  if command -v pyenv >/dev/null; then
    find "$(pyenv root)/versions" -mindepth 3 -maxdepth 3 -path "*/$1.*/bin/python$1" 2>/dev/null |
      sort -rV
  fi
  if command -v uv >/dev/null; then
    UV_PYTHON_DOWNLOADS=never uv python find --no-project "$1" 2>/dev/null || true
  fi
}

# The first Python of a version that runs and can make environments; nothing if there is none.
of_version() {
  local place
  while read -r place; do
    if runs "$place" "$1" && "$place" -c 'import ensurepip, venv' 2>/dev/null; then
      executable "$place"
      return
    fi
  done < <(places "$1")
}

# The Python of a name or path, or one line that says what is wrong with it.
named() {
  local python=$1 version found=
  version=$(basename "$python")
  version=${version#python}
  if ! runs "$python"; then
    [[ $version == 3.* ]] && found=$(of_version "$version")
    [[ -n $found ]] || command -v "$python" >/dev/null ||
      fail "$python is not on this machine. Name another: make PYTHON=/path/to/python3"
    [[ -n $found ]] ||
      fail "$python does not run ($("$python" --version 2>&1 | head -n 1)). Name another: make PYTHON=/path/to/python3"
    python=$found
  fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "jaxlab needs Python 3.11 or newer; $1 is $("$python" --version 2>&1). Name another: make PYTHON=python3.13"
  "$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$1 lacks its venv module. On Debian or Ubuntu: sudo apt install python3-venv"
  executable "$python"
}

case ${1:-} in
  --help | -h) usage ;;
  --all)
    for version in "${SUPPORTED[@]}"; do of_version "$version"; done
    ;;
  '')
    for version in "${SUPPORTED[@]}"; do
      found=$(of_version "$version")
      [[ -z $found ]] || { echo "$found" && exit; }
    done
    named python3
    ;;
  *) named "$1" ;;
esac

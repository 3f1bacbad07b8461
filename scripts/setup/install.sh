#!/usr/bin/env bash
set -euo pipefail

usage() {
  cat <<'EOF'
Installs this repository and what it stands on into a virtual environment.

usage: scripts/setup/install.sh VENV [EXTRA]
       PINS=FILE scripts/setup/install.sh VENV [EXTRA]

  VENV   the folder of the environment, such as .venv
  EXTRA  dev, cuda, tpu or slurm; without it, what training and reports need
  PINS   the exact versions; by default those of constraints/ for its Python

It shows how much is there while pip works.
EOF
}

[[ $# -ge 1 && $1 != --help && $1 != -h ]] || { usage && exit; }
venv=$1 extra=${2:-}
declare -A mb=([cuda]=6000 [dev]=1500)

version=$("$venv/bin/python" -c 'import sys; print("%d%d" % sys.version_info[:2])')
pins=${PINS:-constraints/py$version.txt}
pip=("$venv/bin/python" -m pip install -qq --disable-pip-version-check)
if [[ -f $pins ]]; then
  pip+=(--constraint "$pins")
else
  echo "There is no $pins: the newest versions that fit are installed."
fi
what=.${extra:+[$extra]}
size=${mb[${extra:-base}]:-1200}
echo "Installing $what into $venv ($("$venv/bin/python" --version), about $size MB in all):" \
  "one to two minutes the first time"

start=$SECONDS
"${pip[@]}" --editable "$what" &
installer=$!
trap 'kill "$installer" 2>/dev/null' INT TERM
every=20 # seconds between lines of a file
[[ -t 1 ]] && every=1
for ((tick = 1; ; tick++)); do
  sleep 1
  kill -0 "$installer" 2>/dev/null || break
  ((tick % every == 0)) || continue
  line="  $((SECONDS - start)) s: $(du -sm "$venv" 2>/dev/null | cut -f1) MB of about $size"
  if [[ -t 1 ]]; then printf '\r%s ' "$line"; else echo "$line"; fi
done
wait "$installer"
[[ ! -t 1 ]] || printf '\r'
echo "  done after $((SECONDS - start)) s"

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

case ${1:-} in
  --help | -h) usage && exit ;;
  '') usage >&2 && exit 2 ;;
esac
venv=$1 extra=${2:-}
case $extra in
  cuda) size=6000 ;;
  dev) size=1500 ;;
  *) size=1200 ;;
esac

version=$("$venv/bin/python" -c 'import sys; print("%d%d" % sys.version_info[:2])')
pins=${PINS:-constraints/py$version.txt}
pip=("$venv/bin/python" -m pip install -qq --disable-pip-version-check)
if [[ -f $pins ]]; then
  pip+=(--constraint "$pins")
else
  echo "There is no $pins: the newest versions that fit are installed."
fi
what=.${extra:+[$extra]}
echo "Installing $what into $venv ($("$venv/bin/python" --version)): about $size MB in all," \
  "a minute or two the first time"

start=$SECONDS
"${pip[@]}" --editable "$what" &
installer=$!
trap 'kill "$installer" 2>/dev/null || true' EXIT
every=20 # seconds between lines of a file
[[ -t 1 ]] && every=1
for ((tick = 1; ; tick++)); do
  sleep 1
  kill -0 "$installer" 2>/dev/null || break
  ((tick % every == 0)) || continue
  mb=$(du -sm "$venv" 2>/dev/null | cut -f1) || true # pip removes files while du counts
  line="  $((SECONDS - start)) s: $mb MB of about $size"
  if [[ -t 1 ]]; then printf '\r%s ' "$line"; else echo "$line"; fi
done
wait "$installer"
[[ ! -t 1 ]] || printf '\r'
echo "  done after $((SECONDS - start)) s"

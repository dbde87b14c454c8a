#!/usr/bin/env bash
# Makes the virtual environment of the examples, of the versions in requirements.txt: examples/venv.sh [folder [requirements]],
# build/venv if no folder is named. Needs the network once, and does nothing where that is done.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${1:-$root/build/venv}
packages=${2:-$root/examples/requirements.txt}
if ! cmp -s "$packages" "$venv/requirements.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$packages"
  cp "$packages" "$venv/requirements.txt"
fi
echo "$venv"

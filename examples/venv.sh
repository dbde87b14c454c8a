#!/usr/bin/env bash
# Makes the virtual environment of the examples, of the versions in requirements.txt: examples/venv.sh [folder [requirements]],
# build/venv if no folder is named. Needs the network once.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${1:-$root/build/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "${2:-$root/examples/requirements.txt}"
echo "$venv"

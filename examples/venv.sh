#!/usr/bin/env bash
# Makes the virtual environment of the examples in build/venv, of the versions in requirements.txt. Needs the network once.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${1:-$root/build/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$root/examples/requirements.txt"
echo "$venv"

#!/usr/bin/env bash
# Proves that a REBOUND simulation takes its gravity from libespalier, and its steps from the network, untrained and trained
# (examples/rebound): accelerations, energy and places as by its own, the same on 1 and 2 ranks. The package is in build/venv
# or ESPALIER_VENV (tests/run.sh makes it where it can); skipped without.
# ctest: TIMEOUT 900 LABELS slow
set -euo pipefail
if [ -n "${ESPALIER_SANITIZED:-}" ]; then
  echo "skipped: the library is sanitized"
  exit 77
fi
if ! find "${ESPALIER_VENV:-$ESPALIER_SOURCE/build/venv}" -name 'librebound*' 2>/dev/null | grep -q .; then
  echo "skipped: no package rebound (examples/venv.sh makes an environment with it)"
  exit 77
fi
folder=$(mktemp -d "${TMPDIR:-/tmp}/espalier-run.XXXXXX")
trap 'rm -rf "$folder"' EXIT
rebound=$ESPALIER_SOURCE/examples/rebound/run.sh
for verb in generate train; do
  "$ESPALIER_PROGRAM" $verb "$ESPALIER_SOURCE/inputs/nbody.yaml" -run_out "$folder" -data_test_n 256 -data_test_clouds 1 \
    >"$folder/$verb"
done
for ranks in 1 2; do
  bash "$rebound" $ranks "$folder/nbody/checkpoint.h5" | tee "$folder/$ranks"
done
cmp "$folder/1" "$folder/2"

#!/usr/bin/env bash
# Proves that AMUSE takes espalier as a code (examples/amuse): its field and accelerations against a direct sum, and a Bridge to
# BHTree beside one code, with a worker of 1 and of 2 ranks. Skipped where the environment is not in build/venv-amuse or
# ESPALIER_AMUSE (examples/amuse/run.sh makes it).
# ctest: TIMEOUT 900 LABELS slow
set -euo pipefail
if [ -n "${ESPALIER_SANITIZED:-}" ]; then
  echo "skipped: the library is sanitized"
  exit 77
fi
if [ ! -x "${ESPALIER_AMUSE:-$ESPALIER_SOURCE/build/venv-amuse}/bin/amusifier" ]; then
  echo "skipped: no environment with AMUSE (examples/amuse/run.sh makes it)"
  exit 77
fi
for ranks in 1 2; do
  bash "$ESPALIER_SOURCE/examples/amuse/run.sh" $ranks
done

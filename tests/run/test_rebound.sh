#!/usr/bin/env bash
# Proves that REBOUND takes its gravity from libespalier (examples/rebound) and keeps its energy as with its own, on 1 and 2
# ranks, where the package is in build/venv or ESPALIER_VENV; skipped without.
# ctest: PROCESSORS 2
set -euo pipefail
if [ -n "${ESPALIER_SANITIZED:-}" ]; then
  echo "skipped: the library is sanitized"
  exit 77
fi
for ranks in 1 2; do
  bash "$ESPALIER_SOURCE/examples/rebound/run.sh" $ranks
done

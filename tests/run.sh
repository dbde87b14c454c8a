#!/usr/bin/env bash
# Packages, build, then every test. From any folder; arguments go to ctest:
#   tests/run.sh -L unit           one label: unit, mpi, cuda, run, build
#   ESPALIER_PRESET=asan tests/run.sh
# ESPALIER_DATA names a folder of snapshots that are not in the repository; where it is not set, ../shared/data is taken
# if it exists. Tests that need it are skipped without.
set -euo pipefail
start=$SECONDS
# shellcheck source=jobscripts/prepare.sh
. "$(dirname "${BASH_SOURCE[0]}")/../jobscripts/prepare.sh"
espalier_packages
packages=$((SECONDS - start))
espalier_build
built=$((SECONDS - start - packages))
if [ -z "${ESPALIER_DATA:-}" ] && [ -d "$root/../shared/data" ]; then
  ESPALIER_DATA=$(cd "$root/../shared/data" && pwd)
  export ESPALIER_DATA
fi
say "packages $packages s, build $built s; data: ${ESPALIER_DATA:-none (tests that need them are skipped)}"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j 2 "$@" </dev/null || status=$?
say "all of it took $((SECONDS - start)) s"
exit $status

#!/usr/bin/env bash
# Packages, build, then every test. From any folder; arguments go to ctest:
#   tests/run.sh -L unit           one label: unit, mpi, cuda, run, build
#   ESPALIER_PRESET=asan tests/run.sh
# ESPALIER_DATA names a folder of snapshots that are not in the repository, ESPALIER_CASES one of small files that programs
# have failed on; where they are not set, ../shared/data and ../shared/cases are taken if they exist. Tests that need them
# are skipped without.
# What the examples need of Python (REBOUND, scikit-learn ...) goes into build/venv while the rest is built, where there is a
# network and no sanitizer; else their tests are skipped, and that is told.
set -euo pipefail
start=$SECONDS
# shellcheck source=jobscripts/prepare.sh
. "$(dirname "${BASH_SOURCE[0]}")/../jobscripts/prepare.sh"
espalier_needs+=(libeccodes-dev python3-numpy python3-scipy python3-h5py python3-venv) # so that GRIB and Python are tested, which users need not have
espalier_packages
packages=$((SECONDS - start))
mkdir -p "$root/build"
environment() {
  case "${ESPALIER_PRESET:-}" in asan*) return 0 ;; esac
  PIP_RETRIES=1 PIP_DEFAULT_TIMEOUT=15 timeout 240 bash "$root/examples/venv.sh" >"$root/build/venv.log" 2>&1 </dev/null ||
    say "no packages of Python for the examples, whose tests are skipped or do without: $(tail -n 1 "$root/build/venv.log")"
}
environment &
environment=$!
trap 'kill $environment 2>/dev/null || true' EXIT
espalier_build
wait $environment
built=$((SECONDS - start - packages))
for folder in data cases; do
  name=ESPALIER_${folder^^}
  if [ -z "${!name:-}" ] && [ -d "$root/../shared/$folder" ]; then
    export "$name=$(cd "$root/../shared/$folder" && pwd)"
  fi
done
say "packages $packages s, build $built s; data: ${ESPALIER_DATA:-none}, cases: ${ESPALIER_CASES:-none} (tests that need them are skipped without)"
status=0
ctest --test-dir "$build" --output-on-failure --no-tests=error -j 2 "$@" </dev/null || status=$?
say "all of it took $((SECONDS - start)) s"
exit $status

#!/usr/bin/env bash
# Makes the golden files again: tests/golden/make.sh [PROGRAM]. Of each NAME.yaml here: NAME.h5, the data it generates,
# NAME-checkpoint.h5, half of its training, and in files.txt what a program must read in both (tests/run/test_golden.sh).
# They are there to be read by later programs, so they are made again only where a file format is given up for good.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export ESPALIER_SOURCE=$root ESPALIER_PROGRAM MPIEXEC=${MPIEXEC:-mpirun}
ESPALIER_PROGRAM=$(realpath "${1:-$root/build/cpu/mpi/espalier}")
export ESPALIER_FIXTURE=${ESPALIER_FIXTURE:-$root/build/cpu/tests/run_make_fixture}
set -a
# shellcheck source=jobscripts/mpirun.env
. "$root/jobscripts/mpirun.env"
set +a
work=$(mktemp -d "${TMPDIR:-/tmp}/espalier-golden.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
golden=$root/tests/golden
for input in "$golden"/*.yaml; do
  name=$(basename "$input" .yaml)
  "$ESPALIER_PROGRAM" generate "$input" >/dev/null
  "$ESPALIER_PROGRAM" train "$input" -train_stop 6 >/dev/null
  cp "out/$name/data.h5" "$golden/$name.h5"
  cp "out/$name/checkpoint.h5" "$golden/$name-checkpoint.h5"
done
GOLDEN_WRITE=1 bash "$root/tests/run/test_golden.sh"
ls -l "$golden"

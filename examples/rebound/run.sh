#!/usr/bin/env bash
# Builds the example against the built library and the `rebound` package of build/venv (examples/venv.sh makes it), and runs
# it: examples/rebound/run.sh [ranks [checkpoint]], the checkpoint that of a network trained by inputs/nbody.yaml.
# REBOUND is under the GPL, version 3, and so is a program linked to it.
# ESPALIER_BUILD: the build's folder, build/cpu if not set; ESPALIER_VENV: the environment's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
build=${ESPALIER_BUILD:-$root/build/cpu}
venv=${ESPALIER_VENV:-$root/build/venv}
lib=$(dirname "$(find "$build" -name libespalier.so | head -n 1)")
rebound=$(find "$venv" -path '*site-packages/librebound*.so' 2>/dev/null | head -n 1 || true)
if [ -z "$rebound" ]; then
  echo "skipped: no package rebound in $venv (examples/venv.sh makes it)"
  exit 77
fi
if [ -z "${SLURM_JOB_ID:-}" ]; then
  set -a
  # shellcheck source=jobscripts/mpirun.env
  . "$root/jobscripts/mpirun.env"
  set +a
fi
program=$(mktemp "${TMPDIR:-/tmp}/espalier-rebound.XXXXXX")
trap 'rm -f "$program"' EXIT
mpicc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$root/mpi/lib" -isystem "$(dirname "$rebound")/src" \
  "$here"/{problem,plummer,ranks,gravity,network}.c -o "$program" -L"$lib" -lespalier "$rebound" \
  -Wl,-rpath,"$lib" -Wl,-rpath,"$(dirname "$rebound")" -lm
"${MPIEXEC:-mpiexec}" -n "${1:-2}" "$program" ${2:+"$2"}

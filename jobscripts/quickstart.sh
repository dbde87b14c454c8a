#!/usr/bin/env bash
# The whole path on this machine: packages, build, then the main job on 2 ranks. Ends with the ladder of methods and the
# path of the report.
#   jobscripts/quickstart.sh [-key value ...]        keys go to espalier, after inputs/nbody.yaml
set -euo pipefail
# shellcheck source=jobscripts/prepare.sh
. "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
espalier_packages
ESPALIER_TARGET=espalier
espalier_build
espalier_mpirun_env
cd "$root"
say "mpirun -n 2 espalier run inputs/nbody.yaml $*"
# The last line of the program is for scripts (one JSON object, kept as run.json beside the report); the report's path is
# the last one here.
mpirun -n 2 "$build/mpi/espalier" run inputs/nbody.yaml "$@" | sed -u '$d'

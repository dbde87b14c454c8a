#!/usr/bin/env bash
# The whole path on this machine: packages, build, then one job on 2 ranks. Ends with the ladder of methods and the path of
# the report.
#   jobscripts/quickstart.sh [INPUT.yaml] [-key value ...]        default: inputs/hidden-subspace.yaml
set -euo pipefail
# shellcheck source=jobscripts/prepare.sh
. "$(dirname "${BASH_SOURCE[0]}")/prepare.sh"
input=inputs/hidden-subspace.yaml
case "${1:-}" in
  *.yaml) input=$(realpath "$1") && shift ;;
esac
espalier_packages
ESPALIER_TARGET='espalier espalier_lib' # all that `cmake --install` puts in place
espalier_build
espalier_mpirun_env
cd "$root"
say "mpirun -n 2 espalier run $input $*"
# The last line of the program is for scripts (one JSON object, kept as run.json beside the report); the report's path is
# the last one here.
mpirun -n 2 "$build/mpi/espalier" run "$input" "$@" | sed -u '$d'

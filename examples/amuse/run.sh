#!/usr/bin/env bash
# Builds the worker against the built library, puts it beside the codes of AMUSE in build/venv-amuse, and couples it to one of
# them (bridge.py): examples/amuse/run.sh [ranks of the worker]. The environment is made where it is not there (minutes, and
# the network once). ESPALIER_BUILD: the build's folder, build/cpu if not set; ESPALIER_AMUSE: the environment's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${ESPALIER_BUILD:-$root/build/cpu}
venv=${ESPALIER_AMUSE:-$root/build/venv-amuse}
lib=$(dirname "$(find "$build" -name libespalier.so | head -n 1)")
[ -x "$venv/bin/amusifier" ] || "$root/examples/venv.sh" "$venv" "$here/requirements.txt"
export PATH=$venv/bin:$PATH
set -a
# shellcheck source=jobscripts/mpirun.env
. "$root/jobscripts/mpirun.env"
OMPI_MCA_btl=self,vader,tcp # workers are spawned, and Open MPI's shared memory does not reach from one job to another
set +a
code=$(find "$venv" -path '*site-packages/amuse/community' | head -n 1)/espalier
mkdir -p "$code"
cp "$here/interface.py" "$code"
touch "$code/__init__.py"
cd "$code"
amusifier --type=h interface.py EspalierInterface >worker_code.h
amusifier --type=c interface.py EspalierInterface >worker_code.cc
mpicc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$root/mpi/lib" -I. -c "$here/interface.c" -o interface.o
mpicxx -O2 -w -I. worker_code.cc interface.o -o espalier_worker -L"$lib" -lespalier -Wl,-rpath,"$lib" -lm
cd "$(mktemp -d "${TMPDIR:-/tmp}/espalier-amuse.XXXXXX")"
trap 'rm -rf "$PWD"' EXIT
python "$here/bridge.py" "${1:-1}"

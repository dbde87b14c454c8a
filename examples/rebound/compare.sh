#!/usr/bin/env bash
# How long one force on n bodies takes espalier, and REBOUND's tree where it errs as much: examples/rebound/compare.sh [n].
# REBOUND is the package of build/venv (monopoles), and the same version's source, built here with quadrupoles for this
# processor (build/rebound-source, which needs the network once). Minutes; on an idle machine, or believe the processor's times.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${ESPALIER_BUILD:-$root/build/cpu}
venv=${ESPALIER_VENV:-$root/build/venv}
source=$root/build/rebound-source
n=${1:-100000}
lib=$(dirname "$(find "$build" -name libespalier.so | head -n 1)")
package=$(find "$venv" -path '*site-packages/librebound*.so' | head -n 1)
[ -n "$package" ] || { echo "no package rebound in $venv: examples/venv.sh makes it" >&2; exit 1; }
mkdir -p "$source"
if [ ! -e "$source/librebound.so" ]; then
  version=$(sed -n 's/^rebound==//p' "$root/examples/requirements.txt")
  "$venv/bin/pip" --quiet --disable-pip-version-check download --no-deps --no-binary rebound -d "$source" "rebound==$version"
  tar -xzf "$source/rebound-$version.tar.gz" -C "$source" --strip-components 1
  gcc -std=gnu99 -O3 -march=native -fPIC -shared -Wl,-z,noexecstack -D_GNU_SOURCE -DSERVER -DQUADRUPOLE -w "$source"/src/*.{c,s} \
    -o "$source/librebound.so" -lm
fi
if [ -z "${SLURM_JOB_ID:-}" ]; then
  set -a
  # shellcheck source=jobscripts/mpirun.env
  . "$root/jobscripts/mpirun.env"
  set +a
fi
program=$(mktemp -d "${TMPDIR:-/tmp}/espalier-rebound.XXXXXX")
trap 'rm -rf "$program"' EXIT
for rebound in "$package" "$source/librebound.so"; do
  mpicc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$root/mpi/lib" -isystem "$(dirname "$package")/src" \
    "$here"/{compare,plummer,ranks,gravity,network}.c -o "$program/$(dirname "$rebound" | xargs basename)" -L"$lib" -lespalier \
    "$rebound" -Wl,-rpath,"$lib" -Wl,-rpath,"$(dirname "$rebound")" -lm
done
for order in 4 3; do
  "${MPIEXEC:-mpiexec}" -n 1 "$program/site-packages" "$n" $order "REBOUND's tree, monopoles"
  "${MPIEXEC:-mpiexec}" -n 1 "$program/rebound-source" "$n" $order "REBOUND's tree, quadrupoles"
  "${MPIEXEC:-mpiexec}" -n 2 "$program/site-packages" "$n" $order
done

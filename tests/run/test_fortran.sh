#!/usr/bin/env bash
# Proves that a Fortran program uses libespalier through its module on 1 to 3 ranks.
set -euo pipefail
# shellcheck source=tests/run/languages/library.sh
. "$ESPALIER_SOURCE/tests/run/languages/library.sh"
if ! command -v mpifort >/dev/null || ! mpifort --version >/dev/null 2>&1; then
  echo "skipped: no mpifort, or no Fortran compiler behind it (gfortran)"
  exit 77
fi
cd "$here"
mpifort -std=f2018 -Wall -Werror "$header/espalier.f90" "$sources/two.f90" -o two -L"$lib" -Wl,-rpath,"$lib" -lespalier
for ranks in 1 2 3; do
  [ "$("$MPIEXEC" -n $ranks ./two)" = right ] || fail "on $ranks ranks"
done

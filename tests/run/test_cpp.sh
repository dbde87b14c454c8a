#!/usr/bin/env bash
# Proves that libespalier has its SONAME and shows the symbols of its header alone, and that a C++ program uses it on 1 to
# 3 ranks.
set -euo pipefail
# shellcheck source=tests/run/languages/library.sh
. "$ESPALIER_SOURCE/tests/run/languages/library.sh"
readelf -d "$lib/libespalier.so" | grep -q 'SONAME.*\[libespalier\.so\.[0-9]*\]' || fail "no SONAME"
nm -D --defined-only "$lib/libespalier.so" | awk '{ print $3 }' | sed 's/@.*//' | grep . | sort >"$here/has"
grep -v '^typedef' "$header/espalier.h" | grep -oE '\bespalier_[a-z_]+\(' | tr -d '(' | grep -vx espalier_error | sort -u >"$here/named"
echo espalier_error >>"$here/named"
sort -o "$here/named" "$here/named"
diff "$here/named" "$here/has" || fail "symbols (>) are not those of the header (<)"
command -v mpicxx >/dev/null || { echo "skipped: no mpicxx"; exit 77; }
mpicxx -std=c++17 -Wall -Wextra -Wpedantic -Werror -DOMPI_SKIP_MPICXX -DMPICH_SKIP_MPICXX -I"$header" "$sources/two.cpp" -o "$here/two" -L"$lib" \
  -Wl,-rpath,"$lib" -lespalier
for ranks in 1 2 3; do
  "$MPIEXEC" -n $ranks "$here/two" || fail "on $ranks ranks"
done

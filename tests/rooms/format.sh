#!/usr/bin/env bash
# Proves that clang-format would change nothing. Skipped where it is not installed (Debian: clang-format, 140 MB with what
# it needs, hence not among the packages of jobscripts/prepare.sh), or is another one than the tree was formatted with:
# releases differ in details. To format the tree: the find below, piped to xargs clang-format -i.
set -euo pipefail
release=14
cd "${ESPALIER_SOURCE:-$(dirname "$0")/../..}"
tool=$(command -v clang-format-$release || command -v clang-format) || { echo "skipped: no clang-format"; exit 77; }
"$tool" --version | grep -q "version $release\." || { echo "skipped: $("$tool" --version), not $release"; exit 77; }
find src mpi cuda tests \( -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' \) -print0 | xargs -0 "$tool" --dry-run -Werror

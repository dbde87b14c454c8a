# shellcheck shell=bash
# Sourced: `lib` is the folder of the built libespalier, `header` that of its header; `here` a scratch folder.
here=$(mktemp -d "${TMPDIR:-/tmp}/espalier-languages.XXXXXX")
trap 'rm -rf "$here"' EXIT
lib=$(dirname "$(find "$ESPALIER_BUILD" -name libespalier.so | head -n 1)")
header=$ESPALIER_SOURCE/mpi/lib
sources=$ESPALIER_SOURCE/tests/run/languages
fail() {
  printf 'FAIL: %s\n' "$*"
  exit 1
}
# Loaded into a sanitized library, the other's program would miss its runtime.
if [ -n "${ESPALIER_SANITIZED:-}" ]; then
  echo "skipped: the library is sanitized"
  exit 77
fi

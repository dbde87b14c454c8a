#!/usr/bin/env bash
# Proves that no file of src, mpi, cuda and tests/cuda has over 400 lines and no function there over 60, const tables not
# counted. The text is taken as clang-format leaves it: a function ends with a brace in the first column.
set -euo pipefail
cd "${ESPALIER_SOURCE:-$(dirname "$0")/../..}"
# Files that are too long today; one that no longer is must leave the list, none may join it.
known=""
mapfile -t files < <(find src mpi cuda tests/cuda -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' -o -name '*.cpp' | sort)
awk -v known="$known" '
  function close_file() {
    if (path != "" && lines > 400 && !(path in too_long)) bad(path ":" lines ": a file of " lines " lines; 400 are allowed")
    if (path in too_long && lines <= 400) bad(path ": no longer too long: take it off the list in tests/rooms/limits.sh")
    delete too_long[path]
  }
  function bad(what) { print what; failed++ }
  BEGIN {
    count = split(known, name, " ")
    for (k = 1; k <= count; k++) too_long[name[k]] = 1
  }
  FNR == 1 { close_file(); path = FILENAME; inside = 0 }
  { lines = FNR }
  !inside && /^[A-Za-z_]/ { head = $0; table = 0 }
  !inside && /\{$/ && head !~ /^extern "C"/ {
    inside = FNR
    skipped = 0
    table = /= \{$/
    next
  }
  inside && /^  +static const .*= \{$/ { aside = FNR }
  inside && aside && /^  +\};/ { skipped += FNR - aside + 1; aside = 0 }
  inside && /^\}/ {
    functions++
    length_is = FNR - inside + 1 - skipped
    if (!table && length_is > 60) bad(FILENAME ":" inside ": " length_is " lines; 60 are allowed: " head)
    inside = aside = 0
  }
  END {
    close_file()
    for (path in too_long) bad(path ": is not there: take it off the list in tests/rooms/limits.sh")
    print functions + 0 " bodies seen"
    exit failed > 0 || functions == 0
  }
' "${files[@]}"

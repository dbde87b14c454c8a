#!/usr/bin/env bash
# Proves that the rooms include each other along the arrows alone: src: tasks -> net -> message -> tree -> base; net -> fmm -> base;
# cuda -> src without tasks; mpi: verbs -> lib -> io -> domain -> src, tasks from io on.
set -euo pipefail
cd "${ESPALIER_SOURCE:-$(dirname "$0")/../..}"
mapfile -t files < <(find src mpi cuda -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh' | sort)
awk '
  BEGIN { # may[room]: what its files may include
    may["base"] = "base"
    may["tree"] = may["base"] " tree"
    may["fmm"] = may["base"] " fmm"
    may["message"] = may["tree"] " message"
    may["net"] = may["message"] " fmm net"
    may["cuda"] = may["net"] " cuda"
    may["tasks"] = may["net"] " tasks"
    may["domain"] = may["net"] " domain"
    may["io"] = may["domain"] " tasks io"
    may["lib"] = may["io"] " lib"
    may["verbs"] = may["lib"] " verbs"
  }
  function bad(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what
    failed++
  }
  FNR == 1 {
    split(FILENAME, folder, "/")
    room = folder[1] == "cuda" ? "cuda" : folder[2]
    if (!(room in may)) bad("the room \"" room "\" is new: give it a line in tests/rooms/arrows.sh")
  }
  /^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, quoted, "\"")
    split(quoted[2], folder, "/")
    to = folder[1]
    if (!(to in may)) bad("\"" quoted[2] "\" does not begin with a room")
    else if (index(" " may[room] " ", " " to " ") == 0) bad("\"" quoted[2] "\": no arrow " room " -> " to)
    else arrows++
  }
  END {
    print arrows + 0 " includes point along the arrows"
    exit failed > 0 || arrows == 0
  }
' "${files[@]}"

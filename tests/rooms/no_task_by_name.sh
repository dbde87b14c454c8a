#!/usr/bin/env bash
# Proves that mpi/verbs, mpi/io and mpi/lib know no task by name: the names are those of the rows &esp_task_NAME of
# src/tasks/tasks.c. Not allowed there, whatever the case of its letters: "NAME", an include of tasks/NAME, a word that
# begins with NAME_ or esp_NAME, a file NAME.c or NAME_*. Exempt are words that mpi/lib/espalier.h promises to its callers,
# and those of snapshot formats, which others chose.
set -euo pipefail
cd "${ESPALIER_SOURCE:-$(dirname "$0")/../..}"
format_words=('"box"' GRAVITY_NOT_PERIODIC) # of snapshot formats
known=( # files that still name one; one that no longer does must leave the list
  mpi/lib/espalier.c
)
table=src/tasks/tasks.c
[ -e $table ] || { echo "no task table yet"; exit 0; }
names=$(grep -oE '&esp_task_[a-z0-9_]+' $table | sed 's/&esp_task_//' | sort -u | paste -s -d '|')
[ -n "$names" ] || { echo "$table has no row &esp_task_NAME"; exit 1; }
rooms=(mpi/verbs mpi/io mpi/lib)
words="\"($names)\"|\"tasks/($names)[^\"]*\"|\b(esp_($names)|($names)_)[a-z0-9_]*"
exempt=$(grep -oiE "$words" mpi/lib/espalier.h || true; printf '%s\n' ${format_words[@]+"${format_words[@]}"})
found=$(
  grep -rnoiE "$words" "${rooms[@]}" | while IFS=: read -r file line word; do
    grep -qxF -e "$word" <<<"$exempt" || echo "$file:$line: $word"
  done
  find "${rooms[@]}" -type f | grep -iE "/($names)(_[^/]*|\.[^/]*)$" | sed 's/$/:1: the name of the file/' || true
)
failed=0
for file in ${known[@]+"${known[@]}"}; do
  grep -q "^$file:" <<<"$found" || { echo "$file: names no task any more: take it off the list in $0"; failed=1; }
  found=$(grep -v "^$file:" <<<"$found" || true)
done
[ -z "$found" ] || { echo "$found"; failed=1; }
echo "tasks: ${names//|/ }"
exit $failed

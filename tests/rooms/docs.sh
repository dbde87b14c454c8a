#!/usr/bin/env bash
# Proves that docs/2-house.md shows tests/toy/echo.c as it is, and that every file that a page of the documentation links
# to or names in src/, mpi/, tests/, inputs/, jobscripts/ or docs/ is there.
set -euo pipefail
root=${ESPALIER_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
cd "$root"
bad=0
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' docs/2-house.md | diff - tests/toy/echo.c >&2 ||
  { echo "docs/2-house.md does not show tests/toy/echo.c as it is"; bad=1; }
for page in README.md docs/*.md docs/figures/*.md; do
  while read -r link; do
    case "$link" in http*|'#'*) continue ;; esac
    [ -e "$(dirname "$page")/${link%%#*}" ] || { echo "$page: $link is not there"; bad=1; }
  done < <(grep -oE '\]\([^)]+\)' "$page" | sed -E 's/^\]\(//; s/\)$//')
  while read -r file; do
    case "$file" in *NAME*) continue ;; esac
    [ -e "$file" ] || { echo "$page: $file is not there"; bad=1; }
  done < <(grep -oE '`(src|mpi|tests|inputs|jobscripts|docs|cuda)/[A-Za-z0-9_./-]+`' "$page" | tr -d '`' | sort -u)
done
exit $bad

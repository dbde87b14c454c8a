# What the tests of the program share; sourced. They work in a folder of their own that goes away at the end; every
# failed expectation is told, and `finish` makes the script fail if there was one.
set -uo pipefail
work=$(mktemp -d "${TMPDIR:-/tmp}/espalier-run.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
limit=300 # seconds after which a call counts as hung: many times what a busy machine needs
# mpirun gives the ranks that are left a second between asking and killing; here they have ended already
export OMPI_MCA_odls_base_sigkill_timeout=0

fail() { # what...: told with the last output
  echo "FAIL: $*"
  [ -f stdout ] && tail -n 1 stdout | cut -c 1-200 | sed 's/^/  out: /'
  [ -f stderr ] && head -n 4 stderr | cut -c 1-300 | sed 's/^/  err: /'
  failures=$((failures + 1))
}

finish() {
  [ "$failures" -eq 0 ] || { echo "$failures expectations failed"; exit 1; }
  exit 0
}

spoil() { "$ESPALIER_FIXTURE" "$@" || fail "make_fixture $*"; }

# call RANKS ARGUMENTS...: output into the files stdout and stderr, exit status into rc. Variables whose names start with
# ESP_SHIM_ reach the program through the shim. One rank alone starts without mpirun.
call() {
  local ranks=$1 preload=()
  shift
  [ -z "${ESP_SHIM_KILL:-}${ESP_SHIM_FSIZE:-}${ESP_SHIM_REFUSE:-}" ] || preload=(-x "LD_PRELOAD=$ESPALIER_SHIM")
  local launch=("$MPIEXEC" "${preload[@]}" -n "$ranks")
  [ "$ranks" -gt 1 ] || [ ${#preload[@]} -gt 0 ] || launch=()
  timeout -k 5 "$limit" "${launch[@]}" "$ESPALIER_PROGRAM" "$@" >stdout 2>stderr </dev/null
  rc=$?
}

# good RANKS ARGUMENTS...: must end well; the last line of stdout is one JSON object.
good() {
  call "$@"
  [ "$rc" -eq 0 ] || { fail "exit status $rc: -n $*"; return; }
  case "$(tail -n 1 stdout)" in
    '{'*'}') ;;
    *) fail "the last line is no JSON object: -n $*" ;;
  esac
}

# same WHAT VALUE: the same as at the first call with WHAT
declare -A known
same() {
  [ -n "$2" ] || { fail "no $1"; return; }
  [ -n "${known[$1]:-}" ] || known[$1]=$2
  [ "${known[$1]}" = "$2" ] || fail "$1 differs: ${known[$1]} | $2"
}

# json KEY: its first value in the last line of stdout
json() { tail -n 1 stdout | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'; }

# refuse 'WORD|WORD...' RANKS ARGUMENTS...: must end by itself, with a status that is not 0, one message of the program
# that holds each of the words, and nothing half written beside a file.
refuse() {
  local words word told
  IFS='|' read -r -a words <<<"$1"
  shift
  call "$@"
  if [ "$rc" -eq 0 ]; then fail "accepted: -n $*"; return; fi
  if [ "$rc" -ge 124 ]; then fail "hung or died, status $rc: -n $*"; return; fi
  told=$(grep -c '^espalier: ' stderr)
  [ "$told" -eq 1 ] || fail "told $told times: -n $*"
  for word in "${words[@]}"; do
    grep -qF -e "$word" stderr || fail "'$word' is not in the message: -n $*"
  done
  no_parts "-n $*"
}

no_parts() { # what
  local parts
  parts=$(find . -name '*.part')
  [ -z "$parts" ] || { fail "left behind by $1: $parts"; find . -name '*.part' -delete; }
}

need_shim() { # a preloaded library and the address sanitizer exclude each other
  case "${ESPALIER_SANITIZED:-0}" in
    1) echo "skipped: built with the sanitizer"; exit 77 ;;
  esac
}

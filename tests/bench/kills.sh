#!/usr/bin/env bash
# Deaths at random moments, by hand: a small training, or the making of its data, on 1 or 2 ranks is sent KILL, TERM, or STOP
# and CONT at a moment drawn anew each time. It must end (or go on) by itself, leave no file half written, and, started
# again from what it left, give the bits of a job that nobody disturbed.
#   tests/bench/kills.sh PROGRAM [TIMES=100] [SEED=1]      ends with a line of counts; status 1 if anything went wrong
set -uo pipefail
program=$(realpath "$1") times=${2:-100}
RANDOM=${3:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/espalier-kills.XXXXXX")
cd "$work" || exit 1
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
job=(-data_n 200 -data_clouds 6 -data_test_n 64 -data_test_clouds 1 -net_layers 1 -train_batch 2 -train_steps 600
  -train_checkpoint_every 40)
value() { grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'; }
launch() { # RANKS ARGUMENTS...
  local ranks=$1
  shift
  if [ "$ranks" -eq 1 ]; then exec "$program" "$@"; else exec mpirun -n "$ranks" "$program" "$@"; fi
}

(launch 1 run "${job[@]}" -run_name whole -report_pictures false) >whole.txt 2>&1 || { cat whole.txt; exit 1; }
data=$(tail -n 1 whole.txt | value checksum)
parameters=$(tail -n 1 whole.txt | value parameter_checksum)
start=$(date +%s%N)
(launch 1 train "${job[@]}" -run_name whole2 -data_file "$work/out/whole/data.h5") >/dev/null 2>&1
long=$((($(date +%s%N) - start) / 1000000 + 200)) # ms of a training
bad=0 died=0 ended=0
declare -A count

wrong() { echo "WRONG ($k: $verb, $signal, $ranks ranks, after $after ms): $*"; bad=$((bad + 1)); }

for ((k = 1; k <= times; k++)); do
  verbs=(train train generate) signals=(KILL TERM STOP KILL TERM)
  verb=${verbs[RANDOM % 3]} signal=${signals[RANDOM % 5]} ranks=$((1 + RANDOM % 2)) after=$((RANDOM % long))
  name=run$k
  own=("$verb" "${job[@]}" -run_name "$name")
  [ "$verb" = generate ] || own+=(-data_file "$work/out/whole/data.h5")
  (launch "$ranks" "${own[@]}") >stdout 2>stderr </dev/null &
  pid=$!
  sleep "$(awk -v ms=$after 'BEGIN { print ms / 1000 }')"
  mapfile -t all < <(pgrep -f -- "-run_name $name( |\$)" | sort)
  victim=${all[$((RANDOM % (${#all[@]} > 0 ? ${#all[@]} : 1)))]:-}
  [ "$signal" != TERM ] || victim=$pid
  [ -n "$victim" ] && kill -"$signal" "$victim" 2>/dev/null
  if [ "$signal" = STOP ]; then sleep 0.3; [ -n "$victim" ] && kill -CONT "$victim" 2>/dev/null; fi
  (exec sleep 120) &
  guard=$!
  wait -n "$pid" "$guard" 2>/dev/null
  rc=$?
  if kill -0 "$pid" 2>/dev/null; then
    wrong "still there after two minutes"
    pkill -KILL -f -- "-run_name $name( |\$)"
  fi
  kill "$guard" 2>/dev/null
  count[$signal]=$((${count[$signal]:-0} + 1))
  if [ $rc -eq 0 ]; then ended=$((ended + 1)); else died=$((died + 1)); fi
  for file in "out/$name"/{data,checkpoint}.h5; do
    [ ! -e "$file" ] || "$program" info "$file" >/dev/null 2>info.txt || wrong "$file: $(head -n 1 info.txt)"
  done
  again=("${own[@]}")
  [ ! -e "out/$name/checkpoint.h5" ] || again+=(-train_restart "out/$name/checkpoint.h5")
  (launch $((3 - ranks)) "${again[@]}") >stdout 2>stderr </dev/null || { wrong "not again: $(head -n 2 stderr)"; continue; }
  if [ "$verb" = generate ]; then
    [ "$(tail -n 1 stdout | value checksum)" = "$data" ] || wrong "other data"
  else
    [ "$(tail -n 1 stdout | value parameter_checksum)" = "$parameters" ] || wrong "other parameters"
  fi
  rm -rf "out/$name"
done
echo "$times signals (KILL ${count[KILL]:-0}, TERM ${count[TERM]:-0}, STOP ${count[STOP]:-0}): $died jobs died, $ended" \
  "ended well, $bad went wrong"
rm -rf "$work"
[ $bad -eq 0 ]

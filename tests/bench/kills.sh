#!/usr/bin/env bash
# Deaths at random moments, by hand: a small training, the making of its data, an evaluation or a prediction on 1 or 2 ranks
# is sent KILL, TERM, STOP and CONT, or STOP and KILL at a moment drawn anew each time. It must end (or go on) by itself and
# leave no file half written: of an evaluation and a prediction each file of results is that of an earlier checkpoint or the
# new one. Started again from what it left, it gives the bits of a job that nobody disturbed.
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
(launch 1 train "${job[@]}" -train_steps 20 -run_name few -data_file out/whole/data.h5) >/dev/null 2>&1 || exit 1
given=(out/whole/{data,checkpoint}.h5 out/few/checkpoint.h5)
kept=$(cksum "${given[@]}")

# What a file of results says, without its times and its folder.
settled() { # FILE FOLDER
  case $1 in
    *.h5) cat "$1" ;;
    *.csv) awk -F , 'FNR == 1 { for (c = 1; c <= NF; c++) time[c] = $c ~ /seconds|us_per|MiB/ }
        { for (c = 1; c <= NF; c++) printf "%s,", time[c] ? "" : $c; print "" }' "$1" ;;
    *) sed -E "s/\"[a-z_]*(seconds|bytes_rank)[a-z_]*\":[^,}]*//g; s/\b($2|earlier)\b/NAME/g" "$1" ;;
  esac | cksum
}
results() { (cd "out/$1" && for file in *; do echo "$file $(settled "$file" "$1")"; done) } # FOLDER

# results_of VERB RANKS CHECKPOINT FOLDER: into what is there
results_of() {
  (launch "$2" "$1" "${job[@]}" -run_name "$4" -data_file out/whole/data.h5 -eval_checkpoint "out/$3/checkpoint.h5") \
    >stdout 2>stderr </dev/null
}
declare -A long expected
for verb in train generate evaluate predict; do # ms of each
  start=$(date +%s%N)
  case $verb in
    generate) (launch 1 generate "${job[@]}" -run_name long) ;;
    train) (launch 1 train "${job[@]}" -run_name long -data_file out/whole/data.h5) ;;
    *) results_of $verb 1 few earlier ;;
  esac >/dev/null 2>&1 || { echo "$verb does not work"; exit 1; }
  long[$verb]=$((($(date +%s%N) - start) / 1000000 + 200))
done
for verb in evaluate predict; do
  for ranks in 1 2; do
    cp -r out/earlier "out/$verb$ranks"
    results_of $verb $ranks whole "$verb$ranks" || { cat stderr; exit 1; }
    expected[$verb$ranks]=$(results "$verb$ranks")
  done
done
earlier=$(results earlier)
bad=0 died=0 ended=0
declare -A count

wrong() { echo "WRONG ($k: $verb, $signal, $ranks ranks, after $after ms): $*"; bad=$((bad + 1)); }

for ((k = 1; k <= times; k++)); do
  verbs=(train generate evaluate predict) signals=(KILL TERM CONT STOP)
  verb=${verbs[RANDOM % 4]} signal=${signals[RANDOM % 4]} ranks=$((1 + RANDOM % 2))
  after=$((RANDOM % long[$verb])) name=run$k
  own=("$verb" "${job[@]}" -run_name "$name")
  [ "$verb" = generate ] || own+=(-data_file out/whole/data.h5)
  case $verb in
    evaluate | predict)
      own+=(-eval_checkpoint out/whole/checkpoint.h5)
      cp -r out/earlier "out/$name"
      ;;
  esac
  (launch "$ranks" "${own[@]}") >stdout 2>stderr </dev/null &
  pid=$!
  sleep "$(awk -v ms=$after 'BEGIN { print ms / 1000 }')"
  mapfile -t all < <(pgrep -f -- "-run_name $name( |\$)" | sort)
  victim=${all[$((RANDOM % (${#all[@]} > 0 ? ${#all[@]} : 1)))]:-}
  [ "$signal" != TERM ] || victim=$pid
  send() { [ -z "$victim" ] || kill -"$1" "$victim" 2>/dev/null; }
  case $signal in
    CONT) send STOP && sleep 0.3 && send CONT ;;
    STOP) send STOP && sleep 0.3 && send KILL ;;
    *) send "$signal" ;;
  esac
  (exec sleep 120) &
  guard=$!
  wait -n "$pid" "$guard" 2>/dev/null
  rc=$?
  if kill -0 "$pid" 2>/dev/null; then
    wrong "still there after two minutes"
    pkill -KILL -f -- "-run_name $name( |\$)"
  fi
  for ((wait = 0; wait < 1200; wait++)); do # of a launcher that was killed the ranks end a little later
    pgrep -f -- "-run_name $name( |\$)" >/dev/null || break
    sleep 0.1
  done
  [ $wait -lt 1200 ] || wrong "ranks are there two minutes after their launcher"
  kill "$guard" 2>/dev/null
  count[$signal]=$((${count[$signal]:-0} + 1))
  if [ $rc -eq 0 ]; then ended=$((ended + 1)); else died=$((died + 1)); fi
  for file in "out/$name"/{data,checkpoint}.h5; do
    [ ! -e "$file" ] || "$program" info "$file" >/dev/null 2>info.txt || wrong "$file: $(head -n 1 info.txt)"
  done
  [ "$(cksum "${given[@]}")" = "$kept" ] || wrong "the data or the checkpoint it was given changed"
  if [ -n "${expected[$verb$ranks]:-}" ]; then
    while read -r file sum; do
      now=$([ ! -e "out/$name/$file" ] || settled "out/$name/$file" "$name")
      [ "$sum" = "$now" ] || grep -qxF "$file $now" <<<"${expected[$verb$ranks]}" ||
        wrong "$file is neither the earlier nor the new"
    done <<<"$earlier"
  fi
  again=("${own[@]}")
  [ ! -e "out/$name/checkpoint.h5" ] || again+=(-train_restart "out/$name/checkpoint.h5")
  (launch $((3 - ranks)) "${again[@]}") >stdout 2>stderr </dev/null || { wrong "not again: $(head -n 2 stderr)"; continue; }
  case $verb in
    generate) [ "$(tail -n 1 stdout | value checksum)" = "$data" ] || wrong "other data" ;;
    train) [ "$(tail -n 1 stdout | value parameter_checksum)" = "$parameters" ] || wrong "other parameters" ;;
    *)
      diff <(results "$name") <(echo "${expected[$verb$((3 - ranks))]}") >diff.txt ||
        wrong "other results: $(tr '\n' ' ' <diff.txt)"
      ;;
  esac
  rm -rf "out/$name"
done
echo "$times signals (KILL ${count[KILL]:-0}, TERM ${count[TERM]:-0}, STOP and CONT ${count[CONT]:-0}, STOP and KILL" \
  "${count[STOP]:-0}): $died jobs died, $ended ended well, $bad went wrong"
rm -rf "$work"
[ $bad -eq 0 ]

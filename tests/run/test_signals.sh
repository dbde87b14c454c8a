#!/usr/bin/env bash
# Proves what a signal leaves: a training stops after its step with a checkpoint, tells how to go on, and goes on to the same
# bits, on any number of ranks; other verbs end at once with nothing half written; checkpoints by time are there after a kill.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
unset OMPI_MCA_odls_base_sigkill_timeout # as users have it

job=(-data_n 200 -data_clouds 4 -data_test_n 64 -data_test_clouds 1 -net_layers 1 -train_batch 2)
S=2000
good 1 run "${job[@]}" -train_steps $S -report_pictures false
data=$PWD/out/run/data.h5
whole=$(grep -o '"parameter_checksum":"[^"]*"' out/run/train.json | cut -d '"' -f 4)
steps_of() { tail -n 1 "$1/metrics.csv" | cut -d , -f 1; }

# start NAME RANKS ARGUMENTS...: in the background, until its training has made some steps
start() {
  local name=$1 ranks=$2 launch=() tries
  shift 2
  [ "$ranks" -eq 1 ] || launch=("$MPIEXEC" -n "$ranks")
  "${launch[@]}" "$ESPALIER_PROGRAM" "$@" "${job[@]}" -run_name "$name" >stdout 2>stderr </dev/null &
  pid=$!
  for ((tries = 0; tries < 20 * limit; tries++)); do
    [ ! -f "out/$name/metrics.csv" ] || [ "$(wc -l <"out/$name/metrics.csv")" -lt 20 ] || return
    sleep 0.05
  done
  fail "no step after $limit s: $name"
}

# stopped NAME STATUS: the job has ended so, in good order
stopped() {
  wait "$pid"
  rc=$?
  [ "$rc" -eq "$2" ] || fail "exit status $rc, not $2: $1"
  grep -q "train: stopped by a signal after step [0-9]* of .* -train_restart out/$1/checkpoint.h5 goes on" stdout ||
    fail "not told how to go on: $1"
  [ "$(json steps)" = "$(steps_of "out/$1")" ] || fail "$(json steps) steps, and $(steps_of "out/$1") lines: $1"
  [ -f "out/$1/checkpoint.h5" ] || fail "no checkpoint: $1"
  [ ! -e "out/$1/run.lock" ] || fail "the lock is still there: $1"
  no_parts "$1"
}

goes_on() { # NAME RANKS
  good "$2" train "${job[@]}" -run_name "$1" -data_file "$data" -train_steps $S -train_restart "out/$1/checkpoint.h5"
  [ "$(json parameter_checksum)" = "$whole" ] || fail "other bits after going on: $1"
  [ "$(wc -l <"out/$1/metrics.csv")" -eq $((S + 1)) ] || fail "$(wc -l <"out/$1/metrics.csv") lines of metrics: $1"
}

start term 1 train -data_file "$data" -train_steps $S
kill -TERM "$pid"
stopped term 75
goes_on term 2

start usr1 2 train -data_file "$data" -train_steps $S
kill -USR1 "$pid" # mpirun hands it on
stopped usr1 75
goes_on usr1 1

start both 2 run -train_steps 1000000
kill -TERM "$(cut -d " " -f 2 "/proc/$pid/task/$pid/children")" # one rank alone
stopped both 75
[ ! -e out/both/ladder.csv ] || fail "evaluated after a signal"

start mpirun 2 train -data_file "$data" -train_steps 1000000
kill -TERM "$pid" # mpirun kills its ranks some seconds after it has handed it on
stopped mpirun 1

# a kill that nobody can hear: what was kept by time is there; the bits do not depend on when
start kill 1 train -data_file "$data" -train_steps $S -train_checkpoint_minutes 1e-4
kill -KILL "$pid"
wait "$pid" 2>/dev/null
goes_on kill 1
start seldom 1 train -data_file "$data" -train_steps 1000000
kill -KILL "$pid"
wait "$pid" 2>/dev/null
[ ! -e out/seldom/checkpoint.h5 ] || fail "a checkpoint before its time"

# another verb
"$ESPALIER_PROGRAM" generate -data_n 4000 -data_clouds 500 -data_test_clouds 0 -run_name made >stdout 2>stderr </dev/null &
pid=$!
for ((tries = 0; tries < 20 * limit; tries++)); do
  ! ls out/made/*.part >parts 2>/dev/null || break
  sleep 0.05
done
kill -TERM "$pid"
wait "$pid"
rc=$?
[ "$rc" -eq 143 ] || fail "exit status $rc of a generate that is asked to end"
[ "$(ls out/made)" = config-generate.yaml ] || fail "left behind: $(ls out/made)"
[ -s parts ] || fail "the data were not in the making"
finish

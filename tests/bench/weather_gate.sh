#!/usr/bin/env bash
# The gate of generated weather: networks of inputs/weather-generated.yaml and controls trained alike, on data of another
# seed, each judged on two starts that nothing was chosen by. Prints one table and what of it holds (docs/figures/weather.md).
#   tests/bench/weather_gate.sh PROGRAM [FOLDER=out/weather-gate]      PROGRAM: build/cpu/mpi/espalier
#   SEEDS="1 2 3"   of the networks; RANKS=1
# What is finished in FOLDER is kept, so it can be stopped and started again; remove a run's folder to have it anew. About
# 50 minutes on one core.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,/^set/s/^# //p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=$(realpath "$1")
mkdir -p "${2:-out/weather-gate}"
out=$(realpath "${2:-out/weather-gate}")
input=$root/inputs/weather-generated.yaml
# shellcheck source=jobscripts/prepare.sh
. "$root/jobscripts/prepare.sh"
espalier_mpirun_env

# espalier NAME ARGUMENTS...: the log is NAME.log, below the results.
espalier() {
  local name=$1
  shift
  mpirun -n "${RANKS:-1}" "$program" "$1" "$input" -run_out "$out" -run_name "$name" -report_pictures false "${@:2}" \
    >"$out/$name.log" 2>&1 </dev/null || { tail -n 20 "$out/$name.log" >&2; die "$name failed: $out/$name.log"; }
}
finished() { [ -s "$out/$1.json" ] && ! grep -q '"unfinished":true' "$out/$1.json"; }

# ---- data ----

# The second test start is number 1 of its part: a small mesh takes number 0. Training starts are the same.
finished start0/generate || espalier start0 generate -run_seed 2026
finished start1/generate || espalier start1 generate -run_seed 2026 -data_test_n 162,2562 -data_test_clouds 1,1
# Classical methods need no network, but the verb does: one of a step, of another seed and a small mesh.
finished none/train ||
  espalier none run -run_seed 77 -data_n 162 -data_clouds 1 -data_test_n 162 -data_weather_days 2 -train_steps 1

# judge NAME START ARGUMENTS...: NAME's network on a start, into NAME-start0, NAME-start1.
judge() {
  local name=$1 start=$2
  shift 2
  finished "$name-start$start/evaluate" || espalier "$name-start$start" evaluate -data_file "$out/start$start/data.h5" "$@"
}
for lead in 6 24; do
  for start in 0 1; do
    judge "classical-$lead" "$start" -data_weather_lead "$lead" -eval_checkpoint "$out/none/checkpoint.h5"
  done
done

# ---- networks ----

# learn NAME SEED ARGUMENTS...: trained on the training starts, judged on both test starts.
learn() {
  local name=$1 seed=$2 start
  shift 2
  finished "$name/train" || espalier "$name" train -data_file "$out/start0/data.h5" -run_seed "$seed" "$@"
  for start in 0 1; do
    judge "$name" "$start" -eval_checkpoint "$out/$name/checkpoint.h5" -eval_baselines false -run_seed "$seed" "$@"
  done
}
place=(-net_embedding coordinates -net_separate false)
read -ra seeds <<<"${SEEDS:-1 2 3}"
for seed in "${seeds[@]}"; do
  learn "qk-24-$seed" "$seed"
  learn "posa-24-$seed" "$seed" "${place[@]}"
done
learn "qk-6-${seeds[0]}" "${seeds[0]}" -data_weather_lead 6
for seed in "${seeds[@]}"; do
  learn "one-24-$seed" "$seed" -net_separate false
  learn "near-24-$seed" "$seed" -tree_far false
  learn "pos-24-$seed" "$seed" "${place[@]}" -net_transport false
done
learn "long-24-${seeds[0]}" "${seeds[0]}" -train_steps 2500

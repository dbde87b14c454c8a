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
for seed in "${seeds[@]}"; do learn "pos-24-$seed" "$seed" "${place[@]}" -net_transport false; done
learn "long-24-${seeds[0]}" "${seeds[0]}" -train_steps 2500
learn "qk-12-${seeds[0]}" "${seeds[0]}" -data_weather_lead 12
for seed in "${seeds[@]}"; do
  learn "one-24-$seed" "$seed" -net_separate false
  learn "near-24-$seed" "$seed" -tree_far false
done
# Predictions from predictions, three days, from the same frames whatever the lead; both starts in one file, without the small
# mesh: roll-outs are over all test sets.
finished starts/generate || espalier starts generate -run_seed 2026 -data_test_clouds 2
for lead in 6 12 24; do
  finished "roll-$lead/evaluate" ||
    espalier "roll-$lead" evaluate -data_file "$out/starts/data.h5" -run_seed "${seeds[0]}" -data_weather_lead "$lead" \
      -eval_checkpoint "$out/qk-$lead-${seeds[0]}/checkpoint.h5" -data_weather_test_stride 16 -eval_rollout $((72 / lead))
done

# ---- the table ----

# row KIND LEAD SEED START FOLDER METHOD: KIND LEAD SEED START T q near cells shift, of the method in FOLDER's ladder
row() {
  awk -F , -v head="$1 $2 $3 $4" -v method="$6" '
    NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
    function number(name) { return $at[name] == "" ? "-" : $at[name] }
    $at["n"] == 2562 && $at["method"] == method {
      print head, number("rmse_t"), number("rmse_q"), number("pairs"), number("cells"), number("shift")
    }' "$out/$5-start$4/ladder.csv"
}
for start in 0 1; do
  for lead in 6 24; do
    row persistence $lead 0 $start classical-$lead persistence
    row semi-Lagrangian $lead 0 $start classical-$lead "semi-Lagrangian: frozen wind"
    row linear $lead 0 $start classical-$lead "linear: own numbers"
    row linear+sL $lead 0 $start classical-$lead "linear: own numbers and semi-Lagrangian"
    row linear+sL+clim $lead 0 $start classical-$lead "linear: and climatology"
    for kind in qk posa pos one near long; do
      for seed in "${seeds[@]}"; do
        [ ! -d "$out/$kind-$lead-$seed-start$start" ] || row $kind $lead "$seed" $start "$kind-$lead-$seed" "trained network"
      done
    done
  done
done >"$out/rows.txt"
awk '
  { T[$1, $2, $3, $4] = $5; Q[$1, $2, $3, $4] = $6; line[NR] = $0 }
  function gate(what, low, high, value) {
    told[what] = told[what] sprintf(" %.3g", value)
    if (!(what in range)) { range[what] = low " to " high; order[++gates] = what }
    if (!(value >= low && value <= high)) bad[what] = 1
  }
  function over(a, b, what, low, high) { if (a != "" && b > 0) gate(what, low, high, a / b) }
  function persistence(lead, s) { return T["persistence", lead, 0, s] }
  function humid(lead, s) { return Q["persistence", lead, 0, s] }
  END {
    form = "%-16s %4s %4s %5s %7s %8s %6s %6s %6s %6s %6s\n"
    printf form, "method", "lead", "seed", "start", "T, K", "q, g/kg", "T/p", "q/p", "near", "cells", "shift"
    for (k = 1; k <= NR; k++) {
      split(line[k], f, " ")
      p = persistence(f[2], f[4]); h = humid(f[2], f[4])
      printf form, f[1], f[2], f[3], f[4], f[5], f[6], sprintf("%.3f", f[5] / p), sprintf("%.3f", f[6] / h), f[7], f[8], f[9]
      if (f[1] == "persistence" && f[2] == 24) {
        gate("persistence, 24 h, T", 1.3, 3.3, p)
        gate("persistence, 24 h, q", 0.5, 1.3, h)
      }
      if (f[1] == "semi-Lagrangian") over(f[5], p, "semi-Lagrangian / persistence, " f[2] " h, T", 0, f[2] == 6 ? 0.75 : 1)
      if (f[1] == "linear+sL" && f[2] == 24) {
        over(f[5], p, "linear+sL / persistence, 24 h, T", 0.6, 0.8)
        over(f[6], h, "linear+sL / persistence, 24 h, q", 0.52, 0.72)
      }
      if (f[1] == "linear+sL+clim" && f[2] == 24) {
        over(f[5], p, "linear+sL+clim / persistence, 24 h, T", 0.6, 0.8)
        over(f[6], h, "linear+sL+clim / persistence, 24 h, q", 0.52, 0.72)
      }
      if (f[1] == "qk" || f[1] == "long") {
        most_t = f[1] == "long" ? 0.55 : f[2] == 6 ? 0.4 : 0.62
        most_q = f[1] == "long" ? 0.48 : f[2] == 6 ? 0.34 : 0.55
        over(f[5], p, f[1] " / persistence, " f[2] " h, T", 0, most_t)
        over(f[6], h, f[1] " / persistence, " f[2] " h, q", 0, most_q)
      }
      if (f[1] == "qk" && f[2] == 24) {
        over(f[5], T["linear+sL", 24, 0, f[4]], "qk / linear+sL, 24 h, T", 0, 1)
        over(f[6], Q["linear+sL", 24, 0, f[4]], "qk / linear+sL, 24 h, q", 0, 1)
        over(f[5], T["linear+sL+clim", 24, 0, f[4]], "qk / linear+sL+clim, 24 h, T", 0, 1)
        over(f[6], Q["linear+sL+clim", 24, 0, f[4]], "qk / linear+sL+clim, 24 h, q", 0, 1)
        over(f[5], T["posa", 24, f[3], f[4]], "qk / posa, 24 h, T", 0, 0.7)
        over(f[5], T["pos", 24, f[3], f[4]], "qk / pos, 24 h, T", 0, 0.7)
        gate("shift of qk, 24 h", 12, 30, f[9])
      }
    }
    print ""
    for (k = 1; k <= gates; k++) {
      what = order[k]
      printf "%-13s  %-38s %12s:%s\n", bad[what] ? "DOES NOT HOLD" : "holds", what, range[what], told[what]
    }
  }' "$out/rows.txt"

# ---- roll-outs: RMSE over that of persistence, by lead ----

printf '\n%-16s' "rolled out, T; q"
for hours in 6 12 24 48 72; do printf ' %13s' "$hours h"; done
for lead in 6 12 24; do
  printf '\n%-16s' "network of $lead h"
  for hours in 6 12 24 48 72; do
    for what in t q; do
      awk -F , -v frame=$((hours / 6)) '
        NR == 1 { for (k = 1; k <= NF; k++) at[$k] = k; next }
        $1 == frame { ratio = sprintf("%.3f", $at["trained network"] / $at["persistence"]) }
        END { printf " %6s", ratio == "" ? "-" : ratio }' "$out/roll-$lead/rollout_rmse_$what.csv"
    done
  done
done
echo

#!/usr/bin/env bash
# Graph convolution on the given graphs of Cora and Citeseer (Kipf, Welling, ICLR 2017), over seeds: accuracy on the test nodes, of the
# step that was best on the validation nodes. A line a run into out/nodes_gcn/nodes_gcn.csv; mean and standard deviation are printed.
# Weight decay 5e-3 is that of 5e-4 and 5e-3 which validates better, on both sets.
#   ESPALIER_DATA=FOLDER jobscripts/nodes_gcn.sh [10] [1] [keys...]      seeds, ranks; cora_planetoid.h5 and citeseer_planetoid.h5 lie
#                                                                        in FOLDER/graph (inputs/cora.yaml tells their source)
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/scaling.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/scaling.sh
. "$here/scaling.sh"
seeds=${1:-10} ranks=${2:-1}
shift $(($# < 2 ? $# : 2))
data=${ESPALIER_DATA:-$root/../shared/data}/graph
scaling_start nodes_gcn
echo "set,seed,accuracy,validation" >"$csv"
for set in cora citeseer; do
  [ -e "$data/${set}_planetoid.h5" ] || die "no $data/${set}_planetoid.h5: set ESPALIER_DATA"
  for ((seed = 1; seed <= seeds; seed++)); do
    name=$set-$seed
    launch "$ranks" "$program" run "$root/inputs/$set.yaml" -input "$data/${set}_planetoid.h5" -run_out "$out" -run_name "$name" \
      -run_seed "$seed" -net_share 1 -net_dropout 0.5 -net_update_hidden 16 -train_decay 5e-3 -train_steps 200 -eval_baselines false -report_pictures false "$@" \
      >"$out/$name.log" 2>&1 || { tail -n 20 "$out/$name.log" >&2; die "$name failed; all of its output is in $out/$name.log"; }
    accuracy=$(grep -o '"accuracy":[0-9.]*' "$out/$name/evaluate.json" | tail -n 1 | cut -d: -f2)
    validation=$(grep -o '"validation":[0-9.]*' "$out/$name/train.json" | tail -n 1 | cut -d: -f2)
    echo "$set,$seed,$accuracy,$validation" >>"$csv"
    say "$set, seed $seed: $accuracy (validation $validation)"
  done
done
awk -F, 'NR > 1 { n[$1]++; s[$1] += $3; q[$1] += $3 * $3; w[$1] += $4 }
  END { for (k in n) { m = s[k] / n[k]; v = n[k] > 1 ? (q[k] - n[k] * m * m) / (n[k] - 1) : 0
    printf "%s: %.1f +- %.1f over %d seeds, validation %.1f\n", k, 100 * m, 100 * sqrt(v > 0 ? v : 0), n[k], 100 * w[k] / n[k] } }' "$csv"

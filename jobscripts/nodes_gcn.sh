#!/usr/bin/env bash
# Graph convolution on the given graphs of Cora and Citeseer (Kipf, Welling, ICLR 2017), over seeds: accuracy on the test nodes, of the
# step that was best on the validation nodes. A line a run into out/nodes_gcn/nodes_gcn.csv; mean and standard deviation are printed.
#   ESPALIER_DATA=FOLDER jobscripts/nodes_gcn.sh [10] [1] [keys...]      seeds, ranks; cora_planetoid.h5 and citeseer_planetoid.h5 lie
#                                                                        in FOLDER/graph (inputs/cora.yaml tells their source)
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/nodes_runs.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/nodes_runs.sh
. "$here/nodes_runs.sh"
seeds=${1:-10} ranks=${2:-1}
shift $(($# < 2 ? $# : 2))
scaling_start nodes_gcn
echo "set,seed,accuracy,validation" >"$csv"
for set in cora citeseer; do
  for ((seed = 1; seed <= seeds; seed++)); do
    name=$set-$seed
    nodes_run "$ranks" "$set" "$seed" "$name" -net_share 1 "${gcn_keys[@]}" -eval_baselines false "$@"
    echo "$set,$seed,$(rung "$name" "trained network" accuracy),$(validation_of "$name")" >>"$csv"
    say "$(tail -n 1 "$csv")"
  done
done
nodes_means set

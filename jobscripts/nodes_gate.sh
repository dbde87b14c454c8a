#!/usr/bin/env bash
# Classes of nodes whose graph is found, over seeds, by inputs/cora.yaml, citeseer.yaml and digits.yaml. A line a run of every set and
# seed into out/nodes_gate/nodes_gate.csv; mean +- standard deviation, and what is to hold, are printed at the end. Studies:
#   gate     the trained network, the same over near pairs alone and over all pairs; a perceptron and the nearest in raw features; and
#            a second network, trained over all pairs (dense, dense_validation). share: near pairs over all pairs; cells: a
#            particle and gate
#   random   the first of the two with keys that are random, not learned, as a control (out/nodes_gate_random)
#   share    Cora and Citeseer with their graphs, of which the gate takes a share: net_share 1, 0.95, 0.85, 0.5, as jobscripts/nodes_gcn.sh
#            trains; that of the best validation against 1 (out/nodes_gate_share)
#   ESPALIER_DATA=FOLDER jobscripts/nodes_gate.sh [gate] [10] [1] [keys...]      study, seeds, ranks; keys override those of the inputs
#   ESPALIER_SETS="cora digits" ...                                              of these sets alone
set -euo pipefail
# sbatch runs a copy of this file: the source tree is where the job was given.
here=$(dirname "${BASH_SOURCE[0]}")
[ -e "$here/nodes_runs.sh" ] || here=${ESPALIER_ROOT:-$SLURM_SUBMIT_DIR}/jobscripts
# shellcheck source=jobscripts/nodes_runs.sh
. "$here/nodes_runs.sh"
what=gate
case ${1:-} in gate | random | share) what=$1 && shift ;; [!0-9]*) die "no study $1: gate, random or share" ;; esac
seeds=${1:-10} ranks=${2:-1}
shift $(($# < 2 ? $# : 2))
sets=${ESPALIER_SETS:-cora citeseer digits}
for set in $sets; do nodes_file "$set" >/dev/null; done

line() { # name: of the trained network and of what its ladder has beside it
  local name=$1 dim cells method
  dim=$(awk '$1 == "net_dim:" { print $2 }' "$out/$name/config.yaml")
  cells=$(rung "$name" "trained network" cells)
  printf '%s,%s' "$dim" "$(validation_of "$name")"
  for method in "trained network" "trained network: near pairs alone" "trained network: all pairs"; do
    printf ',%s' "$(rung "$name" "$method" accuracy)"
  done
  printf ',%s,%s' "$(rung "$name" "trained network" share)" "$(awk -v c="$cells" 'BEGIN { print c / 2 }')" # two layers, a gate each
  for method in "multilayer perceptron" "graph convolution: nearest features"; do
    printf ',%s' "$(rung "$name" "$method" accuracy)"
  done
}

add() { # line: to the CSV and to whoever looks on
  echo "$1" >>"$csv"
  say "$1"
}

run_gate() { # set seed keys...: the second training is over all pairs, in large blocks, whatever the keys say of the tree
  local set=$1 seed=$2 dense=$1-$2-dense
  shift 2
  nodes_run "$ranks" "$set" "$seed" "$set-$seed" "$@"
  nodes_run "$ranks" "$set" "$seed" "$dense" -eval_baselines false "$@" -tree_theta 0 -tree_pairs_per_particle 0 \
    -tree_leaf 64 -tree_block 64
  add "$set,$seed,$(line "$set-$seed"),$(rung "$dense" "trained network" accuracy),$(validation_of "$dense")"
}

run_random() { # set seed keys...
  local set=$1 seed=$2
  shift 2
  nodes_run "$ranks" "$set" "$seed" "$set-$seed" "$@" -net_embedding_by random
  add "$set,$seed,$(line "$set-$seed"),,"
}

run_share() { # set seed keys...
  local set=$1 seed=$2 given name
  shift 2
  [ "$set" != digits ] || return 0 # it has no graph
  for given in 1 0.95 0.85 0.5; do
    name=$set-$seed-$given
    nodes_run "$ranks" "$set" "$seed" "$name" "${gcn_keys[@]}" -eval_baselines false "$@" -net_share $given
    add "$set,$seed,$given,$(rung "$name" "trained network" accuracy),$(validation_of "$name")"
  done
}

# What is to hold, of the means of a set: a line each, ending in pass or fail.
gates() {
  awk -F, 'NR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; next }
    !($1 in n) { order[++sets] = $1 }
    { n[$1]++; dim[$1] = $at["dim"]; for (name in at) sum[$1, name] += $at[name]; beside += $at["dense"] != "" }
    function mean(set, name) { return 100 * sum[set, name] / n[set] }
    function gate(ok, text) { printf "%s: %s: %s\n", set, text, (ok ? "pass" : "fail") }
    END {
      least["cora", 32] = 68.5; least["cora", 8] = 67; least["citeseer", 32] = 67.5; least["digits", 8] = least["digits", 32] = 88.5
      for (i = 1; i <= sets; i++) {
        set = order[i]; d = dim[set]
        tree = mean(set, "accuracy"); dense = mean(set, "dense"); share = mean(set, "share"); alone = mean(set, "near_alone")
        mlp = mean(set, "perceptron"); nearest = mean(set, "nearest")
        if (!beside) {
          gate(tree < nearest, sprintf("random keys %.1f below nearest features %.1f", tree, nearest))
          continue
        }
        if ((set, d) in least) gate(dense >= least[set, d], sprintf("dense gate, d %d, %.1f, at least %.1f", d, dense, least[set, d]))
        gate(tree >= dense - 2.5 && share <= 6, sprintf("tree %.1f of %.2g %% near pairs, at most 6 %%, within 2.5 of the dense gate", tree, share))
        gate(tree >= alone + 2, sprintf("tree %.1f of %.2g %% near pairs, 2 above these alone, %.1f (meant for 2 %%)", tree, share, alone))
        if (set == "cora") gate(mlp >= 55.5 && mlp <= 60.5, sprintf("perceptron %.1f, 58 +- 2.5", mlp))
        if (set == "cora") gate(nearest >= 65 && nearest <= 68, sprintf("nearest features %.1f, 66.5 +- 1.5", nearest))
      }
    }' "$csv"
}

# Of each seed the share that validates best, ties to the larger one.
gates_of_shares() {
  awk -F, 'NR == 1 { next }
    !($1 in n) { order[++sets] = $1 }
    { n[$1] += $3 == 1 }
    $3 == 1 { given[$1] += $4 }
    !(($1, $2) in best) || $5 > best[$1, $2] { best[$1, $2] = $5; chosen[$1, $2] = $4; share[$1, $2] = $3 }
    END { for (i = 1; i <= sets; i++) {
      set = order[i]; sum = 0; words = ""
      for (seed = 1; seed <= n[set]; seed++) { sum += chosen[set, seed]; words = words " " share[set, seed] }
      a = 100 * sum / n[set]; b = 100 * given[set] / n[set]
      printf "%s: shares chosen%s: %.1f, at least that of the graph alone, %.1f, less 0.5: %s\n", set, words, a, b, (a >= b - 0.5 ? "pass" : "fail") } }' "$csv"
}

case $what in
  gate) scaling_start nodes_gate ;;
  *) scaling_start "nodes_gate_$what" ;;
esac
case $what in
  share) echo "set,seed,given,accuracy,validation" >"$csv" ;;
  *) echo "set,seed,dim,validation,accuracy,near_alone,all_pairs,share,cells,perceptron,nearest,dense,dense_validation" >"$csv" ;;
esac
for set in $sets; do
  for ((seed = 1; seed <= seeds; seed++)); do
    "run_$what" "$set" "$seed" "$@"
  done
done
case $what in
  share) gates_of_shares ;;
  *) nodes_means dim && gates ;;
esac

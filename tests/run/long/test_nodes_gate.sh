#!/usr/bin/env bash
# Proves, over three seeds of Cora without its citations, that a gate over the tree, of at most 6 % of all pairs, is as good as all
# pairs: within 2.5 points of the same network over them, and of one that is trained over them; better than its near pairs alone; four
# points above a perceptron that is trained as well. Five minutes of one core: `ctest -C long -R '^long'`.
# ctest: LABELS slow TIMEOUT 14400
. "$ESPALIER_SOURCE/tests/run/lib.sh"
file=${ESPALIER_DATA:-none}/graph/cora_planetoid.h5
[ -e "$file" ] || { echo "skipped: no $file (ESPALIER_DATA)"; exit 77; }
export ESPALIER_SETS=cora ESPALIER_OUT=$work
bash "$ESPALIER_SOURCE/jobscripts/nodes_gate.sh" gate 3 1 -tree_pairs_per_particle 0 -tree_theta 3 -tree_leaf 4 -tree_block 4 -tree_order 0 \
  -train_steps 40 -train_validate 4 || fail "the script"
awk -F, 'NR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; next }
  { n++; for (name in at) sum[name] += $at[name] }
  function mean(name) { return 100 * sum[name] / n }
  function hold(ok, text) { if (!ok) { bad++; print "FAIL: " text } }
  END {
    tree = mean("accuracy")
    hold(n == 3, n + 0 " seeds")
    hold(mean("share") <= 6 && mean("share") > 0, sprintf("%g %% of all pairs", mean("share")))
    hold(tree >= mean("all_pairs") - 2.5, sprintf("%.1f, the same over all pairs %.1f", tree, mean("all_pairs")))
    hold(tree >= mean("dense") - 2.5, sprintf("%.1f, trained over all pairs %.1f", tree, mean("dense")))
    hold(tree > mean("near_alone"), sprintf("%.1f, near pairs alone %.1f", tree, mean("near_alone")))
    hold(tree >= mean("perceptron") + 4, sprintf("%.1f, the perceptron %.1f", tree, mean("perceptron")))
    exit bad > 0
  }' nodes_gate.csv || fail "what is to hold of $(cat nodes_gate.csv)"
finish

#!/usr/bin/env bash
# Proves that graphs with classes go from data to report with the same bits on 1 and 2 ranks, on whole and on shared sets: drawn, and
# from a file in Matrix Market, whose predictions are written; that the trained network's accuracy is told in one line with that over
# all pairs, that of near pairs alone and their share, and not where there is no gate; that on a graph of communities the given edges
# tell what features do not; that keys that learn with the classes have the same bits, too, in a training that goes on as well, and
# both terms of its loss are told; that pictures are drawn and tell the ladder's numbers; that what is missing is named.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

figures() { tail -n 1 stdout | grep -oE '"(method|accuracy|cross_entropy|f1|pairs|cells)":[^,}]*' | tr '\n' ' '; }
# of what run NAME says of itself, in evaluate.json and the report; and what its ladder says of n nodes
line() { grep -o '"result":"[^"]*"' "out/$1/evaluate.json" | cut -d '"' -f 4; }
line_by_ladder() {
  awk -F, -v n="$2" '$1 == n && $3 ~ /^trained/ { a[$3] = $4; p[$3] = $7; c[$3] = $8 } END {
    t = "trained network"
    printf "accuracy %s with %.3g %% of all pairs one by one and %.0f cells a particle and layer; ", a[t], 100 * p[t] / (2 * (n - 1)), c[t] / 2
    printf "the same network over all pairs: %s; near pairs alone: %s\n", a[t ": all pairs"], a[t ": near pairs alone"] }' "out/$1/ladder.csv"
}
accuracy() { grep -o "\"method\":\"$2\",\"accuracy\":[0-9.]*" "out/$1/evaluate.json" | head -n 1 | sed "s/.*://"; }

net=(-data_task nodes -net_dim 4 -net_update_hidden 16 -tree_leaf 8 -tree_block 8 -tree_pairs_per_particle 40 -tree_theta_halvings 3
  -train_steps 30 -train_lr 0.02 -train_batch 1 -train_clip 0 -train_decay 5e-4 -train_validate 1 -train_schedule hold
  -net_regression_steps 4 -net_regression_directions 8 -report_pictures false)
drawn=(-data_nodes_of drawn -data_n 640 -data_test_n 640 -data_clouds 1 -data_test_clouds 1 -data_nodes_classes 4
  -data_nodes_noise 2 -data_nodes_reach 0.1)
for ranks in 1 2; do
  own=(-run_name "drawn$ranks" "${net[@]}" "${drawn[@]}" -net_share 0.5)
  good $ranks generate "${own[@]}"
  same data "$(json checksum)"
  good $ranks train "${own[@]}" -train_shard clouds
  same parameters "$(json parameter_checksum)"
  good $ranks train "${own[@]}" -train_shard particles
  same parameters "$(json parameter_checksum)"
  good $ranks train "${own[@]}" -train_stop 13
  good $ranks train "${own[@]}" -train_restart "out/drawn$ranks/checkpoint.h5" # begins with no keys anew; the best step comes along
  same parameters "$(json parameter_checksum)"
  good $ranks evaluate "${own[@]}"
  same ladder "$(figures)"
  [ "$(line "drawn$ranks")" = "$(line_by_ladder "drawn$ranks" 640)" ] ||
    fail "'$(line "drawn$ranks")' where the ladder has '$(line_by_ladder "drawn$ranks" 640)'"
  grep -qF "$(line "drawn$ranks")" stdout || fail "no line of the result on the screen"
  grep -qE '"method":"trained network: all pairs",[^}]*"share":1[,}]' "out/drawn$ranks/evaluate.json" || fail "all pairs are not all"
  good $ranks predict "${own[@]}"
  same prediction "$(json prediction_checksum)"
  good $ranks report "${own[@]}"
  grep -q "few of which are told" "out/drawn$ranks/report.html" || fail "the report does not say what the task is"
  grep -qF "has $(line "drawn$ranks"); the best of" "out/drawn$ranks/report.html" || fail "the report's sentence is another"
  grep -q '>cross-entropy<' "out/drawn$ranks/report.html" || fail "heads of tables are no words"
  for file in learned_space confusion resolution; do
    same "$file" "$(cksum <"out/drawn$ranks/$file.csv")"
  done
done
# the picture of trees: the network's own is the ladder's, all pairs are 1, coarser lists have fewer near pairs
awk -F, -v own="$(accuracy drawn1 'trained network')" -v alone="$(accuracy drawn1 'trained network: near pairs alone')" \
  -v all="$(accuracy drawn1 'trained network: all pairs')" 'function off(x, y) { return x > y + 1e-4 || x < y - 1e-4 }
  NR == 1 { next }
  $5 { seen++; bad += off($2, own) || off($4, alone) || off($3, sqrt($2 * (1 - $2) / 490)); next }
  $1 == 1 { all_seen++; bad += off($2, all) }
  { bad += $1 < last; last = $1 }
  END { exit !(seen == 1 && all_seen >= 1 && !bad && last == 1) }' out/drawn1/resolution.csv ||
  fail "accuracy against near pairs: $(cat out/drawn1/resolution.csv)"
if command -v gnuplot >/dev/null; then
  good 1 report -run_name drawn1 "${net[@]}" "${drawn[@]}" -net_share 0.5 -report_pictures true
  for picture in learned_space confusion resolution ladder; do
    [ -s "out/drawn1/$picture.svg" ] || fail "no picture $picture"
  done
  if grep -v '^ *$' out/drawn1/gnuplot.log; then fail "gnuplot complains"; fi
fi
awk -v a="$(accuracy drawn1 'graph convolution: given edges')" -v b="$(accuracy drawn1 'multilayer perceptron')" \
  -v c="$(accuracy drawn1 'shares of the classes')" 'BEGIN { exit !(a > 0.8 && a > b + 0.2 && b > c) }' ||
  fail "the given edges do not help: $(figures)"

# keys that learn with the classes, in lists whose theta is searched every 20 steps: whole and shared sets, and one that goes on
for ranks in 1 2; do
  own=(-run_name "drawn$ranks" "${net[@]}" "${drawn[@]}" -net_regression_weight 10 -net_regression_receivers 0 -tree_pairs_per_particle 0
    -tree_theta 0.3 -tree_error 0.01 -train_steps 24 -train_validate 0)
  good $ranks train "${own[@]}" -train_shard clouds
  same learning "$(json parameter_checksum)"
  good $ranks train "${own[@]}" -train_stop 21
  good $ranks train "${own[@]}" -train_shard particles -train_restart "out/drawn$ranks/checkpoint.h5"
  same learning "$(json parameter_checksum)"
done
awk -F, 'NR == 1 { exit !($2 == "loss" && $3 == "cross_entropy" && $4 == "hidden_features") }' out/drawn1/metrics.csv ||
  fail "the terms of the loss are not told: $(head -n 1 out/drawn1/metrics.csv)"
awk -F, 'NR > 1 { n++; d = $2 - $3 - $4; bad += d > 1e-6 || d < -1e-6 || $4 >= 0 } END { exit !(n == 24 && !bad) }' \
  out/drawn1/metrics.csv || fail "the loss is not the sum of its terms: $(cat out/drawn1/metrics.csv)"

# two rings of nodes, bound by one edge; features say nothing but who one is among 8
awk 'BEGIN { print "%%MatrixMarket matrix coordinate pattern symmetric"; print 130, 130, 131
  for (i = 0; i < 130; i++) { r = i < 65 ? 0 : 65; print i + 1, r + (i - r + 1) % 65 + 1 }
  print 1, 66 }' >rings.mtx
awk 'BEGIN { for (i = 0; i < 130; i++) print (i < 65 ? 0 : 1) }' >rings_labels.txt
awk 'BEGIN { print "%%MatrixMarket matrix coordinate pattern general"; print 130, 8, 130
  for (i = 0; i < 130; i++) print i + 1, i % 8 + 1 }' >rings_features.mtx
for ranks in 1 2; do
  own=(-run_name "rings$ranks" "${net[@]}" -input rings.mtx -data_nodes_train 30 -data_nodes_validation 20 -net_share 1)
  good $ranks generate "${own[@]}"
  same rings "$(json checksum)"
  good $ranks train "${own[@]}"
  same ringed "$(json parameter_checksum)"
  good $ranks predict "${own[@]}"
  same told "$(json prediction_checksum)"
  good $ranks evaluate "${own[@]}"
  [ -z "$(line "rings$ranks")" ] || fail "a network without a gate has all pairs: $(line "rings$ranks")"
  [ -s "out/rings$ranks/prediction.h5" ] || fail "no prediction.h5"
done
call 1 info rings.mtx
grep -q "130 x 130, 131 entries" stdout || fail "info does not tell the graph"
refuse "set -input FILE, or data_nodes_of drawn" 1 generate -run_name none "${net[@]}"
rm rings_labels.txt
refuse "rings_labels.txt" 2 generate -run_name none "${net[@]}" -input rings.mtx
finish

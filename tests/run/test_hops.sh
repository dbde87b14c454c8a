#!/usr/bin/env bash
# Proves that hops go from data to report with the same bits on 1 and 2 ranks, on whole and on shared sets, and that a
# network of one layer learns to follow a pointer; that a report takes its task from the folder, and refuses another.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

figures() { tail -n 1 stdout | grep -oE '"(method|nmse|distance_ratio|recall|pairs|cells)":[^,}]*' | tr '\n' ' '; }

keys=(-data_task hops -data_hops_reach 0.3 -data_n 128,200 -data_clouds 6,2 -data_test_n 128,300 -data_test_clouds 2,1
  -data_shard_n 250 -net_separate true -net_include_self true -net_aggregate average -net_embedding features -net_dim 2
  -net_scale 0.1 -net_channels 2 -tree_leaf 4 -tree_block 8 -tree_pairs_per_particle 40 -train_batch 2 -train_lr 0.02
  -train_beta2 0.99 -report_pictures false)
for ranks in 1 2; do
  own=(-run_name "two$ranks" "${keys[@]}" -net_layers 2 -train_steps 6)
  good $ranks generate "${own[@]}"
  same data "$(json checksum)"
  good $ranks train "${own[@]}" -train_shard clouds
  same parameters "$(json parameter_checksum) $(json recall)"
  good $ranks train "${own[@]}" -train_shard particles
  same parameters "$(json parameter_checksum) $(json recall)"
  good $ranks evaluate "${own[@]}"
  same ladder "$(figures)"
  same "smoothing by layer" "$(tail -n 1 stdout | grep -o '"smoothing":{[^}]*}') $(cat "out/two$ranks/smoothing.csv")"
  [ "$(grep -cE '^[012],[0-9.]+,[0-9.]+$' "out/two$ranks/smoothing.csv")" = 3 ] || fail "smoothing is of other layers"
  good $ranks predict "${own[@]}" -eval_set 2
  same prediction "$(json prediction_checksum)"
  good $ranks report "${own[@]}"
  grep -q "end of a chain of pointers" "out/two$ranks/report.html" || fail "the report does not say what the task is"
  good $ranks report -run_name "two$ranks" -report_pictures false
  grep -q "end of a chain of pointers" "out/two$ranks/report.html" || fail "a report without an input is of another task"
  grep -q '>ratio of differences<' "out/two$ranks/report.html" || fail "heads of tables are no words"
  refuse "data_task relation|out/two$ranks are of data_task hops" $ranks report -data_task relation -run_name "two$ranks"
done
# the answers are those of the key, and of no other
good 1 generate -run_name one "${keys[@]}" -data_hops_k 1
[ "$(json checksum)" != "${known[data]}" ] || fail "one hop is as two"
good 1 train -run_name one "${keys[@]}" -data_hops_k 1 -net_layers 1 -train_steps 150 -train_schedule hold
good 1 evaluate -run_name one "${keys[@]}" -data_hops_k 1 -net_layers 1
[ ! -e out/one/smoothing.csv ] || fail "one layer has no states between layers"
grep -o '"method":"trained network","nmse":[0-9.]*' out/one/evaluate.json | head -n 1 | cut -d : -f 3 |
  awk '{ exit !($1 < 0.3) }' || fail "nothing is learned: $(figures)"
tail -n 1 stdout | grep -q '"method":"value one hop on","nmse":0,' || fail "the law itself errs: $(figures)"
finish

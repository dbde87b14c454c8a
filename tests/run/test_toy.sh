#!/usr/bin/env bash
# Proves that a task is one file and one row: a program linked with another table of tasks (tests/toy) runs every verb on
# the task that is new in it, on 1 and 2 ranks with the same bits, and the product's tasks as before.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
product=$ESPALIER_PROGRAM
ESPALIER_PROGRAM=$ESPALIER_TOY

ladder() { tail -n 1 stdout | grep -oE '"(method|nrmse|pairs|cells)":[^,}]*' | tr '\n' ' '; }
cuts() { tail -n 1 stdout | grep -oE '"(method|imbalance_pairs|halo_particles_mean)":[^,}]*' | tr '\n' ' '; }

keys=(-data_task echo -data_echo_h 0.2 -data_n 256 -data_clouds 8 -data_test_n 256,512 -data_test_clouds 2,1
  -net_layers 1 -net_dim 2 -tree_leaf 8 -tree_block 16 -tree_theta 0.5 -train_batch 1 -train_steps 120 -train_lr 0.05
  -train_beta2 0.99 -train_clip 1)
for ranks in 1 2; do
  own=(-run_name "toy$ranks" "${keys[@]}")
  good $ranks generate "${own[@]}"
  same data "$(json checksum)"
  good $ranks train "${own[@]}"
  same parameters "$(json parameter_checksum)"
  good $ranks evaluate "${own[@]}"
  same ladder "$(ladder)"
  good $ranks predict "${own[@]}"
  same prediction "$(json prediction_checksum)"
  good $ranks partition "${own[@]}" -partition_ranks 2,4
  same cuts "$(cuts)"
  good $ranks report "${own[@]}"
  grep -q "how far is near is learned" "out/toy$ranks/report.html" || fail "the report does not say what the task is"
done
grep -o '"method":"trained network","nrmse":[0-9.]*' out/toy1/evaluate.json | head -n 1 | cut -d : -f 3 |
  awk '{ exit !($1 < 0.2) }' || fail "nothing is learned: $(cat out/toy1/evaluate.json)"

call 1 help data_echo_h
grep -q "how far an echo is heard" stdout || fail "the key of the new task is not known"
good 1 generate -run_name old -data_task relation -data_n 64 -data_clouds 1 -data_test_n 64 -data_test_clouds 1
ours=$(json checksum)
ESPALIER_PROGRAM=$product
good 1 generate -run_name old -data_task relation -data_n 64 -data_clouds 1 -data_test_n 64 -data_test_clouds 1
[ "$ours" = "$(json checksum)" ] || fail "the product's tasks are not the same in both programs"
refuse "data_task|echo" 1 generate -data_task echo
finish

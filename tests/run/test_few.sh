#!/usr/bin/env bash
# Proves that sets of 1, 2, 3 and 5 particles are trained on, evaluated, predicted and partitioned on more ranks than
# that, without a message of a library below, and with the same bits; so is the file of their owners.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

# quiet RANKS ARGUMENTS...: good, and nothing on stderr
quiet() {
  good "$@"
  [ ! -s stderr ] || fail "a message: -n $*"
}
few=(-data_clouds 2 -data_n 5 -data_test_clouds 1 -train_steps 2 -train_batch 1 -train_shard particles -tree_leaf 1
  -tree_block 2 -report_pictures false)
for task in gravity relation; do
  sizes=1,2,3,5 many=7
  [ $task = relation ] || sizes=2,3,5 many=4
  for ranks in 1 $many; do
    own=(-run_name "$task" -data_task $task -data_test_n $sizes "${few[@]}")
    quiet $ranks run "${own[@]}"
    same "$task parameters" "$(json parameter_checksum)"
    same "$task ladder" "$(tail -n 1 stdout | grep -oE '"(method|nmse|D_nrmse|pairs|cells)":[^,}]*' | tr '\n' ' ')"
    quiet $ranks predict "${own[@]}" -eval_set 0
    same "$task prediction" "$(json prediction_checksum)"
    quiet $ranks partition "${own[@]}" -partition_ranks 1,2,9 -partition_write owners.h5
    same "$task owners" "$(cksum owners.h5)"
  done
  # what another task left in the folder, and drew
  echo old | tee "out/$task/"{space,tree,map}.csv "out/$task/"{space,tree,map,loss}.{svg,gp} >stdout
  quiet 1 evaluate "${own[@]}" -data_task $task
  quiet 1 report "${own[@]}" -report_pictures true
  old=$(grep -lx old "out/$task/"*)
  [ "$old" = "out/$task/loss.gp
out/$task/loss.svg" ] || fail "an older run's files stay: $old"
done
for n in 1 3; do
  spoil snapshot few.hdf5 $n good
  quiet $((n + 1)) partition -input few.hdf5 -partition_ranks 1,2,4,7
done
finish

#!/usr/bin/env bash
# Proves that no writer damages an older file when the file size limit is reached: the job ends by itself with a message
# that names the file, the old file keeps its bytes, and nothing half written stays beside it.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
need_shim

small=(-data_n 64 -data_clouds 6 -data_test_n 64,2048 -data_test_clouds 2,1 -net_layers 2 -train_batch 2)
train=(train "${small[@]}" -train_checkpoint_every 1000 -train_steps)
good 2 run "${small[@]}" -train_steps 400 -tree_leaf 4 -tree_block 16
spoil snapshot in.hdf5 3000 good
good 2 predict -input in.hdf5
good 1 partition -input in.hdf5 -partition_ranks 2,4

room=$(($(wc -c <out/run/config.yaml) + 1500)) # for a configuration, and little more

look() { (cd out/run && cksum -- *.h5 *.hdf5 *.csv *.html config*.yaml | sort -k 3); }

# full BYTES 'MAY CHANGE...' WORDS RANKS ARGUMENTS...: with files of at most BYTES; the files that may change are those
# the verb writes whole before it comes to the one that is too long
full() {
  local bytes=$1 may=" $2 " before name
  shift 2
  before=$(look)
  ESP_SHIM_FSIZE=$bytes refuse "$@"
  for name in $(comm -13 <(sort <<<"$before") <(look | sort) | cut -d ' ' -f 3); do
    case "$may" in
      *" $name "*) ;;
      *) fail "out/run/$name changed: $*" ;;
    esac
  done
}
for ranks in 1 2; do
  full 1000 "" "config.yaml|cannot be written" $ranks "${train[@]}" 4
  full $room config-generate.yaml "data.h5|file size limit" $ranks generate "${small[@]}"
  full 80000 config-generate.yaml "data.h5|file size limit" $ranks generate "${small[@]}" -run_seed 2
  full $room config.yaml "metrics.csv|cannot be written" $ranks "${train[@]}" 410 -train_restart out/run/checkpoint.h5 \
    -tree_leaf 4 -tree_block 16
  full 60000 "config.yaml metrics.csv" "checkpoint.h5|file size limit" $ranks "${train[@]}" 401 -train_restart \
    out/run/checkpoint.h5 -tree_leaf 4 -tree_block 16
  full 100000 config-predict.yaml "prediction.hdf5|file size limit" $ranks predict -input in.hdf5
  full $room "config-evaluate.yaml ladder.csv pairs.csv ranks.csv tree.csv" "owners.csv|cannot be written" $ranks evaluate "${small[@]}"
  full 60000 "" "report.html|cannot be written" $ranks report
done
# the journal of a training that starts anew grows with it: it is cut after the last whole line
full $room "config.yaml metrics.csv" "metrics.csv|cannot be written" 2 "${train[@]}" 400
[ "$(tail -c 1 out/run/metrics.csv | od -An -tx1 | tr -d ' ')" = 0a ] || fail "metrics.csv ends within a line"

# a learned relation
plane=(-data_task relation -net_message gate -net_layers 1 -data_n 3000 -data_clouds 2 -data_test_n 3000
  -data_test_clouds 1 -train_steps 1 -run_name plane -report_pictures false)
good 2 run "${plane[@]}"
good 2 predict "${plane[@]}"
whole=$(cksum out/plane/*.h5)
for ranks in 1 2; do
  for bytes in $room 300000; do
    ESP_SHIM_FSIZE=$bytes refuse "data.h5|file size limit" $ranks generate "${plane[@]}" -run_seed 2
    ESP_SHIM_FSIZE=$bytes refuse "prediction.h5|file size limit" $ranks predict "${plane[@]}"
  done
  ESP_SHIM_FSIZE=$room refuse "checkpoint.h5|file size limit" $ranks train "${plane[@]}" -train_restart \
    out/plane/checkpoint.h5
done
[ "$whole" = "$(cksum out/plane/*.h5)" ] || fail "a file of the relation changed"
finish

#!/usr/bin/env bash
# Proves, in a build with the sanitizers alone, that every verb on two ranks makes no error that they see: both networks, a
# periodic box, a snapshot, a training that continues.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
[ "${ESPALIER_SANITIZED:-0}" = 1 ] || { echo "skipped: built without the sanitizers"; exit 77; }
golden=$ESPALIER_SOURCE/tests/golden
few=(-train_steps 2 -train_warmup 1 -report_pictures false)

good 2 run "$golden/cloud.yaml" "${few[@]}" -data_n 70 -train_shard particles
good 2 train "$golden/cloud.yaml" "${few[@]}" -train_steps 3 -train_restart out/cloud/checkpoint.h5
spoil snapshot in.hdf5 300 good
good 2 predict "$golden/cloud.yaml" -input in.hdf5
good 2 partition "$golden/cloud.yaml" -input in.hdf5 -partition_ranks 3
good 2 run "$golden/queries.yaml" "${few[@]}"
good 2 generate "$golden/box.yaml"
good 2 train "$golden/box.yaml" "${few[@]}"
for file in out/cloud/data.h5 out/cloud/checkpoint.h5 out/cloud/prediction.hdf5; do
  call 2 info "$file"
  [ "$rc" -eq 0 ] || fail "info $file: status $rc"
done
finish

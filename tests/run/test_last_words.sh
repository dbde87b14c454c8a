#!/usr/bin/env bash
# Proves that a job of which one rank dies of itself, as HDF5 may make it do, tells the rank and the file that was at hand,
# and ends.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
need_shim

small=(-data_n 64 -data_clouds 2 -data_test_n 64 -data_test_clouds 1 -net_layers 1 -train_batch 1 -train_steps 2)
good 1 generate "${small[@]}"

# dies PLACE WORDS ARGUMENTS...
dies() {
  local place=$1 words=$2 told
  shift 2
  ESP_SHIM_KILL=$place call 2 "$@"
  [ "$rc" -ne 0 ] && [ "$rc" -ne 124 ] && [ "$rc" -ne 137 ] || fail "status $rc: $place: $*"
  told=$(grep '^espalier: ' stderr)
  [ "$(grep -c . <<<"$told")" -eq 1 ] || fail "told $(grep -c . <<<"$told") times: $place: $*"
  grep -qF -e "$words" <<<"$told" || fail "'$words' is not told: $place: $*"
}

dies File_open:1:1:11 "segmentation fault on rank 1 while reading out/run/data.h5" train "${small[@]}"
dies File_open:0:1:7 "bus error on rank 0 while reading out/run/data.h5" info out/run/data.h5
dies File_write_at_all:0:2:6 "abort on rank 0 while writing out/run/data.h5" generate "${small[@]}"
dies Allreduce:1:63:8 "floating point exception on rank 1 with no file at hand" train "${small[@]}" -train_steps 5000
finish

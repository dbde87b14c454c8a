#!/usr/bin/env bash
# Proves that a job of which one rank is killed, within the halo, within I/O or within training, ends by itself
# with a status that is not 0, leaves older files as they were, and that the same job works right after it.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
need_shim
unset OMPI_MCA_odls_base_sigkill_timeout # as users have it

one=(-data_n 600 -data_clouds 2 -data_test_n 600 -data_test_clouds 1 -net_layers 2 -train_batch 1 -train_shard particles
  -train_checkpoint_every 2 -tree_leaf 4 -tree_block 32 -net_message mlp -net_hidden 4) # a message of the layer, with its halo
good 2 generate "${one[@]}"
good 2 train "${one[@]}" -train_steps 2
spoil snapshot in.hdf5 500 good
good 2 predict -input in.hdf5
# a training that goes on puts results of before away, whole: out/run/earlier-1
look() {
  cksum out/run/data.h5 "out/run/${1:-checkpoint.h5}"
  find out/run -name prediction.hdf5 -exec cksum {} + | cut -d " " -f 1,2
}

# killed PLACE RANKS ARGUMENTS...
killed() {
  local place=$1 before start
  shift
  before=$(look)
  start=$SECONDS
  ESP_SHIM_KILL=$place call "$@"
  grep -q '^shim: rank' stderr || { fail "no rank was killed in $place: -n $*"; return; }
  [ "$rc" -ne 0 ] || fail "status 0 after $place: -n $*"
  if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ] && [ $((SECONDS - start)) -ge $limit ]; then
    fail "still running after $limit s, killed in $place: -n $*"
  fi
  if tail -n 1 stdout | grep -q '^{'; then fail "results of a killed job: -n $*"; fi
  [ "$before" = "$(look)" ] || fail "a file changed, killed in $place: -n $*"
}

longer=(train "${one[@]}" -train_steps 200 -train_restart out/run/checkpoint.h5 -train_checkpoint_every 1000)
killed Startall:1:7 2 "${longer[@]}"                  # the halo, the first of the ranks that are left waits
killed Startall:0:40 3 "${longer[@]}"                 # the halo, rank 0, which prints
killed Waitall:2:50 3 "${longer[@]}"                  # the end of a halo
killed Allreduce:1:500 2 "${longer[@]}"               # a sum of training
killed Allreduce:1:60 2 train "${one[@]}" -run_name whole -data_file out/run/data.h5 -train_shard clouds \
  -train_steps 5000 -train_checkpoint_every 10000
killed Waitall:1:20 2 train "${one[@]}" -net_message newton -run_name newton -data_file out/run/data.h5 -train_steps 5000 \
  -train_checkpoint_every 10000                       # the exchange of the multipole method
killed Startall:1:5 2 predict -input in.hdf5
killed File_write_at_all:1:3 2 generate "${one[@]}"   # I/O, within the datasets
killed File_write_at_all:0:2 2 generate "${one[@]}"
killed File_write_at_all:1:1 3 predict -input in.hdf5
killed File_write_at_all:1:1 2 train "${one[@]}" -train_steps 4 -train_restart out/run/checkpoint.h5 # a checkpoint

# what was left half written beside is in nobody's way
good 2 train "${one[@]}" -train_steps 4 -train_restart out/run/checkpoint.h5
good 2 predict -input in.hdf5
[ ! -e out/run/checkpoint.h5.part ] || fail "checkpoint.h5.part is still there"
finish

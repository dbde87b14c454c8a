#!/usr/bin/env bash
# Proves that a rank that is refused memory, early or late in any verb, ends the job on all ranks with that message: no
# rank waits for it. The places are a sample; where a verb has fewer allocations the last ones are not reached.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
need_shim

small=(-data_n 200 -data_clouds 2 -data_test_n 200 -data_test_clouds 1 -net_layers 2 -train_batch 1 -train_steps 1 -tree_leaf 4
  -tree_block 32)
good 2 generate "${small[@]}"
good 2 train "${small[@]}"
spoil snapshot in.hdf5 200 good

# refused RANK 'CALLS...' RANKS ARGUMENTS...
refused() {
  local rank=$1 calls=$2 k
  shift 2
  for k in $calls; do
    ESP_SHIM_REFUSE=$rank:$k call "$@"
    grep -q '^shim: ' stderr || { [ "$rc" -eq 0 ] || fail "status $rc without cause: -n $*"; return; }
    if [ "$rc" -eq 0 ]; then fail "accepted without memory at allocation $k of rank $rank: -n $*"; fi
    if [ "$rc" -ge 124 ]; then fail "hung or died, status $rc, at allocation $k of rank $rank: -n $*"; fi
    [ "$(grep -c '^espalier: ESP_ERR_MEMORY' stderr)" -eq 1 ] || fail "not told once at allocation $k of rank $rank: -n $*"
  done
}
refused 1 "1 5 60 120 210 420" 2 train "${small[@]}" -train_shard particles
refused 2 "85 160" 3 train "${small[@]}" -train_shard particles
refused 0 "84 90" 2 train "${small[@]}" -train_shard clouds
refused 1 "100 170 300" 2 evaluate "${small[@]}" -train_shard particles
refused 0 "100 170 300" 2 evaluate "${small[@]}" -train_shard clouds
refused 1 "90 140 300" 2 predict -input in.hdf5
refused 1 "90 140 400" 2 generate "${small[@]}" -run_name other -data_shard_n 100
refused 1 "90 140 300" 2 partition -input in.hdf5
finish

#!/usr/bin/env bash
# Proves that no rank holds all particles: the largest memory that a rank of a sharded training ever asked for falls with
# the number of ranks.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
keys="-data_n 60000 -data_clouds 1 -data_kind ball -data_truth tree -data_truth_steps 1 -data_twin_n 64 -data_shard_n 1000
  -data_test_clouds 0 -net_layers 2 -tree_block 64 -tree_theta 1 -train_steps 1 -train_batch 1 -train_shard particles"
cat >input.yaml <<'YAML'
run_name: memory
YAML
# shellcheck disable=SC2086
good 2 generate input.yaml $keys
[ "$failures" -eq 0 ] || finish
for ranks in 1 2 4; do
  # shellcheck disable=SC2086
  good $ranks train input.yaml $keys
  [ "$failures" -eq 0 ] || finish # no figures then
  memory[ranks]=$(json memory_bytes_rank)
  checksum[ranks]=$(json parameter_checksum)
  [ "${checksum[ranks]}" = "${checksum[1]}" ] || fail "parameters at $ranks ranks: ${checksum[ranks]}, at one: ${checksum[1]}"
done
# The halo of so small a cloud is a good part of it: 2 ranks need less than 0.8 of one rank's memory, 4 less than 0.6.
[ "${memory[2]}" -lt $((memory[1] * 8 / 10)) ] || fail "bytes on the fullest rank: ${memory[1]} at 1 rank, ${memory[2]} at 2"
[ "${memory[4]}" -lt $((memory[1] * 6 / 10)) ] || fail "bytes on the fullest rank: ${memory[1]} at 1 rank, ${memory[4]} at 4"
echo "bytes on the fullest rank at 1, 2, 4 ranks: ${memory[1]} ${memory[2]} ${memory[4]}"
finish

#!/usr/bin/env bash
# Proves that no rank holds all particles: the largest memory that a rank of a sharded training ever asked for falls with
# the number of ranks; that it is most of what the system says, and known by what it is for.
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
  grown=$(($(json resident_bytes_rank) - $(json resident_start_bytes_rank)))
  # libraries touch some 16 MiB more when they are first used
  [ $((memory[ranks] + 25165824)) -gt "$grown" ] && [ "${memory[ranks]}" -lt $((grown * 11 / 10)) ] ||
    fail "${memory[ranks]} bytes are counted at $ranks ranks, of $grown that the process grew by"
  purposes=$(tail -n 1 stdout | grep -o '"memory_peak":{[^}]*}' | grep -oE '[a-z]+_bytes_rank":[0-9]+' | cut -d : -f 2)
  sum=0
  for bytes in $purposes; do sum=$((sum + bytes)); done
  [ "$sum" -ge "${memory[ranks]}" ] || fail "purposes explain $sum of ${memory[ranks]} bytes at $ranks ranks"
  checksum[ranks]=$(json parameter_checksum)
  [ "${checksum[ranks]}" = "${checksum[1]}" ] || fail "parameters at $ranks ranks: ${checksum[ranks]}, at one: ${checksum[1]}"
done
# The halo of so small a cloud is a good part of it: 2 ranks need less than 0.8 of one rank's memory, 4 less than 0.6.
[ "${memory[2]}" -lt $((memory[1] * 8 / 10)) ] || fail "bytes on the fullest rank: ${memory[1]} at 1 rank, ${memory[2]} at 2"
[ "${memory[4]}" -lt $((memory[1] * 6 / 10)) ] || fail "bytes on the fullest rank: ${memory[1]} at 1 rank, ${memory[4]} at 4"
echo "bytes on the fullest rank at 1, 2, 4 ranks: ${memory[1]} ${memory[2]} ${memory[4]}"
grep -q '^rank,memory_MiB,memory_resident_MiB,memory_other_MiB,' out/memory/memory.csv || fail "no memory.csv: $(head -n 1 out/memory/memory.csv)"
[ "$(wc -l <out/memory/memory.csv)" -eq 5 ] || fail "memory.csv has not a line of each of 4 ranks"
finish

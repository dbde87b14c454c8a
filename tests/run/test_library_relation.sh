#!/usr/bin/env bash
# Proves that a code of one's own (relate.c) that learns a relation through the library on 1, 2, 3 and 4 ranks, its particles
# lying there anyhow, has the parameters, the prediction and the neighbours of `espalier train`, `predict` and `graph` on a file
# of the same sets; and that each takes the other's checkpoints, to predict with and to go on from.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

relate() { # RANKS ARGUMENTS...: its first line into `first`, the others into the file neighbours
  timeout -k 5 "$limit" "$MPIEXEC" -n "$1" "$ESPALIER_RELATE" "${@:2}" >lines 2>stderr </dev/null || fail "relate: $*"
  first=$(head -n 1 lines)
  tail -n +2 lines >neighbours
}

as_settings() { printf '%s\n' "${@}" | sed 's/^-\([a-z]\)/\1/'; }

both() { # NAME DATA KEYS... -- KEYS OF THE NETWORK...: program and library, and each with what the other has learned
  local name=$1 data=() keys ranks
  shift
  while [ "$1" != -- ]; do data+=("$1") && shift; done
  shift
  mapfile -t keys < <(as_settings "$@")
  data+=(-run_name "$name" -data_task relation -data_n 200,70 -data_clouds 2,1 -data_test_n 150 -data_test_clouds 1)
  good 1 generate "${data[@]}"
  good 1 train "${data[@]}" "$@" -eval_recall_every 0
  local own
  own=$(json parameter_checksum)
  good 1 predict "${data[@]}"
  own+=" $(json prediction_checksum)"
  same "$name" "$own"
  good 1 graph "${data[@]}" -graph_neighbours 5 -graph_write graph.mtx
  grep -v '^%' graph.mtx | tail -n +2 >program
  for ranks in 1 2 3 4; do
    relate $ranks "out/$name/data.h5" "$name$ranks.h5" 5 "${keys[@]}"
    same "$name" "$first"
    cmp -s neighbours program || fail "neighbours of $name on $ranks ranks: $(diff neighbours program | head -n 3 | paste -s)"
  done
  good 2 predict "${data[@]}" -eval_checkpoint "${name}3.h5"
  same "$name" "${own% *} $(json prediction_checksum)"
  relate 3 "out/$name/data.h5" "out/$name/checkpoint.h5" 5
  same "$name" "$first"
}

learn=(-train_steps 6 -train_batch 2 -train_lr 0.02 -tree_leaf 8 -tree_block 16)
plane=(-net_layers 1 -net_dim 2 -tree_pairs_per_particle 60 -net_dropout 0.2)
both plane -data_features 6 -- "${plane[@]}" "${learn[@]}"
both sample -data_features 6 -data_truth_sample 40 -- -net_layers 2 -net_dim 2 -net_width 6 -net_precision float64 "${learn[@]}"
both wind -data_law upstream -data_h 0.1 -- -net_layers 1 -net_separate true -net_aggregate average -net_include_self true \
  -net_embedding mlp -net_embed_hidden 5 -tree_split pca "${learn[@]}"

# begun by the one, ended by the other
data=(-run_name plane -data_task relation -data_features 6 -eval_recall_every 0)
good 1 train "${data[@]}" "${plane[@]}" "${learn[@]}" -train_steps 9
same "9 steps" "$(json parameter_checksum)"
mapfile -t keys < <(as_settings "${plane[@]}" "${learn[@]}" -train_steps 9 -train_stop 4)
relate 3 out/plane/data.h5 begun.h5 5 "${keys[@]}"
good 2 train "${data[@]}" "${plane[@]}" "${learn[@]}" -train_steps 9 -train_restart begun.h5
same "9 steps" "$(json parameter_checksum)"
finish

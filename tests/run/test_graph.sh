#!/usr/bin/env bash
# Proves that the learned graph of a test set is the same bytes on 1, 2 and 3 ranks, in both formats, from the nearest senders
# and from near lists, of each layer, with one map and with two, and where a rank holds nothing; that recall is told of what
# is known alone, and rises with what was learned; and what is refused, leaving no half of a file.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

plane=(-run_name plane -data_task relation -data_features 4 -data_n 256 -data_clouds 4 -data_test_n 300,40 -data_test_clouds 1,1
  -net_message gate -net_layers 1 -net_dim 2 -train_batch 2 -train_lr 0.05 -train_schedule hold -tree_leaf 8 -tree_block 16
  -eval_samples 200)
deep=(-run_name deep -data_task relation -data_law upstream -data_n 150 -data_clouds 1 -data_test_n 150 -data_test_clouds 1
  -net_message gate -net_layers 2 -net_width 6 -net_separate true -net_aggregate average -train_steps 1 -tree_leaf 4
  -tree_block 8)
good 1 generate "${plane[@]}"
good 1 train "${plane[@]}" -train_steps 1 -eval_recall_every 0
good 1 graph "${plane[@]}" -graph_neighbours 8 -eval_recall_neighbours 8
early=$(json recall)
good 1 train "${plane[@]}" -train_steps 60 -eval_recall_every 0
trained=$(json parameter_checksum)
good 1 train "${plane[@]}" -run_name raw -data_file "$PWD/out/plane/data.h5" -tree_on features -train_steps 1 -eval_recall_every 0
good 1 generate "${deep[@]}"
good 1 train "${deep[@]}" -eval_recall_every 0

# written RANKS NAME ENDING KEYS...: the same file on any number of ranks
written() {
  local ranks=$1 name=$2 ending=$3
  shift 3
  good "$ranks" graph "$@" -graph_write "graph.$ending"
  same "$name.$ending" "$(cksum <"graph.$ending")"
  same "results of $name" "$(json graph_checksum) $(json edges) $(json recall)"
}
for ranks in 1 2 3; do
  written $ranks nearest h5 "${plane[@]}" -graph_neighbours 8 -eval_recall_neighbours 8
  late=$(json recall)
done
written 3 nearest mtx "${plane[@]}" -graph_neighbours 8 -eval_recall_neighbours 8
written 1 nearest mtx "${plane[@]}" -graph_neighbours 8 -eval_recall_neighbours 8
cp graph.mtx nearest.mtx
for ranks in 1 3; do # 40 particles lie on one of the ranks
  written $ranks "near lists" h5 "${plane[@]}" -graph_lists near -eval_set 1
  written $ranks "everybody of 40" mtx "${plane[@]}" -graph_neighbours 39 -eval_set 1
done
for ranks in 1 2; do
  written $ranks "the second layer" hdf5 "${deep[@]}" -graph_layer 1
  [ -z "$(json recall)" ] || fail "a recall of what nobody knows: $(json recall)"
done
written 1 "the first layer" h5 "${deep[@]}"
[ -n "$(json recall)" ] || fail "no recall of the first layer"
awk "BEGIN { exit !($late > 0.5 && $late > 2 * $early) }" </dev/null || fail "recall: $early, after training $late"
cp graph.mtx everybody.mtx

# rows FILE N K: K senders each, none of them the receiver, no weight above the one before it; what it is of
rows() {
  grep -qF "checkpoint $trained" "$1" || fail "$1: the checkpoint's checksum is not in it"
  awk -v n="$2" -v k="$3" 'NR == 1 { if ($0 != "%%MatrixMarket matrix coordinate real general") bad++; next }
    /^%/ { next }
    !size { size = 1; if ($1 != n || $2 != n || $3 != n * k) bad++; next }
    { if ($1 == $2 || $1 < row || $2 < 1 || $2 > n || seen[$1, $2]++) bad++
      if ($1 == row && $3 > weight) bad++
      if ($3 <= 0 || $3 > 1) bad++
      row = $1; weight = $3; count[$1]++ }
    END { for (i = 1; i <= n; i++) if (count[i] != k) bad++; exit bad > 0 }' "$1" || fail "$1: no rows of $3 among $2"
}
rows nearest.mtx 300 8
rows everybody.mtx 40 39
"$ESPALIER_PROGRAM" info graph.h5 >stdout || fail "info"
for word in 'espalier graph' 'near lists|nearest' 'indptr' 'indices' 'distance' 'weight' 'scale' 'learned'; do
  grep -qE "$word" stdout || fail "info does not show $word"
done

before=$(cksum graph.h5)
refuse "graph_neighbours 40|40 particles" 2 graph "${plane[@]}" -graph_neighbours 40 -eval_set 1 -graph_write graph.h5
refuse "graph_neighbours|0" 1 graph "${plane[@]}" -graph_neighbours 0
refuse "graph_neighbours|near" 1 graph "${plane[@]}" -graph_neighbours 4 -graph_lists near
refuse "graph_lists|far|nearest|near" 1 graph "${plane[@]}" -graph_lists far
refuse "graph_layer 1|1 layers" 2 graph "${plane[@]}" -graph_layer 1 -graph_write graph.h5
refuse "eval_set 2|2 test sets" 1 graph "${plane[@]}" -eval_set 2
refuse "graph_write graph.csv|.mtx|.h5" 1 graph "${plane[@]}" -graph_write graph.csv
for ending in h5 mtx; do refuse "nowhere/g.$ending" 2 graph "${plane[@]}" -graph_write "nowhere/g.$ending"; done
refuse "data_task gravity|learned space" 1 graph -run_name bodies
refuse "input with data_task relation|weather" 2 graph "${plane[@]}" -input some.hdf5
refuse "tree_on" 1 graph "${plane[@]}" -run_name raw -data_file "$PWD/out/plane/data.h5"
if [ "${ESPALIER_SANITIZED:-0}" = 0 ]; then # the shim and the address sanitizer exclude each other
  for ending in h5 mtx; do
    ESP_SHIM_FSIZE=30000 refuse "graph.$ending|file size limit" 2 graph "${plane[@]}" -graph_write "graph.$ending"
  done
fi
[ "$before" = "$(cksum graph.h5)" ] || fail "a graph that was refused changed the older file"
finish

#!/usr/bin/env bash
# Proves that a learned relation goes from data to report with the same bits on any number of ranks: data, parameters
# trained on whole and on shared sets, errors and recall of every method, prediction, cuts; with one map and with two, in
# one layer and in two; stopped and gone on with elsewhere; and that it learns.
# ctest: LABELS slow
. "$ESPALIER_SOURCE/tests/run/lib.sh"

figures() { tail -n 1 stdout | grep -oE '"(method|nmse|recall|pairs|cells|learned_shift)":[^,}]*' | tr '\n' ' '; }
cuts() { tail -n 1 stdout | grep -oE '"(halo_particles_max|halo_cells_max|imbalance_pairs|moved_share)":[^,}]*' | tr '\n' ' '; }

sizes=(-data_n 200,330 -data_clouds 3,1 -data_test_n 150,400 -data_test_clouds 2,1 -data_shard_n 300)
learn=(-train_steps 6 -train_batch 2 -train_lr 0.02 -train_schedule hold -train_beta2 0.99 -eval_recall_every 3
  -eval_samples 100 -tree_leaf 8 -tree_block 16 -tree_pairs_per_particle 60)
plane=(-data_task relation -data_features 6 -net_message gate -net_layers 1)
wind=(-data_task relation -data_law upstream -data_h 0.1 -net_message gate -net_layers 1 -net_separate true -net_aggregate average
  -net_include_self true -tree_order 3)
stack=(-data_task relation -data_law circles -data_features 5 -data_hidden 1 -net_message gate_mlp -net_layers 2 -net_width 6
  -net_embedding mlp -net_embed_hidden 5 -net_precision float64 -tree_split pca)

everything() { # RANKS NAME KEYS...
  local ranks=$1 name=$2 own=(-run_name "$2$1")
  shift 2
  own+=("$@")
  good "$ranks" generate "${own[@]}" "${sizes[@]}"
  same "data of $name" "$(json checksum)"
  good "$ranks" train "${own[@]}" "${learn[@]}" -train_shard clouds
  same "parameters of $name" "$(json parameter_checksum) $(json recall)"
  same "losses of $name" "$(cut -d , -f 1-4,6,7 "out/$name$ranks/metrics.csv" | tr '\n' ' ')"
  good "$ranks" train "${own[@]}" "${learn[@]}" -train_shard particles
  same "parameters of $name" "$(json parameter_checksum) $(json recall)"
  same "losses of $name" "$(cut -d , -f 1-4,6,7 "out/$name$ranks/metrics.csv" | tr '\n' ' ')"
  good "$ranks" evaluate "${own[@]}" -eval_samples 100
  same "ladder of $name" "$(figures)"
  same "pictures of $name" "$(cat "out/$name$ranks"/{space,cells}.csv | cksum)"
  good "$ranks" predict "${own[@]}" -eval_set 1
  same "prediction of $name" "$(json prediction_checksum) $("$ESPALIER_FIXTURE" sum "out/$name$ranks/prediction.h5" test/y)"
  good "$ranks" partition "${own[@]}" -partition_ranks 2,3,8
  same "cuts of $name" "$(cuts)"
}
for ranks in 1 2 3 4; do everything $ranks plane "${plane[@]}"; done
for ranks in 1 3 4; do everything $ranks wind "${wind[@]}"; done
for ranks in 1 2; do everything $ranks stack "${stack[@]}"; done

# another angle than the one found from the budget: 0 is every pair
good 2 predict -run_name plane1 "${plane[@]}" -eval_set 0 -tree_theta 0
same "all pairs of 150" "$(json pairs_per_particle)"
same "all pairs of 150" 149

# stopped on the way, and on again on another number of ranks; more ranks than blocks
good 1 train -run_name plane1 "${plane[@]}" "${learn[@]}" -train_stop 2
good 3 train -run_name plane1 "${plane[@]}" "${learn[@]}" -train_restart out/plane1/checkpoint.h5
same "parameters of plane" "$(json parameter_checksum) $(json recall)"
same "losses of plane" "$(cut -d , -f 1-4,6,7 out/plane1/metrics.csv | tr '\n' ' ')"
for ranks in 1 7; do
  good $ranks run -run_name few "${plane[@]}" -data_n 20 -data_clouds 2 -data_test_n 20 -data_test_clouds 1 -train_steps 3 \
    -report_pictures false
  same "everything of a few" "$(json parameter_checksum) $(figures)"
done

# data of one's own: no ids, no targets, float32; another prediction is data, too
spoil own own.h5 250 6
for ranks in 1 2 4; do
  good $ranks predict -run_name own -data_task relation -data_law file -data_file own.h5 -eval_checkpoint out/plane1/checkpoint.h5
  same "prediction of one's own" "$(json prediction_checksum) $("$ESPALIER_FIXTURE" sum out/own/prediction.h5 test/y)"
  good $ranks partition -run_name own -data_task relation -data_law file -data_file own.h5 -eval_checkpoint out/plane1/checkpoint.h5
  same "cuts of one's own" "$(cuts)"
done
# moments of another order than it was trained with
good 1 predict -run_name plane1 "${plane[@]}" -eval_set 1 -tree_theta 1
second=$(json prediction_checksum)
for ranks in 1 2; do
  good $ranks predict -run_name plane1 "${plane[@]}" -eval_set 1 -tree_theta 1 -tree_order 3
  same "moments of order 3" "$(json prediction_checksum)"
done
[ "$second" != "$(json prediction_checksum)" ] || fail "tree_order passed unheard"

# a resolution found for the data at hand, by whoever uses the network
for ranks in 1 3; do
  good $ranks predict -run_name plane1 "${plane[@]}" -eval_set 2 -tree_error 0.01
  same "pairs for an error" "$(json far_bound) $(json pairs_per_particle)"
  good $ranks partition -run_name plane1 "${plane[@]}" -partition_ranks 2 -tree_error 0.01
  same "pairs for an error" "$(json far_bound) $(json pairs_per_particle)"
done
good 2 predict -run_name again -data_task features -data_file out/own/prediction.h5 -eval_checkpoint out/plane1/checkpoint.h5
grep -q "data_task features: now data_task relation with data_law file" stderr || fail "an old word passed unseen"
case "$(json nmse)" in 0|[0-9]*e-*) ;; *) fail "a prediction is not its own: nMSE $(json nmse)" ;; esac
printf 'data_law: circles\ndata_task: subspace\n' >both.yaml # an old word gives way to a key beside it
good 2 generate both.yaml -run_name both -data_n 8 -data_clouds 1 -data_test_n 8 -data_test_clouds 1
grep -q '"law":"circles"' stdout || fail "data_law was overrun by an old word"

# targets of a sample: the error of a prediction is theirs
for ranks in 1 2 4; do
  good $ranks generate -run_name few "${plane[@]}" "${sizes[@]}" -data_truth_sample 20
  good $ranks predict -run_name few "${plane[@]}" -eval_set 2 -eval_checkpoint out/plane1/checkpoint.h5
  same "prediction scored on a sample" "$(json prediction_checksum) $(json nmse)"
done

# what does not fit together
refuse "net_message|'newton'|data_task relation|gate" 2 train -data_task relation -net_message newton
refuse "net_message|'gate'|data_task gravity|newton_mlp" 1 train -net_message gate
refuse "data_truth|'none'|data_task gravity|auto|direct|tree" 1 generate -data_truth none
refuse "data_truth_sample 5|data_task gravity" 1 generate -data_truth_sample 5
refuse "data_law file|data_file" 2 train -data_task relation -data_law file -net_message gate
refuse "tree_split learned|tree_on features" 1 train "${plane[@]}" -tree_split learned -tree_on features
refuse "net_separate|net_embedding coordinates" 1 train "${plane[@]}" -net_separate true -net_embedding coordinates
refuse "net_layers|'5000'|integer in [1, 4096]" 1 train "${plane[@]}" -net_layers 5000
refuse "eval_set 9|3 test sets" 2 predict -run_name plane1 "${plane[@]}" -eval_set 9
refuse "own.h5|data_clouds|0 sets to train on" 2 train "${plane[@]}" -data_file own.h5 -run_name own
refuse "own.h5|no targets" 2 evaluate "${plane[@]}" -data_file own.h5 -eval_checkpoint out/plane1/checkpoint.h5 -run_name own
spoil own narrow.h5 50 5
refuse "5 features|network of 6" 2 predict -data_task relation -data_law file -data_file narrow.h5 -eval_checkpoint out/plane1/checkpoint.h5
refuse "network 'stack'" 1 evaluate -run_name plane1 -data_file out/plane1/data.h5
good 1 generate -run_name bodies -data_n 8 -data_clouds 1 -data_test_n 8 -data_test_clouds 1
refuse "bodies/data.h5" 2 train "${plane[@]}" -data_file out/bodies/data.h5

# hidden coordinates that no tree of the task can stand on, and more sizes than fingers: the ladder goes on without
tiny=("${plane[@]}" -data_hidden 3 -data_n 70 -data_clouds 2 -data_test_n 70 -data_test_clouds 66 -train_steps 1
  -run_name odd -report_pictures false)
good 2 run "${tiny[@]}"
grep -q "tree on hidden space" out/odd/ladder.csv || fail "no tree on hidden space"
for ((s = 0; s < 66; s++)); do
  spoil set out/odd/data.h5 test/about/law "$s" 2 # upstream
  spoil set out/odd/data.h5 test/sets $((2 * s)) $((s + 1))
done
good 2 evaluate "${tiny[@]}"
[ "$(grep -c ',trained network,' out/odd/ladder.csv)" -eq 66 ] || fail "sizes are missing in the ladder"
if grep -q "tree on hidden space" out/odd/ladder.csv; then fail "a tree on half of 3 hidden coordinates"; fi

# a learned shift needs two dimensions; nothing left to train has no loss; trees elsewhere are not cut
flat=("${wind[@]}" -net_dim 1 -data_n 70 -data_clouds 2 -data_test_n 70 -data_test_clouds 1 -train_steps 1 -run_name flat
  -report_pictures false)
good 2 run "${flat[@]}"
[ -z "$(json learned_shift)" ] || fail "a learned shift in one dimension: $(json learned_shift)"
good 2 train "${flat[@]}" -train_restart out/flat/checkpoint.h5
[ -z "$(json loss)" ] || fail "a loss of no step: $(json loss)"
refuse "out/flat/checkpoint.h5|dim: file 1, run 2" 2 train "${flat[@]}" -net_dim 2 -train_restart out/flat/checkpoint.h5
if grep -q "data.h5" stderr; then fail "the data are blamed for a checkpoint: $(head -n 1 stderr)"; fi
good 2 train "${tiny[@]}" -tree_on features
refuse "odd/checkpoint.h5|stand on features" 2 partition "${tiny[@]}"

# it learns: far better than any method that knows the raw features alone
good 2 run -run_name learns -data_task relation -data_features 6 -data_n 256 -data_clouds 8 -data_test_n 256 \
  -data_test_clouds 2 -net_message gate -net_layers 1 -tree_leaf 8 -tree_block 8 -tree_pairs_per_particle 64 \
  -train_steps 150 -train_batch 1 -train_lr 0.02 -train_warmup 20 -train_schedule hold -train_beta2 0.99 -train_clip 1 \
  -report_pictures false
awk -F, '$3 == "trained network" && $4 < 0.2 && $5 > 0.8 { good = 1 } $3 ~ /^kernel/ && $4 < 0.5 { bad = 1 }
  END { exit !(good && !bad) }' out/learns/ladder.csv || fail "$(cat out/learns/ladder.csv)"
[ -s out/learns/report.html ] || fail "no report"
finish

#!/usr/bin/env bash
# Proves that the whole program gives the same bits on any number of ranks: the data, the parameters trained on whole and
# on shared clouds, the errors of every method, a prediction; also when a training is stopped and goes on elsewhere.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

errors() { # of every method in evaluate's results
  tail -n 1 stdout | grep -oE '"(method|D_nrmse|K_nrmse|rmse|energy_error)":[^,}]*' | tr '\n' ' '
}

data=(-data_n 40,96 -data_clouds 4,2 -data_test_n 48,200 -data_test_clouds 3,1 -data_shard_n 150 -data_truth_steps 16)
net=(-net_layers 2 -tree_leaf 4 -tree_block 16 -train_batch 3 -train_steps 6)
shared=(-train_shard particles -train_batch 2)
spoil snapshot in.hdf5 300 good

everything() { # RANKS
  local own=(-run_name "p$1")
  good "$1" generate "${own[@]}" "${data[@]}"
  same "data" "$(json checksum)"
  good "$1" train "${own[@]}" "${net[@]}" -train_shard clouds
  same "parameters, whole clouds" "$(json parameter_checksum)"
  good "$1" evaluate "${own[@]}" -train_shard clouds -eval_rollout 1
  same "errors, whole clouds" "$(errors)"
  good "$1" train "${own[@]}" "${net[@]}" "${shared[@]}"
  same "parameters, shared clouds" "$(json parameter_checksum)"
  # methods that need whole clouds are left out of a shared evaluation
  good "$1" evaluate "${own[@]}" -train_shard particles
  same "errors, shared clouds" "$(errors)"
  good "$1" predict "${own[@]}" -eval_set 3
  same "prediction of a test set" "$(json prediction_checksum) $(json nmse_D) $(json nmse_K)"
}
for ranks in 1 2 3 4; do everything $ranks; done

# messages that are learned, and a prediction; more ranks than blocks
for ranks in 1 5 7; do
  own=(-run_name mlp -data_n 30 -data_clouds 3 -data_test_n 30 -data_test_clouds 1)
  good $ranks generate "${own[@]}"
  same "data of the small case" "$(json checksum)"
  good $ranks train "${own[@]}" "${net[@]}" "${shared[@]}" -net_message newton_mlp -train_steps 3
  same "parameters of learned messages" "$(json parameter_checksum)"
  good $ranks predict "${own[@]}" -input in.hdf5
  for column in Coordinates Velocities ParticleIDs; do
    same "predicted $column" "$("$ESPALIER_FIXTURE" sum out/mlp/prediction.hdf5 PartType1/$column)"
  done
done

# trajectories in a periodic box, rolled out
for ranks in 1 3; do
  own=(-run_name box -data_task box -data_n 20 -data_test_n 20 -data_clouds 3 -data_test_clouds 2 -data_box_train 3
    -data_box_train_frames 20 -data_box_frames 6)
  good $ranks run "${own[@]}" -net_layers 1 -train_batch 3 -train_steps 3 -eval_rollout 5 -report_pictures false
  same "everything of the box" "$(json checksum) $(json parameter_checksum) $(errors)"
done

# stopped on the way, and on again on another number of ranks
good 1 train -run_name p1 "${net[@]}" "${shared[@]}" -train_stop 2
good 3 train -run_name p1 "${net[@]}" "${shared[@]}" -train_restart out/p1/checkpoint.h5
same "parameters, shared clouds" "$(json parameter_checksum)"
good 4 train -run_name p1 "${net[@]}" -train_shard clouds -train_stop 4
good 2 train -run_name p1 "${net[@]}" -train_shard clouds -train_restart out/p1/checkpoint.h5
same "parameters, whole clouds" "$(json parameter_checksum)"
[ "${known[parameters, whole clouds]}" != "${known[parameters, shared clouds]}" ] || fail "the checksum sees no difference"
finish

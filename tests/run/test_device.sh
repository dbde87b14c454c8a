#!/usr/bin/env bash
# Proves that a run whose messages are computed by the kernels of CUDA, here under the model of a device, is the CPU's bit by
# bit: parameters, prediction and errors, on 1, 2 and 3 ranks, by either way between their devices; that one goes on with what
# the other has trained; and that a device that is not there is refused.
. "$ESPALIER_SOURCE/tests/run/lib.sh"
product=$ESPALIER_PROGRAM

errors() { tail -n 1 stdout | grep -oE '"(method|D_nrmse|K_nrmse|nmse|nrmse|rmse)":[^,}]*' | tr '\n' ' '; }

everything() { # NAME KEYS...
  local name=$1 by device
  shift
  good 1 generate -run_name "$name" "$@"
  ESPALIER_PROGRAM=$ESPALIER_MODEL
  for by in "1 cpu" "1 cuda" "2 cuda"; do
    device=${by#* }
    good "${by% *}" train -run_name "$name" "$@" -train_steps 2 -net_device "$device"
    same "parameters of $name" "$(json parameter_checksum)"
    [ "$by" != "2 cuda" ] || grep -q 'moves between ranks by pinned host memory and MPI (ranks share a device)' stdout ||
      fail "train does not say how memory moves between devices"
    good "${by% *}" predict -run_name "$name" "$@" -net_device "$device"
    same "prediction of $name" "$(json prediction_checksum)"
    good "${by% *}" evaluate -run_name "$name" "$@" -eval_baselines false -net_device "$device"
    same "errors of $name" "$(errors)"
  done
  ESPALIER_PROGRAM=$product
}

clouds=(-data_n 60 -data_clouds 2 -data_test_n 90 -data_test_clouds 1 -data_truth_steps 4 -tree_leaf 4 -tree_block 24
  -train_batch 1 -train_shard particles)
everything law -data_kind plummer "${clouds[@]}" -net_message mlp -net_layers 2 -net_hidden 4
everything newton -data_kind plummer "${clouds[@]}" -net_message newton_mlp -net_layers 2 -net_hidden 4 # by multipoles
everything box -data_task box -data_n 60 -data_test_n 60 -data_box_train 2 -data_box_train_frames 5 -data_box_frames 4 \
  -data_test_clouds 1 -tree_leaf 4 -tree_block 24 -tree_theta 0.9 -net_message newton_mlp -net_layers 2 -net_hidden 4
plane=(-data_features 6 -data_n 150 -data_clouds 2 -data_test_n 200 -data_test_clouds 1 -data_values 2 -tree_leaf 4
  -tree_block 24 -tree_pairs_per_particle 60 -train_batch 1 -train_shard particles -eval_samples 50
  -eval_baselines false)
everything gate -data_task subspace "${plane[@]}" -net_message gate -net_layers 2 -net_dim 3
everything queries -data_task compare "${plane[@]}" -net_message gate_mlp -net_layers 1 -net_separate true \
  -net_aggregate average

# devices of their own: by NCCL's calls (tests/cuda/nccl), on more ranks than blocks of some levels
ESPALIER_PROGRAM=$ESPALIER_MODEL
export ESPALIER_MODEL_DEVICE=own
own() { # NAME KEYS...
  good 3 train -run_name "$@" -train_steps 2 -net_device cuda
  same "parameters of $1" "$(json parameter_checksum)"
  grep -q 'moves between ranks by NCCL' stdout || fail "train does not say that memory moves by NCCL"
  good 3 predict -run_name "$@" -net_device cuda
  same "prediction of $1" "$(json prediction_checksum)"
}
own law "${clouds[@]}" -data_kind plummer -net_message mlp -net_layers 2 -net_hidden 4
own queries -data_task compare "${plane[@]}" -net_message gate_mlp -net_layers 1 -net_separate true \
  -net_aggregate average
unset ESPALIER_MODEL_DEVICE

# trained here, continued there
ESPALIER_PROGRAM=$ESPALIER_MODEL
law=(-run_name law "${clouds[@]}" -net_message mlp -net_layers 2 -net_hidden 4)
good 1 train "${law[@]}" -train_steps 2 -net_device cuda
cp out/law/checkpoint.h5 half.h5
for device in cpu cuda; do
  good 1 train "${law[@]}" -train_steps 4 -net_device $device -train_restart half.h5
  same "parameters of the continued" "$(json parameter_checksum)"
done
ESPALIER_PROGRAM=$product
refuse 'net_device|cuda|cpu' 2 train "${law[@]}" -net_device cuda
finish

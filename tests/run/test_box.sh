#!/usr/bin/env bash
# Proves that the periodic box is made, measured and learned right: the classical methods come out where they
# are known to, a network that is not told the force law finds it, and its roll-out over 200 frames beats the published
# learned model (0.0366; energy 3.8e-5) after a short training.
# ctest: LABELS slow
. "$ESPALIER_SOURCE/tests/run/lib.sh"
[ "${ESPALIER_SANITIZED:-0}" = 0 ] || { echo "skipped: too slow with the sanitizer"; exit 77; }

# rmse METHOD, energy METHOD: of the roll-out
row() { tail -n 1 stdout | grep -o '"rollout":.*' | grep -o "{\"method\":\"$1\",[^}]*}" | grep -o "\"$2\":[^,}]*" | cut -d : -f 2; }
rmse() { row "$1" rmse; }
energy() { row "$1" energy_error; }

# within VALUE LOW HIGH WHAT
within() {
  awk -v x="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(x != "" && x + 0 >= low && x + 0 <= high) }' ||
    fail "$4 is '$1', allowed $2 to $3"
}

short=(-data_box_train 16 -data_box_stride 10 -data_test_clouds 4 -net_hidden 16 -train_steps 1500 -report_pictures false)
good 2 run "$ESPALIER_SOURCE/inputs/box-100-law-unknown.yaml" "${short[@]}"
within "$(rmse ballistic)" 0.80 0.95 "free flight"
within "$(rmse 'leapfrog with nearest neighbours')" 0.08 0.2 "leapfrog with 15 neighbours"
within "$(rmse 'direct leapfrog')" 0.0002 0.004 "leapfrog of two steps a frame"
within "$(rmse 'untrained network')" 0.80 1.2 "the network before it is trained"
within "$(rmse 'trained network')" 0.001 0.0366 "the trained network"
within "$(energy 'trained network')" 0 1e-4 "its energy error"

# One layer with the law given is the leapfrog of one step a frame.
good 2 run "$ESPALIER_SOURCE/inputs/box-100-law-given.yaml" -run_name given -data_file out/box-100-law-unknown/data.h5 \
  -net_layers 1 -train_steps 1 -train_lr 0 -report_pictures false
within "$(rmse 'direct leapfrog')" 0.004 0.012 "leapfrog of one step a frame"
within "$(rmse 'trained network')" 0.004 0.012 "one layer"
finish

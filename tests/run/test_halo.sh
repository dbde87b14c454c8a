#!/usr/bin/env bash
# Proves that a network trained on small clouds predicts a real halo, read from another code's snapshot, better than the
# leapfrog it started from, and that predict writes the moved snapshot. Needs ESPALIER_DATA; skipped without.
# ctest: LABELS slow
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
halo=${ESPALIER_DATA:-}/nbody/isolated_32_dm_smallbox.hdf5
[ -r "$halo" ] || { echo "skipped: no $halo (set ESPALIER_DATA)"; exit 77; }
good 2 run "$ESPALIER_SOURCE/inputs/halo.yaml" -input "$halo" -data_truth_steps 12 -data_clouds 16 -train_steps 60 \
  -train_batch 4 -eval_baselines false -report_pictures false
error() { grep ",$1," out/halo/ladder.csv | cut -d , -f 4; }
untrained=$(error "untrained network") trained=$(error "trained network")
echo "NRMSE of D on the halo: untrained $untrained, trained $trained"
awk -v a="$untrained" -v b="$trained" 'BEGIN { exit !(a > 0.018 && a < 0.03 && b > 0 && b < 0.7 * a) }' ||
  fail "untrained $untrained is not in 0.018 .. 0.03, or trained $trained not below 0.7 of it"
good 2 predict "$ESPALIER_SOURCE/inputs/halo.yaml" -input "$halo"
"$ESPALIER_PROGRAM" info out/halo/prediction.hdf5 >stdout 2>stderr || fail "info of the prediction"
grep -q "particles    32768" stdout || fail "the prediction has other than 32768 particles"
# Without units a file that states none is refused.
refuse 'units_length|isolated_32' 2 predict -input "$halo" -eval_checkpoint out/halo/checkpoint.h5
finish

#!/usr/bin/env bash
# Proves that a record of fields, a NetCDF file of cells of the program's own and, where there is one, a real one, is learned
# from, judged, drawn and predicted from, with the same bits on 1, 2 and 3 ranks; what the parts hold of it; and that what a
# record cannot give is refused with the key that helps.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

ladder() { tail -n 1 stdout | grep -oE '"(method|rmse_t|rmse_q|pairs|cells)":[^,}]*' | tr '\n' ' '; }
rows() { tail -n 1 stdout | grep -o '"frame_rows":[0-9]*' | cut -d : -f 2 | tr '\n' ' '; }

call 1 generate -data_task weather -data_n 162 -data_clouds 0 -data_test_n 162 -data_test_clouds 1 -data_weather_days 3 \
  -data_weather_spin_up 2 -data_weather_sweeps 5 -run_name made -data_export cells.nc
if grep -q 'built without NetCDF' stderr; then
  echo "skipped: built without NetCDF"
  exit 77
fi
[ "$rc" -eq 0 ] || fail "exit status $rc"
# a climate has a potential temperature, which is taken for a temperature by key alone
cells=(-input "$PWD/out/made/cells.nc" -io_temperature T)

keys=(-data_task weather -data_weather_of record -data_weather_lead 12 -data_weather_history 6,12 -data_weather_test_stride 1
  -net_layers 1 -net_aggregate average -net_include_self true -tree_leaf 8 -tree_block 16 -tree_pairs_per_particle 32
  -train_batch 1 -train_steps 4 -train_loss_k 1 -report_pictures false)
for ranks in 1 2 3; do
  own=("${keys[@]}" -run_name "record$ranks")
  good "$ranks" generate "${own[@]}" "${cells[@]}"
  same data "$(json checksum)"
  # of 13 frames 10 are learned from; the first target that is judged is frame 10, seen from 8, which remembers 6
  [ "$(rows)" = "1620 1134 " ] || fail "frames of the parts: $(rows)"
  good "$ranks" train "${own[@]}"
  same parameters "$(json parameter_checksum)"
  good "$ranks" evaluate "${own[@]}"
  same ladder "$(ladder)"
  good "$ranks" predict "${own[@]}" "${cells[@]}"
  same prediction "$(json prediction_checksum)"
  [ -e "out/record$ranks/prediction.nc" ] || fail "no prediction.nc"
done
for method in "climatology by place" "damped anomaly" "linear: own numbers and eight directions" "linear: and climatology"; do
  grep -q "\"$method\"" out/record3/evaluate.json || fail "no row $method"
done

new=("${keys[@]}" -run_name refused)
refuse "data_weather_of record|-input FILE|doi" 2 generate "${new[@]}"
refuse "a frame every 6 hours|data_weather_every is 3|whole hours, 1 to 24" 1 generate "${new[@]}" "${cells[@]}" -data_weather_every 3
refuse "data_weather_until 14|13 frames" 2 generate "${new[@]}" "${cells[@]}" -data_weather_until 14
refuse "data_weather_fit 4 frames of 13|more than 4" 1 generate "${new[@]}" "${cells[@]}" -data_weather_fit 4
# longer than data_weather_days, which are of a climate
refuse "13 frames|take more than 122|data_weather_lead 720" 1 generate "${new[@]}" "${cells[@]}" -data_weather_lead 720
refuse "data_weather_history 7 hours" 1 generate "${new[@]}" "${cells[@]}" -data_weather_history 7
refuse "eval_rollout|data_weather_lead" 2 evaluate "${own[@]}" -eval_rollout 2

# a state without time can be predicted from by who neither remembers nor expects, and not be learned from
own=("${keys[@]}" -data_weather_history 0 -data_weather_expected false -run_name now)
good 1 generate "${own[@]}" "${cells[@]}"
good 1 train "${own[@]}"
good 2 predict "${own[@]}" "${cells[@]}"
state=$PWD/out/now/prediction.nc
good 2 predict "${own[@]}" "${cells[@]}" -run_out "$PWD/out2" -eval_checkpoint "$PWD/out/now/checkpoint.h5"
if [ "${ESPALIER_SANITIZED:-0}" = 0 ]; then # the shim and the address sanitizer exclude each other
  before=$(cksum out/now/prediction.nc)
  for ranks in 1 2; do
    room=$(($(wc -c <out/now/config-predict.yaml) + 200)) # for a configuration, and little more
    ESP_SHIM_FSIZE=$room refuse "prediction.nc|file size limit" "$ranks" predict "${own[@]}" "${cells[@]}"
  done
  [ "$before" = "$(find out/now -name prediction.nc -exec cksum {} + | sed 's|out/now/earlier-[0-9]*/|out/now/|')" ] ||
    fail "the older prediction changed"
fi
refuse "1 frames|a single state can be predicted from" 2 generate "${new[@]}" -input "$state"

# the learned graph of a file's cells, on any number of ranks; near lists are those that the prediction of the file runs through
good 2 predict "${own[@]}" "${cells[@]}"
pairs=$(json pairs_per_particle)
good 2 graph "${own[@]}" "${cells[@]}" -graph_lists near
[ "$(awk "BEGIN { print $pairs * 162 }" </dev/null)" = "$(json edges)" ] || fail "$pairs near pairs a cell, $(json edges) edges"
for ranks in 1 2 3; do
  good "$ranks" graph "${own[@]}" "${cells[@]}" -graph_neighbours 6 -graph_write "$PWD/graph.mtx"
  same graph "$(json graph_checksum) $(cksum <graph.mtx)"
  [ "$(json edges)" = 972 ] || fail "not 6 edges for each of 162 cells: $(json edges)"
done
refuse "input|eval_set" 1 graph "${own[@]}" "${cells[@]}" -eval_set 0
refuse "cells.nc|graph_neighbours 162|162 particles" 2 graph "${own[@]}" "${cells[@]}" -graph_neighbours 162

real=${ESPALIER_DATA:-}/weather/wfde5_uk_201701_first600h.nc
if [ ! -f "$real" ]; then
  [ "$failures" -gt 0 ] && finish
  echo "no ESPALIER_DATA: the real record is left out"
  finish
fi
own=("${keys[@]}" -data_weather_every 1 -data_weather_lead 6 -data_weather_history 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24
  -data_weather_fit 500 -run_name real -train_steps 1)
good 2 generate "${own[@]}" -input "$real"
[ "$(rows)" = "125000 32500 " ] || fail "frames of the real record: $(rows)"
good 2 train "${own[@]}"
good 2 evaluate "${own[@]}"
# another program's figures: persistence 2.598, 0.647; damped anomaly 1.796, 0.554; ridge on a cell's own day 1.701, 0.534
near() { # METHOD T Q: within 3 %
  tail -n 1 stdout | grep -o "\"method\":\"$1\",\"rmse_t\":[0-9.]*,\"rmse_q\":[0-9.]*" | tr ':' ',' |
    awk -F , -v t="$2" -v q="$3" '{ if ($(NF-2) > 1.03 * t || $(NF-2) < 0.95 * t || $NF > 1.03 * q || $NF < 0.95 * q) bad = 1 }
      END { exit bad || NR != 1 }' || fail "$1 is not $2, $3"
}
near persistence 2.598 0.647
near "damped anomaly" 1.796 0.554
near "linear: own numbers" 1.701 0.534
finish

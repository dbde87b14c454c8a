#!/usr/bin/env bash
# Proves that weather goes through every verb with the same bits on 1, 2 and 3 ranks, each start made by one rank or by all
# together; that what is told of it is sound; and what a wrong mesh, lead or step is answered.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

ladder() { tail -n 1 stdout | grep -oE '"(method|rmse_t|rmse_q|skill_t|skill_q|shift|learned_shift|pairs|cells)":[^,}]*' | tr '\n' ' '; }

keys=(-data_task weather -data_n 162 -data_clouds 2 -data_test_n 162 -data_test_clouds 1 -data_weather_days 3
  -data_weather_spin_up 2 -data_weather_sweeps 5 -data_weather_test_stride 3 -net_layers 1 -net_separate true
  -net_aggregate average -net_include_self true -tree_leaf 8 -tree_block 16 -tree_pairs_per_particle 32 -train_batch 1
  -train_steps 6 -train_loss_k 1 -report_pictures false)
for way in "1 1000" "2 1000" "2 100" "3 100"; do
  read -r ranks shard <<<"$way"
  own=(-run_name "weather$ranks-$shard" "${keys[@]}" -data_shard_n "$shard")
  good "$ranks" generate "${own[@]}"
  same data "$(json checksum)"
  good "$ranks" train "${own[@]}"
  same parameters "$(json parameter_checksum)"
  good "$ranks" evaluate "${own[@]}" -eval_rollout 3
  same ladder "$(ladder)"
  good "$ranks" predict "${own[@]}"
  same prediction "$(json prediction_checksum)"
done
good 2 report "${own[@]}"
[ "$(cut -d , -f 1 "out/weather3-100/rollout_rmse_t.csv" | tr '\n' ' ')" = "frame 4 8 12 " ] || fail "frames of the roll-out"
good 1 evaluate "${own[@]}" -eval_rollout 1
[ "$(tail -n 1 stdout | grep -o '"persistence"[^}]*"rmse_t":[0-9.]\{8\}' | grep -o '[0-9.]*$' | sort -u | wc -l)" -eq 1 ] ||
  fail "persistence rolled out once is another than the ladder's"
for method in persistence "climatology by place" "semi-Lagrangian: frozen wind" "linear: own numbers" "linear: and climatology" \
  "trained network"; do
  grep -q "\"$method\"" "out/weather3-100/evaluate.json" || fail "no row $method"
done
grep -o '"\(mass\|water\)_drift":[^,}]*' "out/weather3-100/generate.json" | cut -d : -f 2 |
  awk '{ if ($1 > 1e-12) bad = 1 } END { exit bad || NR == 0 }' || fail "mass or water is not conserved"

refuse "data_n: 100 cells of weather; a mesh has 162, 642" 1 generate "${keys[@]}" -data_n 100
refuse "data_weather_lead 20 hours with data_weather_every 6: it must be a multiple" 2 generate "${keys[@]}" \
  -data_weather_lead 20
refuse "data_weather_lead 96 hours with data_weather_days 3" 1 generate "${keys[@]}" -data_weather_lead 96
refuse "pairs of frames 20 apart" 2 train "${own[@]}" -data_weather_days 10 -data_weather_lead 120
finish

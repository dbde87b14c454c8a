#!/usr/bin/env bash
# Proves what a run's folder holds against others: links that lie there are not followed.
# ctest: PROCESSORS 2
. "$ESPALIER_SOURCE/tests/run/lib.sh"

tiny=(-data_n 32 -data_clouds 2 -data_test_n 32 -data_test_clouds 1 -net_layers 1 -train_batch 1 -train_steps 3)

# ---- links: what they point to keeps its bytes ----

echo precious >precious
good 2 run "${tiny[@]}" -run_name links
for name in $(ls out/links); do ln -sf "$PWD/precious" "out/links/$name"; done
for name in {data.h5,checkpoint.h5,config.yaml,metrics.csv,report.html}.part; do ln -s "$PWD/precious" "out/links/$name"; done
good 2 run "${tiny[@]}" -run_name links
[ "$(cat precious)" = precious ] || fail "a link was followed"
for name in data.h5 checkpoint.h5 config.yaml metrics.csv ladder.csv report.html train.json training.gp gnuplot.log; do
  [ -f "out/links/$name" ] && [ ! -L "out/links/$name" ] || fail "out/links/$name is no file of its own"
done
rm out/links/*.part
no_parts "links"

# ---- long paths and names ----

deep=$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..60})
long=$(printf 'f%.0s' {1..240}).h5
good 2 generate "${tiny[@]}" -run_out "$deep"
cp "$deep/run/data.h5" "$long"
good 2 train "${tiny[@]}" -data_file "$long"
finish

#!/usr/bin/env bash
# Proves that report.html is well-formed and, where tidy is there, valid; that its first sentence tells the ladder's own numbers, of
# the largest sets and the best classical method; that tables, axes and legends speak in words and tables lie in boxes; that pictures
# side by side have one scale, that gnuplot finds nothing wrong in them, and that no power is fitted through two sizes.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

plane=(-data_task relation -data_features 4 -data_n 64 -data_clouds 2 -data_test_n 64,128 -data_test_clouds 2,1 -net_layers 1
  -net_dim 2 -tree_leaf 8 -tree_block 8 -train_batch 1 -train_steps 2)
bodies=(-data_n 32 -data_clouds 2 -data_test_n 32,48,64 -data_test_clouds 1,1,1 -net_layers 2 -train_batch 1 -train_steps 2
  -eval_rollout 2)

# page NAME: is it one, and does gnuplot know all that it is told?
page() {
  local html=out/$1/report.html
  if command -v xmllint >/dev/null; then
    xmllint --huge --noout "$html" 2>log || fail "$1: $(head -n 1 log)"
  elif command -v python3 >/dev/null; then
    python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$html" 2>log || fail "$1: $(tail -n 1 log)"
  fi
  if command -v tidy >/dev/null; then tidy -e -q "$html" >log 2>&1 || fail "$1: $(head -n 3 log)"; fi
  [ "$(grep -c '<table>' "$html")" = "$(grep -c '<div class="box" tabindex="0"><table>' "$html")" ] || fail "$1: a table without a box"
  ! grep -o '<th[^>]*>[^<]*</th>' "$html" | grep '_' || fail "$1: heads of tables are no words"
  if [ -s "out/$1/gnuplot.log" ]; then
    grep -v '^ *$\|^Warning: empty . range' "out/$1/gnuplot.log" && fail "$1: gnuplot complains"
  fi
  ! grep -l '>[^<]*\(nmse_\|seconds_\|D_nrmse\)[^<]*</' "out/$1"/*.svg 2>/dev/null || fail "$1: names of columns in a picture"
}

# sentence NAME N FIGURE METHOD NUMBER: of the trained network and of what is named best
sentence() {
  local line
  line=$(grep '<p class="result">' "out/$1/report.html")
  for word in "of $2 particles" "has $3" "classical methods there, $4, has $5"; do
    case $line in *"$word"*) ;; *) fail "$1: '$word' is not in: $line" ;; esac
  done
}

good 2 run -run_name 'a & b' "${plane[@]}"
page 'a & b'
best=$(awk -F, '$1 == 128 && $3 !~ /network/ && (!best || $4 < best) { best = $4; name = $3 "|" $4 } END { print name }' 'out/a & b/ladder.csv')
own=$(awk -F, '$1 == 128 && $3 == "trained network" { print $4 }' 'out/a & b/ladder.csv')
sentence 'a & b' 128 "nMSE $own" "${best%|*}" "${best#*|}"
grep -q 'stack: layers 1, message gate, [0-9]* parameters' 'out/a & b/report.html' || fail "which network?"
grep -q "<code>espalier run -run_name 'a &amp; b' .*</code>, on 2 ranks" 'out/a & b/report.html' || fail "which command?"
[ "$(grep -c '<code>espalier' 'out/a & b/report.html')" = 1 ] || fail "a command is told twice"

good 1 run -run_name bodies "${bodies[@]}"
page bodies
sentence bodies 64 'NRMSE of displacement' "$(awk -F, '$1 == 64 && $3 !~ /network/ && (!best || $4 < best) { best = $4; name = $3 }
  END { print name }' out/bodies/ladder.csv)" ''
if command -v gnuplot >/dev/null; then
  grep -q '>2.00<' out/bodies/pairs.svg || fail "no power of three sizes"
  ! grep -q '>n<' 'out/a & b/pairs.svg' || fail "a power through two sizes"
  [ "$(grep -c '>hidden coordinate [01]<' 'out/a & b/space.svg')" = 4 ] || fail "bars of colour without a name"
  grep -q '>owning rank<' out/bodies/tree.svg || fail "a bar of colour without a name"
  # numbers at the axes of the two panels of cells: each is there a like number of times
  grep -o '<tspan[^>]*>[ 0-9.-]*</tspan>' 'out/a & b/cells.svg' | grep -o '>[^<]*' | sort | uniq -c | awk '$1 % 2 { exit 1 }' ||
    fail "panels side by side have other scales"
fi

# nothing to compare with; no network yet; results that are none
good 1 evaluate -run_name bodies "${bodies[@]}" -eval_baselines false
good 1 report -run_name bodies "${bodies[@]}" -report_pictures false
page bodies
grep -q 'no classical method was tried there' out/bodies/report.html || fail "a baseline out of nowhere"
good 1 generate -run_name young "${bodies[@]}"
good 1 report -run_name young "${bodies[@]}"
page young
! grep -q '<p class="result">' out/young/report.html || fail "a result of nothing"
echo '{"verb":' >out/young/generate.json
refuse 'young/generate.json|no JSON' 1 report -run_name young "${bodies[@]}"
finish

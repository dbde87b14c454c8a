#!/usr/bin/env bash
# Proves that missing, foreign, truncated and spoilt data files and checkpoints are refused with the file, the place in it
# and what is allowed, on several ranks, and that what stood there before stays as it was.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

small=(-data_n 24 -data_clouds 4 -data_test_n 24 -data_test_clouds 2 -net_layers 2 -train_batch 2 -train_steps 2)
good 2 generate "${small[@]}"
good 2 train "${small[@]}"
data=out/run/data.h5 checkpoint=out/run/checkpoint.h5
before=$(cksum "$data" "$checkpoint")
head -c 500 /dev/urandom >noise

train=(train "${small[@]}" -run_name other -data_file)
refuse "gone.h5|No such file" 2 "${train[@]}" gone.h5
refuse "noise|not an HDF5 file" 2 "${train[@]}" noise
refuse "out/run|folder" 2 "${train[@]}" out/run
refuse "$checkpoint|espalier set" 2 "${train[@]}" "$checkpoint"
for part in 3 2; do
  head -c $(($(stat -c %s "$data") * (part - 1) / part)) "$data" >cut.h5
  refuse "cut.h5" 2 "${train[@]}" cut.h5
done

# spoilt WORDS COMMAND ARGUMENTS...: the data with one thing wrong
spoilt() {
  local words=$1 command=$2
  shift 2
  cp "$data" bad.h5
  spoil "$command" bad.h5 "$@"
  refuse "bad.h5|$words" 2 "${train[@]}" bad.h5
}
spoilt "/train/x|missing" delete /train/x
spoilt "/test/K|shape (144)|wanted is (rows, 3)" flatten /test/K
spoilt "/train/v|wanted is (rows, 3)" flatten /train/v
spoilt "/train/D|neither floats nor integers" retype /train/D
spoilt "/train/id|integers" retype /train/id
spoilt "/train/sets|integers" retype /train/sets
spoilt "/train/about/T|holds strings" retype /train/about/T
spoilt "dim is 4" set /train/about/dim 0 4
spoilt "unit of time T is 0" delete /train/about/T
spoilt "/test set 0: eps is -1|allowed are 0 to inf" set /test/about/eps 0 -1
spoilt "/test set 1 has rows [24, +25) of 48" set /test/sets 2 25
spoilt "espalier set|something else" attribute format "something else"
spoilt "particle|x, column 1, is nan|finite" set /train/x 148 nan
spoilt "particle|x, column 0, is inf|finite" set /train/x 144 inf
spoilt "particle|v, column 2, is -inf" set /train/v 146 -inf
spoilt "particle|m, column 0, is -1|>= 0" set /train/m 50 -1
spoilt "particle|K, column 0, is nan" set /train/K 3 nan
spoilt "/train set 0|particle id 0" set /train/id 1 0
spoilt "/train set 1: T is nan, must be finite" set /train/about/T 1 nan
spoilt "/train set 2: energy_error is inf" set /train/about/energy_error 2 inf
spoilt "/train set 3: G is -1|0 to inf" set /train/about/G 3 -1
spoilt "/train sets 0 and 1 share rows from 23 on" set /train/sets 3 23
spoilt "/train sets 0 and 2 share rows from 0 on" set /train/sets 5 0
spoilt "particle|K, column 1, is 1e+308|at most 1e+150" set /train/K 4 1e308
spoilt "particle|x, column 1, is -1e+200|at most 1e+150" set /train/x 4 -1e200
# what a file claims and does not hold takes no memory and is not read; info says so and goes on
for hollow in "/train/x|claims 3221225472 elements" "/train/sets|claims 2147483648 elements" "/test/about/T|claims"; do
  spoilt "${hollow#*|}" hollow "${hollow%|*}" 1073741824
  call 1 info bad.h5
  name=${hollow%|*}
  [ "$rc" -eq 0 ] && grep -q "^sets  *refused: .*claims" stdout && grep -q "${name#/}  refused: .*claims" stdout &&
    grep -q "^  train/v  float64" stdout || fail "info: $hollow"
done
# what a file says does not act on the terminal
cp "$data" bad.h5
spoil attribute bad.h5 task $'\e[2J\x9b31m'
spoil rename bad.h5 /train/m $'/train/m\e]0;owned\a'
attacks=${ESPALIER_CASES:-}/attack/
for file in bad.h5 $(ls "${attacks}escape.h5" "${attacks}info-broken-child.h5" 2>/dev/null); do
  call 1 info "$file"
  cat stdout stderr | LC_ALL=C grep -q '[^ -~]' && fail "info $file shows what may act on a terminal"
done
call 1 info bad.h5
for text in '@task = \x1b\[2J\x9b31m' 'train/m\x1b\]0;owned\x07  float64'; do
  grep -q "${text//\\x/\\\\x}" stdout || fail "info does not show $text"
done
refuse '/train/m is missing' 1 "${train[@]}" bad.h5
spoil attribute bad.h5 format $'espalier \e[31mset'
refuse 'attribute format is "espalier \x1b[31mset"' 1 "${train[@]}" bad.h5
printf 'step,loss\n1,0.5\n' >table.csv
refuse "table.csv|no set file, no checkpoint and no snapshot" 1 info table.csv
call 1 info "$checkpoint"
grep -q hidden_halves stdout && fail "info of a checkpoint lists what is no key"
made=$data data=$ESPALIER_SOURCE/tests/golden/cloud.h5 # of version 1
spoilt "/train/clouds|claims" hollow /train/clouds 1073741824
spoilt "/train/clouds|missing" delete /train/clouds
spoilt "/train/clouds|no table" retype /train/clouds
data=$made

# of another task: data, and a network
golden=$ESPALIER_SOURCE/tests/golden
refuse "cloud.h5|data of task gravity|data_task is relation" 2 train -data_task relation -data_file "$golden/cloud.h5"
refuse "gate.h5" 2 train -data_task gravity -data_file "$golden/gate.h5"
for verb in evaluate predict partition; do
  refuse "cloud-checkpoint.h5|network 'integrator'|data_task relation" 2 "$verb" -data_task relation \
    -data_file "$golden/gate.h5" -eval_checkpoint "$golden/cloud-checkpoint.h5"
done
for verb in evaluate predict; do
  refuse "gate-checkpoint.h5|network 'stack'|data_task gravity" 2 "$verb" -data_task gravity \
    -data_file "$golden/cloud.h5" -eval_checkpoint "$golden/gate-checkpoint.h5"
done

restart=(train "${small[@]}" -run_name other -data_file "$data" -train_steps 4 -train_restart)
refuse "gone.h5|No such file" 2 "${restart[@]}" gone.h5
refuse "noise|not an HDF5 file" 2 "${restart[@]}" noise
refuse "$data|not a checkpoint|espalier checkpoint" 2 "${restart[@]}" "$data"
refuse "$checkpoint|another model|layers: file 2, run 3" 2 "${restart[@]}" "$checkpoint" -net_layers 3
refuse "$checkpoint|another model|message: file 'newton', run 'mlp'" 2 "${restart[@]}" "$checkpoint" -net_message mlp
refuse "$checkpoint|another model|theta: file 0.6999|run 0.5" 2 "${restart[@]}" "$checkpoint" -tree_theta 0.5
cp "$checkpoint" bad.h5
spoil set bad.h5 moment2 1 -1
refuse "bad.h5|moment2[1] is -1: must be >= 0" 2 "${restart[@]}" bad.h5
evaluate=(evaluate "${small[@]}" -run_name other -data_file "$data" -eval_checkpoint)
head -c 2000 "$checkpoint" >cut.h5
refuse "cut.h5" 2 "${restart[@]}" cut.h5
refuse "cut.h5" 2 "${evaluate[@]}" cut.h5
spoilt() {
  local words=$1 command=$2
  shift 2
  cp "$checkpoint" bad.h5
  spoil "$command" bad.h5 "$@"
  refuse "bad.h5|$words" 2 "${evaluate[@]}" bad.h5
}
spoilt "parameters|missing" delete parameters
spoilt "parameters" retype parameters
spoilt "parameters[1] is nan|finite" set parameters 1 nan
spoilt "net_tableau 'unheard of' is not known" attribute net_tableau "unheard of"

spoilt "parameters|claims 1000000000 elements" hollow parameters 1000000000

# an input that is no file neither waits nor is read on and on
mkfifo pipe
for verb in info run "partition -input" "train -data_file" "evaluate -eval_checkpoint" "train -data_file $data -train_restart"; do
  for what in "pipe|pipe" "/dev/zero|device"; do
    refuse "${what%|*}|is a ${what#*|}, not a file" 1 $verb "${what%|*}"
  done
done
mkdir out/piped
mkfifo out/piped/metrics.csv out/piped/ladder.csv
good 1 train "${small[@]}" -run_name piped -data_file "$data" -train_steps 3 -train_restart "$checkpoint"
refuse "ladder.csv|is a pipe" 1 report -run_name piped

[ "$before" = "$(cksum "$data" "$checkpoint")" ] || fail "a refused job changed its input"
[ ! -e out/other/checkpoint.h5 ] || fail "a refused training left a checkpoint"
finish

#!/usr/bin/env bash
# Proves that inputs, data and checkpoints of earlier programs are read as they were meant: tests/golden has some, and in
# files.txt what `info` says of each, the parameters of a training that goes on for no step, and what a prediction passes
# through, all of which no CPU changes; and that each is trained on with, evaluated, predicted and partitioned, alike on 1
# and 2 ranks. The figures of that are cases of tests/bits.sh. GOLDEN_WRITE=1 writes files.txt (tests/golden/make.sh).
# ctest: TIMEOUT 300
. "$ESPALIER_SOURCE/tests/run/lib.sh"
limit=90
golden=$ESPALIER_SOURCE/tests/golden
cp "$golden"/*.h5 .

sums() { "$ESPALIER_FIXTURE" sums "$1" || fail "sums of $1"; }

# told NAME RANKS: what the program reads of NAME, lines that begin with NAME
told() {
  local name=$1 ranks=$2 keys=("$golden/$1.yaml" -data_file "$1.h5" -eval_checkpoint "$1-checkpoint.h5"
    -train_restart "$1-checkpoint.h5")
  local file
  for file in "$name.h5" "$name-checkpoint.h5"; do
    call 1 info "$file"
    [ "$rc" -eq 0 ] || fail "info $file"
    sed "s/^/$name info /; s/ *$//" stdout >>told
  done
  good "$ranks" train "${keys[@]}" -train_stop 6
  echo "$name parameter_checksum $(json parameter_checksum)" >>told
  sums "out/$name/checkpoint.h5" | sed "s/^/$name written /" >>told
  good "$ranks" train "${keys[@]}"
  same "parameters of $name" "$(json parameter_checksum) $(sums "out/$name/checkpoint.h5")"
  good "$ranks" evaluate "${keys[@]}"
  same "errors of $name" "$(tail -n 1 stdout | grep -oE '"(nmse|D_nrmse|K_nrmse|rmse|recall)":[^,}]*' | tr '\n' ' ')"
  case $name in cloud | box) return ;; esac
  good "$ranks" predict "${keys[@]}"
  same "prediction of $name" "$(json prediction_checksum)"
  sums "out/$name/prediction.h5" | grep -v '/y ' | sed "s/^/$name passed on /" >>told
  good "$ranks" partition "${keys[@]}" -partition_ranks 2,4
  same "cuts of $name" "$(tail -n 1 stdout | grep -oE '"halo_[^,}]*' | tr '\n' ' ')"
}

# A network from before far cells held moments is refused, with what to do.
call 1 evaluate "$golden/gate.yaml" -data_file gate.h5 -eval_checkpoint poles-checkpoint.h5
[ "$rc" -ne 0 ] && grep -q 'without tree_order: .*train the network again' stderr || fail "poles-checkpoint.h5 is not refused"

for ranks in 1 2; do
  rm -f told
  for name in cloud box gate queries; do told $name $ranks; done
  [ -z "${GOLDEN_WRITE:-}" ] || cp told "$golden/files.txt"
  diff "$golden/files.txt" told >changed || { head -n 20 changed; fail "$ranks ranks: other than tests/golden/files.txt"; }
done
finish

#!/usr/bin/env bash
# Proves what a run's folder holds against others: links that lie there are not followed, one job at a time works there,
# a new training and an earlier one do not mix, and its path may be long.
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

# ---- two jobs at once: one works, the other is told who does; the files are of one of them ----

pair=(generate -data_n 2000 -data_clouds 4 -data_test_clouds 0 -run_name two)
good 2 "${pair[@]}" -run_seed 1
sums=$(json checksum)
good 2 "${pair[@]}" -run_seed 2
sums+=" $(json checksum)"
done=0
for try in 1 2 3; do
  for seed in 1 2; do
    timeout "$limit" "$MPIEXEC" -n 2 "$ESPALIER_PROGRAM" "${pair[@]}" -run_seed $seed >two$seed 2>error$seed </dev/null &
    jobs[seed]=$!
  done
  for seed in 1 2; do
    if wait "${jobs[seed]}"; then
      done=$((done + 1))
      cp two$seed stdout
      case " $sums " in *" $(json checksum) "*) ;; *) fail "a mixture of two jobs, try $try" ;; esac
    elif ! grep -q 'out/two: a job works there: process [0-9]* of this host.*-run_name' error$seed; then
      cp error$seed stderr
      fail "a job that fails beside another, try $try"
    fi
  done
done
[ "$done" -ge 3 ] || fail "$done of 6 jobs worked"
[ ! -e out/two/run.lock ] || fail "a lock is left behind"
no_parts "two jobs"

# ---- locks that are left behind, also at a failure ----

few=(generate -data_n 8 -data_clouds 1 -data_test_clouds 0 -run_name two)
lock() { echo "host ${1:-$(hostname)} process $2 start $3 space $(readlink /proc/self/ns/pid) since 2026-01-02T03:04:05" >out/two/run.lock; }
lock "" 999999999 12
: >out/two/data.h5.0123456789abcdef.part # of the job that had it
good 2 "${few[@]}"
no_parts "a job that was killed"
lock "" $$ 12 # another process has the number now
good 1 "${few[@]}"
lock "" $$ "$(cut -d ' ' -f 22 /proc/$$/stat)"
refuse "out/two: a job works there|process $$ of this host|since 2026-01-02T03:04:05|-run_name" 2 "${few[@]}"
refuse "out/two: a job works there" 2 report -run_name two
lock elsewhere $$ 12
refuse "process $$ on host elsewhere|if that job has ended, remove out/two/run.lock" 2 "${few[@]}"
echo >out/two/run.lock
refuse "out/two/run.lock: is no lock|remove it" 1 "${few[@]}"
ln -sf "$PWD/precious" out/two/run.lock
refuse "out/two/run.lock: is no lock" 2 "${few[@]}"
rm out/two/run.lock
refuse "none.h5: cannot be read" 2 train -run_name two -data_file out/two/none.h5
[ ! -e out/two/run.lock ] || fail "a failure left the lock"

# ---- a new training beside what an earlier one left ----

new=("${tiny[@]}" -run_name again -report_pictures false)
good 2 run "${new[@]}"
old=$(cksum out/again/{checkpoint.h5,metrics.csv,config.yaml,ladder.csv} | tr -s '/' ' ')
# another network, which is killed before its first checkpoint
"$ESPALIER_PROGRAM" train "${new[@]}" -net_layers 2 -train_steps 1000000 >stdout 2>stderr </dev/null &
pid=$!
for ((tries = 0; tries < 20 * limit; tries++)); do
  [ ! -f out/again/earlier-1/report.html ] || [ ! -f out/again/metrics.csv ] || break
  sleep 0.05
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null
grep -q "earlier training left in out/again is in out/again/earlier-1" stdout || fail "not told where the old files are"
[ "$old" = "$(cksum out/again/earlier-1/{checkpoint.h5,metrics.csv,config.yaml,ladder.csv} | tr -s '/' ' ' |
  sed 's/ earlier-1 / /')" ] || fail "the old files changed"
refuse "out/again/checkpoint.h5: cannot be read" 2 evaluate "${new[@]}" -net_layers 2
refuse "out/again/checkpoint.h5: cannot be read" 1 predict "${new[@]}" -net_layers 2
good 1 report "${new[@]}"
! grep -q 'The ladder' out/again/report.html || fail "a report of another training's ladder"
good 2 evaluate "${new[@]}" -eval_checkpoint out/again/earlier-1/checkpoint.h5
good 2 train "${new[@]}" -train_restart out/again/earlier-1/checkpoint.h5 -train_steps 5 # goes on, and begins anew here
[ -f out/again/earlier-2/ladder.csv ] && [ "$(wc -l <out/again/metrics.csv)" = 3 ] || fail "files of two trainings"
good 2 train "${new[@]}" -train_restart out/again/checkpoint.h5 -train_steps 6
[ ! -e out/again/earlier-3 ] && [ "$(wc -l <out/again/metrics.csv)" = 4 ] || fail "a training that goes on begins anew"
[ "$(head -n 1 out/again/config.yaml)" = "$(head -n 1 out/again/earlier-1/config.yaml)" ] || fail "another run's id"

# one that is refused before its first step leaves all as it was
there() { (cd out/again && find . -name 'earlier-*' -prune -o -type f -print0 | sort -z | xargs -0 cksum); }
before=$(there)
refuse "none.h5: cannot be read" 2 train "${new[@]}" -data_file none.h5
[ "$before" = "$(there)" ] && [ ! -e out/again/earlier-3 ] || fail "a refused training changed an earlier one's files"

# files of two runs: whoever put them there
good 2 run "${new[@]}" -run_name stray -run_seed 2
good 2 run "${new[@]}"
cp out/again/checkpoint.h5 kept.h5
cp out/stray/checkpoint.h5 out/again/checkpoint.h5
words="out/again/checkpoint.h5: of another run|config.yaml|-eval_checkpoint"
refuse "$words" 2 evaluate "${new[@]}"
refuse "$words" 1 predict "${new[@]}"
refuse "$words" 2 report "${new[@]}"
refuse "$words" 2 train "${new[@]}" -train_restart out/again/checkpoint.h5 -train_steps 5
good 2 evaluate "${new[@]}" -eval_checkpoint out/stray/checkpoint.h5
cp kept.h5 out/again/checkpoint.h5
good 2 evaluate "${new[@]}"
cp out/stray/metrics.csv out/again/metrics.csv
refuse "out/again/metrics.csv: of another run|loss at step 3" 2 report "${new[@]}"
refuse "out/again/metrics.csv: of another run" 1 train "${new[@]}" -train_restart out/again/checkpoint.h5 -train_steps 5

# ---- a file tells of the data and the network that are there; a verb's configuration is its own ----

kinds=(-run_name kinds "${tiny[@]}" -partition_ranks 2)
of() { grep "^$2: " "out/kinds/$1.yaml" | cut -d ' ' -f 2; }
good 1 generate "${kinds[@]}" -run_seed 7
grep -q 'momentum [0-9.e-]* mass length / time$' stdout || fail "a momentum without its unit"
good 1 partition "${kinds[@]}" -tree_theta 0.3 # of a network that is not there yet
good 2 train "${kinds[@]}" -tree_theta 0.5
[ -f out/kinds/earlier-1/partition.csv ] && [ ! -e out/kinds/partition.csv ] || fail "a cut of before the training"
good 2 evaluate "${kinds[@]}" -tree_theta 0.6
good 1 predict "${kinds[@]}" -eval_set 0 -tree_theta 0.4
good 2 partition "${kinds[@]}" -tree_theta 0.9
good 1 report "${kinds[@]}" -report_pictures false
told="$(of config-generate run_seed) $(of config run_seed) $(of config tree_theta) $(of config-evaluate tree_theta)"
told+=" $(of config-predict tree_theta) $(of config-partition tree_theta)"
[ "$told" = "7 1 0.5 0.6 0.4 0.9" ] || fail "configurations: $told"
grep -q 'The cut' out/kinds/report.html && [ "$(grep -c '^tree_theta: 0.[569]$' out/kinds/report.html)" = 3 ] &&
  [ "$(grep -c '^run_seed: [17]$' out/kinds/report.html)" = 2 ] || fail "the report of a cut and its configuration"
good 1 train "${kinds[@]}" -tree_theta 0.5 -train_restart out/kinds/checkpoint.h5 -train_steps 5
good 1 report "${kinds[@]}" -report_pictures false
! grep -q 'The cut\|The ladder\|tree_theta: 0.[69]' out/kinds/report.html || fail "results of the network before"
[ -f out/kinds/earlier-2/ladder.csv ] && [ -f out/kinds/earlier-2/prediction.h5 ] || fail "results are lost"
good 1 evaluate "${kinds[@]}"
good 1 generate "${kinds[@]}" -run_seed 8
[ -f out/kinds/earlier-3/ladder.csv ] && [ -f out/kinds/checkpoint.h5 ] && [ ! -e out/kinds/ladder.csv ] ||
  fail "results of the data before"
good 1 evaluate "${kinds[@]}"
refuse "data_n|particles of all sets" 2 generate "${kinds[@]}" -data_n 1000000000000000 -data_clouds 2147483647
good 1 generate "${kinds[@]}" -data_file out/kinds/data.h5
[ -f out/kinds/ladder.csv ] && [ ! -e out/kinds/earlier-4 ] || fail "nothing was made, and the results are gone"

# ---- long paths and names ----

deep=$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..60})
long=$(printf 'f%.0s' {1..240}).h5
good 2 generate "${tiny[@]}" -run_out "$deep"
cp "$deep/run/data.h5" "$long"
good 2 train "${tiny[@]}" -data_file "$long"
finish

#!/usr/bin/env bash
# Proves that verbs, keys, values and stray words that are not known are refused on any number of ranks with the key, the
# value seen and what is allowed, and that nothing is written then.
. "$ESPALIER_SOURCE/tests/run/lib.sh"

refuse "unknown verb 'trian'" 2 trian
refuse "unknown key 'train_batc'|'train_batch'" 1 train -train_batc 3
refuse "unknown key 'train_batc'|'train_batch'" 3 train -train_batc 3
refuse "unknown key 'tree_thet'|'tree_theta'" 1 help tree_thet
refuse "'b.yaml'|no option" 2 run a.yaml b.yaml
refuse "'a.yaml'|no option" 1 train -train_batch 3 a.yaml
refuse "'256'|no option" 2 generate -data_n 128, 256
refuse "config.yaml|needs the folder of a run" 2 report
refuse "tree_theta|'-1'|number in [0, 10]" 2 train -tree_theta -1
refuse "tree_theta|'nan'|number in [0, 10]" 1 train -tree_theta nan
refuse "tree_theta|'10.5'|number in [0, 10]" 1 train -tree_theta 10.5
refuse "net_layers|'0'|integer in [1, 4096]" 2 train -net_layers 0
refuse "net_layers|'2.5'|integer" 1 train -net_layers 2.5
refuse "train_batch|'99999999999999999999'|integer" 1 train -train_batch 99999999999999999999
refuse "net_message|'newtonian'|newton|mlp" 2 train -net_message newtonian
refuse "data_n|'64,'|integers separated by commas" 1 generate -data_n 64,
refuse "data_n|'0'|each in [1, 1e+15]" 2 generate -data_n 0
refuse "eval_baselines|'perhaps'|true or false" 1 evaluate -eval_baselines perhaps
refuse "eval_rollout|'2147483647'|integer in [0, 1000000000]" 1 evaluate -eval_rollout 2147483647
# names that would make strange folders, and texts that are none
for name in '' / a/b .. .a -3 $'a\nb' $'a\e]0;b'; do
  refuse "run_name is '|printable text without '/', not empty, not beginning with '-' or '.'" 1 generate -run_name "$name"
done
refuse "run_name is ''" 3 generate -run_name ''
refuse "run_name has no value" 2 generate -run_name -x
refuse "run_name has no value" 1 generate -run_name
refuse "input has no value" 1 predict -input -run_name a
refuse "run_out is '-3'" 2 generate -run_out -3
refuse "data_file is '|printable text" 1 train -data_file $'a\nb'
[ "$(ls | tr '\n' ' ')" = "stderr stdout " ] || fail "a refused key left $(ls)"
good 2 generate -layers 3 -data_n 4 -data_clouds 1 -data_test_n 4 -data_test_clouds 1 -run_name few
[ "$(grep -c "option -layers had no effect.*'net_layers'" stderr)" = 1 ] || fail "-layers passed unseen"
printf -- '-tree_theta 1.5\n' >.petscrc # of the folder: nobody asked for it
good 1 generate -data_n 4 -data_clouds 1 -data_test_n 4 -data_test_clouds 1 -run_name few
grep -q '^tree_theta: 0.7$' out/few/config-generate.yaml || fail ".petscrc was read"

printf 'run_name: a\ntree_theta: -0.5\n' >theta.yaml
refuse "theta.yaml|tree_theta|'-0.5'|number in [0, 10]" 3 run theta.yaml
printf 'run_name: a\ntrain_stepz: 5\n' >key.yaml
refuse "key.yaml|unknown key 'train_stepz'|'train_steps'" 2 run key.yaml
printf 'run_name: a\ntree: {theta: 0.5}\ntree_theta: 0.7\n' >twice.yaml
refuse "twice.yaml: tree_theta is given twice, in lines 2 and 3" 3 run twice.yaml
printf 'run_name: "-x"\n' >dash.yaml
refuse "dash.yaml|run_name is '-x'|not beginning with" 2 run dash.yaml
printf 'run_name: a\nlog_view: ":%s/log"\n' "$PWD" >petsc.yaml
refuse "petsc.yaml|'log_view' is no key|command line" 2 run petsc.yaml
printf 'run_name: a\n  - b: [\n' >form.yaml
refuse "form.yaml|line|YAML" 2 run form.yaml
head -c 300 /dev/zero >zeros.yaml
refuse "zeros.yaml|not a text file" 2 run zeros.yaml
refuse "nowhere.yaml|No such file" 2 run nowhere.yaml
{ printf 'run_name: a\n# '; head -c 1048576 /dev/zero | tr '\0' a; } >long.yaml
refuse "long.yaml|more than 1048576 bytes" 1 run long.yaml
mkdir folder.yaml
refuse "folder.yaml|is a folder" 2 run folder.yaml
refuse "/proc/nowhere|cannot be made" 2 generate -run_out /proc/nowhere
: >a_file
refuse "a_file|cannot be made" 2 generate -run_out a_file
refuse "data_clouds|data_n" 2 generate -data_n 64,128,256 -data_clouds 1,2
refuse "data_test_clouds" 2 run -data_n 16 -data_clouds 2 -data_test_clouds 0 -train_steps 1 -train_batch 1
refuse "data_clouds" 2 run -data_n 16 -data_clouds 0 -data_test_clouds 1 -train_steps 1 -train_batch 1
# products of keys do not wrap
few=(-data_clouds 1 -data_test_clouds 1)
refuse "data_box_frames|integer in [1, 2147483646]" 1 generate -data_task box -data_n 4 -data_test_n 4 "${few[@]}" \
  -data_box_frames 2147483647
refuse "data_n|3000000000 particles whole on one rank|data_shard_n" 1 generate -data_n 3000000000 "${few[@]}" \
  -data_shard_n 1000000000000
refuse "data_n|particles of all sets: 2147483647 x 1000000000000000" 1 generate -data_n 1000000000000000 \
  -data_clouds 2147483647 -data_test_clouds 1
# what comes from outside is text in the report
good 1 run -run_name 'a<script>b"&' -data_n 64 -data_clouds 1 -data_test_n 64 -data_test_clouds 1 -train_steps 2 \
  -report_pictures false
page='out/a<script>b"&/report.html'
if grep -q '<script' "$page"; then fail "a name stands in the report as it is"; fi
grep -q 'espalier [0-9.]*, commit' "$page" || fail "the report does not say what made it"
call 2 version
grep -q '^espalier [0-9.]*, commit' stdout && grep -q '^devices .*cpu32' stdout || fail "version does not say what this is"
[ "$(grep -c 'a&lt;script&gt;b&quot;&amp;' "$page")" -ge 2 ] || fail "the name is not in the report's title and heading"
finish

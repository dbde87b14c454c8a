#!/usr/bin/env bash
# Every figure that the program writes, as one line each: a net under changes that must not change any of them.
#   tests/bits.sh write FILE [PROGRAM]       runs the cases below on 1 and 2 ranks, figures into FILE
#   tests/bits.sh check FILE [PROGRAM]       the same, compared with FILE; status 1 if a figure changed or is missing
#   tests/bits.sh compare PROGRAM PROGRAM    the figures of the first, checked with the second
# A figure is `case ranks verb key value`: all that the last line of output holds but times, memory and paths; sums over
# the bits of each dataset, and over the columns of each CSV file, again without times; ranks is 1,2 where both give the
# same. Figures that FILE has not are counted, and no failure. They hold for one CPU type, compiler and C library, which
# the first line of FILE names: with others, check says so and ends with status 77; and for the flags of a release. A
# program runs the inputs of its own source tree, if it lies in one.
#   ESPALIER_PROGRAM    the default program; else that of build/cpu or build/gpu
#   ESPALIER_FIXTURE    make_fixture; else that of the same build
#   BITS_CASES          names of cases, a regular expression (with those that they build on); else all
# ctest: TIMEOUT 1800 LABELS slow
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
set -a
# shellcheck source=jobscripts/mpirun.env
. "$root/jobscripts/mpirun.env"
set +a
work=$(mktemp -d "${TMPDIR:-/tmp}/espalier-bits.XXXXXX")
trap 'rm -rf "$work"' EXIT

die() {
  echo "bits: $*" >&2
  exit 2
}

# ---- what makes figures ----

machine() { # what the bits depend on
  printf '# cpu'
  awk -F '[ \t]*: *' '$1 == "" { exit } # of the first core
    $1 ~ /^(vendor_id|cpu family|model|CPU (implementer|architecture|part))$/ { printf " %s", $2 }
    $1 ~ /^(flags|Features)$/ {
      count = split($2, flag, " ")
      for (k = 1; k <= count; k++) if (flag[k] ~ /^(sse4|avx|fma|f16c|bmi|asimd|sve)/) printf " %s", flag[k]
    }' /proc/cpuinfo
  printf '; compiler %s; %s\n' "$("${CC:-cc}" --version | head -n 1)" "$(getconf GNU_LIBC_VERSION)"
}

# figures CASE RANKS <JSON: a line a value of the object, the way to it joined by dots; the parts of verb run as verbs
figures() {
  awk -v job="$1" -v ranks="$2" '
    function value(text,   d, way) {
      way = name[1]
      for (d = 2; d <= depth; d++) way = way "." name[d]
      if (way == "verb") verb = text
      if (verb == "run" ? sub(/\./, " ", way) : sub(/^/, verb " ", way))
        if (name[depth] !~ /seconds|bytes_rank|^verb$|^ranks$/ && text !~ /^out\//) print job, ranks, way, text
    }
    {
      while (match($0, /^("[^"]*"|[][{},:]|[^][{},:"]+)/)) {
        token = substr($0, 1, RLENGTH)
        $0 = substr($0, RLENGTH + 1)
        if (token ~ /^[[{]$/) { list[++depth] = token == "["; name[depth] = 0; key = !list[depth] }
        else if (token ~ /^[]}]$/) depth--
        else if (token == ",") { if (list[depth]) name[depth]++; else key = 1 }
        else if (token == ":") key = 0
        else { gsub(/"/, "", token); if (key) name[depth] = token; else value(token) }
      }
    }'
}

# files CASE RANKS: sums of what lies in out/CASE
files() {
  local file
  for file in out/"$1"/*.{h5,hdf5}; do
    [ ! -f "$file" ] || "$fixture" sums "$file" | sed "s|^|$1 $2 ${file##*/} |"
  done
  for file in out/"$1"/*.csv; do
    [ ! -f "$file" ] || awk -F , -v OFS=, '
      FNR == 1 { for (k = 1; k <= NF; k++) timed[k] = $k ~ /seconds|us_per|memory/ }
      { for (k = 1; k <= NF; k++) if (timed[k]) $k = ""; print }' "$file" | cksum | sed "s|^|$1 $2 ${file##*/} cksum |"
  done
}

# job CASE VERBS INPUT KEYS...: the verbs one after another on 1 and on 2 ranks, each number in a folder of its own.
# INPUT is a file of inputs/, one with its path, or - for none.
job() {
  local case=$1 verbs=$2 input=$3 verb ranks launch keys
  shift 3
  [[ $case =~ ^(${BITS_CASES:-.*})$ ]] || return 0
  keys=("$@" -run_name "$case" -report_pictures false)
  case $input in
    -) ;;
    */*) keys=("$input" "${keys[@]}") ;;
    *) keys=("$inputs/$input" "${keys[@]}") ;;
  esac
  for ranks in 1 2; do
    launch=()
    [ "$ranks" = 1 ] || launch=("${MPIEXEC:-mpirun}" -n "$ranks")
    cd "$scratch/$ranks"
    for verb in $verbs; do
      "${launch[@]}" "$program" "$verb" "${keys[@]}" >stdout 2>stderr </dev/null ||
        { head -n 5 stderr >&2; die "failed: $case, $ranks ranks: $verb ${keys[*]}"; }
      tail -n 1 stdout | figures "$case" "$ranks"
    done
    files "$case" "$ranks"
    cd "$work"
  done
}

# ---- the cases ----

clouds=(-data_n "48,130" -data_clouds "4,2" -data_test_n "90,400" -data_test_clouds "2,1" -data_shard_n 300
  -data_truth_steps 12 -train_steps 12 -train_warmup 4 -train_batch 3 -partition_ranks "2,5,16")
units=(-units_length 1 -units_mass 1 -units_velocity 1)
boxes=(-data_box_train 4 -data_box_train_frames 21 -data_box_frames 8 -data_test_clouds 2 -train_steps 20
  -train_warmup 5 -eval_rollout 6)
sets=(-data_n 300 -data_clouds 4 -data_test_n "200,700" -data_test_clouds "2,1" -data_shard_n 500
  -tree_pairs_per_particle 60 -train_steps 16 -train_warmup 4 -eval_samples 200 -eval_recall_every 8
  -partition_ranks "2,5,16")
few=(-data_n 220 -data_test_n 260 -data_test_clouds 1 -eval_baselines false)
plane=(-data_features 6 -net_layers 1 -net_message gate -tree_leaf 8 -tree_block 16 -train_lr 0.02 -train_batch 2)

gravity() {
  job nbody "run partition" nbody.yaml "${clouds[@]}" -tree_theta 1 -tree_block 16 -eval_rollout 2
  job nbody-float64 "run" nbody.yaml "${clouds[@]}" -data_kind plummer -data_truth tree -net_precision float64 \
    -net_tableau symplectic -net_layers 3 -net_order 3 -net_tolerance 0.05 -tree_block 8 -tree_leaf 4
  job nbody-correction "run" nbody.yaml "${clouds[@]}" -data_kind ball -net_message newton_mlp -net_layers 2 \
    -train_shard particles -tree_block 16 -tree_pairs_per_particle 40
  job nbody-law "run" nbody.yaml "${clouds[@]}" -net_message mlp -net_layers 2 -net_hidden 24 -tree_block 16 \
    -train_clip 0
  job nbody-law64 "run" nbody.yaml "${clouds[@]}" -net_message mlp -net_layers 1 -net_precision float64 \
    -train_loss_k 2 -train_shard particles -eval_baselines false
  job nbody-stop "generate train" nbody.yaml "${clouds[@]}" -train_shard clouds -train_stop 5
  job nbody-on "train evaluate" nbody.yaml "${clouds[@]}" -train_shard clouds -data_file out/nbody-stop/data.h5 \
    -train_restart out/nbody-stop/checkpoint.h5
  job halo "run predict partition" halo.yaml "${clouds[@]}" -input "$scratch/snapshot.hdf5" "${units[@]}"
  job halo-law "predict partition" halo.yaml -input "$scratch/snapshot.hdf5" "${units[@]}" \
    -eval_checkpoint out/nbody-correction/checkpoint.h5 -partition_ranks 3 -partition_periodic true
  job million "run" million.yaml -data_n 3000 -data_test_n 3000 -data_shard_n 1000 -data_twin_n 800 -train_steps 2
  job box-100-law-given "run partition" box-100-law-given.yaml "${boxes[@]}"
  job box-100-law-unknown "run" box-100-law-unknown.yaml "${boxes[@]}"
  job box-1000-law-given "run" box-1000-law-given.yaml "${boxes[@]}" -data_test_n 400 -train_shard particles
  job box-1000-law-unknown "run" box-1000-law-unknown.yaml "${boxes[@]}" -data_n 60,60,200 -data_test_n 400
}

relations() {
  local verbs="run predict partition"
  job hidden-subspace "$verbs" hidden-subspace.yaml "${sets[@]}" -eval_set 2
  job hidden-million "generate predict partition" hidden-million.yaml -data_test_n 3000 -data_truth_sample 500 \
    -data_truth tree -data_shard_n 1000 -eval_checkpoint out/hidden-subspace/checkpoint.h5 -partition_ranks 2,64
  job upstream "$verbs" upstream.yaml "${sets[@]}" -eval_set 2
  job circles "$verbs" circles.yaml "${sets[@]}" -data_truth tree
  job two-hops "$verbs" two-hops.yaml "${sets[@]}" "${few[@]}" -train_shard clouds -train_batch 2
  job compare "$verbs" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task compare -net_message gate_mlp -data_values 2
  job compare-queries "$verbs" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task compare -net_message gate_mlp \
    -net_separate true -net_aggregate average -data_values 2 -net_precision float64
  job stack "$verbs" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task circles -data_hidden 1 -net_message gate_mlp \
    -net_layers 3 -net_width 6 -net_dim 9 -net_embedding mlp -net_embed_hidden 5 -tree_split pca
  job splits "$verbs" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task subspace -tree_split learned \
    -tree_split_levels 2
  job splits-queries "run" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task upstream -tree_split learned \
    -net_separate true -net_include_self true -train_shard particles
  job on-features "run" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task subspace -tree_on features \
    -tree_features 3 -net_dim 2 -tree_order 1
  job on-hidden "run" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task subspace -tree_on hidden \
    -net_dim 8 -tree_far false
  job coordinates "run" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task subspace -net_embedding coordinates \
    -net_layers 2 -net_dim 3 -net_precision float64 -data_average true -net_aggregate average -tree_theta 1.2 \
    -tree_pairs_per_particle 0
  job relation-stop "generate train" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task subspace -train_stop 7
  job relation-on "train evaluate" - "${sets[@]}" "${few[@]}" "${plane[@]}" -data_task subspace \
    -data_file out/relation-stop/data.h5 -train_restart out/relation-stop/checkpoint.h5
  job own "predict partition" - -data_task features -data_file "$scratch/features.h5" -partition_ranks "2,9" \
    -eval_checkpoint out/relation-on/checkpoint.h5
}

# The committed files of an earlier program: trained on with, used.
golden() {
  local path=$root/tests/golden name
  for name in cloud box gate queries; do
    local verbs="train evaluate" keys=()
    case $name in gate | queries) verbs+=" predict partition" keys=(-partition_ranks "2,4") ;; esac
    job golden-$name "$verbs" "$path/$name.yaml" -data_file "$path/$name.h5" "${keys[@]}" \
      -train_restart "$path/$name-checkpoint.h5" -eval_checkpoint "$path/$name-checkpoint.h5"
  done
  job golden-snapshot "predict" "$path/cloud.yaml" -input "$scratch/snapshot.hdf5" \
    -eval_checkpoint "$path/cloud-checkpoint.h5"
}

# all PROGRAM >FILE
all() {
  program=$1 scratch=$work/$((++runs))
  inputs=$(dirname "$program")/../../../inputs
  [ -d "$inputs" ] || inputs=$root/inputs
  mkdir -p "$scratch"/{1,2}
  "$fixture" snapshot "$scratch/snapshot.hdf5" 700 good
  "$fixture" own "$scratch/features.h5" 3027 6 # every row three times: ties everywhere
  "$fixture" attribute "$scratch/features.h5" format "espalier features" # as programs of version 1 read it, too
  { gravity; relations; golden; } >"$scratch/figures"
  machine
  awk '{ line = $1 "\t" substr($0, length($1 $2) + 3) }
    line in ranks { ranks[line] = ranks[line] "," $2; next }
    { ranks[line] = $2; order[++count] = line }
    END { for (k = 1; k <= count; k++) { split(order[k], part, "\t"); print part[1], ranks[order[k]], part[2] } }' \
    "$scratch/figures"
}

# differ OLD NEW: tells what changed; true if something did
differ() {
  awk -v cases="^(${BITS_CASES:-.*})$" '/^#/ || $1 !~ cases { next }
    {
      value = substr($0, length($1 $2 $3 $4) + 5)
      for (k = split($2, ranks, ","); k > 0; k--) {
        key = $1 " " ranks[k] " " $3 " " $4
        if (NR == FNR) old[key] = value
        else if (!(key in old)) more++
        else {
          if (old[key] == value) same++
          else { print key ": " old[key] " -> " value; bad++ }
          delete old[key]
        }
      }
    }
    END {
      for (key in old) { print key ": " old[key] " -> missing"; bad++ }
      if (bad) printf "%d figures differ; ", bad
      printf "%d figures, the same%s\n", same, more ? "; " more " more, not looked at" : ""
      exit !bad
    }' "$1" "$2"
}

default_program() {
  local path
  for path in "${ESPALIER_PROGRAM:-}" "$root"/build/{cpu,gpu}/mpi/espalier; do
    [ ! -x "$path" ] || { echo "$path"; return; }
  done
  die "no program: build it, or name it"
}

verb=${1:-} runs=0
case $verb,$# in
  write,[23] | check,[23]) file=$(realpath "$2") first=$(realpath "${3:-$(default_program)}") ;;
  compare,3) file=$work/first first=$(realpath "$2") second=$(realpath "$3") ;;
  *) die "write FILE [PROGRAM], check FILE [PROGRAM], or compare PROGRAM PROGRAM" ;;
esac
fixture=${ESPALIER_FIXTURE:-$(dirname "$(default_program)")/../tests/run_make_fixture}
[ -x "$fixture" ] || die "no $fixture: build the tests, or set ESPALIER_FIXTURE"
cd "$work"
case $verb in
  write)
    all "$first" >new
    cp new "$file"
    echo "$(grep -vc '^#' "$file") lines"
    ;;
  check)
    if [ "$(head -n 1 "$file")" != "$(machine)" ]; then
      printf 'skipped: %s is of another machine:\n%s\nhere:\n%s\n' "$2" "$(head -n 1 "$file")" "$(machine)"
      exit 77
    fi
    all "$first" >new
    if differ "$file" new; then exit 1; fi
    ;;
  compare)
    all "$first" >"$file"
    all "$second" >new
    if differ "$file" new; then exit 1; fi
    ;;
esac

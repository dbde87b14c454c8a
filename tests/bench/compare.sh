#!/usr/bin/env bash
# Is build B slower than build A? Each row below is run by both in turn, A B A B ..., on one core; printed are the median
# CPU seconds of both, and the median, lowest and highest of the pairs' ratios B/A. A ratio counts only beside that of a
# build with itself (BUILD_A BUILD_A): on a shared machine single pairs scatter by tens of percent.
#   tests/bench/compare.sh BUILD_A BUILD_B [ROW...]      folders such as build/cpu; 5 minutes for all rows
#   PAIRS=9    pairs of each row; a third of them for rows that last longer than a second or two
# The benchmarks are built first, where they are not; a job takes the inputs of its build's own source tree.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,/^set/s/^# //p' "$0" >&2; exit 2; }
a=$(realpath "$1") b=$(realpath "$2")
shift 2
only=" $* "
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
work=$(mktemp -d "${TMPDIR:-/tmp}/espalier-compare.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
for build in "$a" "$b"; do
  cmake --build "$build" --target espalier bench_gate bench_message bench_relation >build.log ||
    { cat build.log; exit 1; }
done

# cpu BUILD COMMAND...: prints its CPU seconds. {bin} and {inputs} in the command are those of the build.
cpu() {
  local build=$1 source TIMEFORMAT='%U %S'
  source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
  shift
  set -- "${@//\{bin\}/$build}"
  set -- "${@//\{inputs\}/$source/inputs}"
  { time "$@" >stdout 2>stderr; } 2>spent || { head -n 5 stderr >&2; echo "failed: $*" >&2; exit 1; }
  awk '{ print $1 + $2 }' spent
}

# row NAME PAIRS COMMAND...
row() {
  local name=$1 pairs=$2 k first
  shift 2
  [ "$only" = "  " ] || [[ $only == *" $name "* ]] || return 0
  for ((k = 0; k < pairs; k++)); do
    first=$(cpu "$a" "$@")
    echo "$first $(cpu "$b" "$@")"
  done | awk -v name="$name" '
    function median(v, n,   i, j, t) {
      for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
      return (v[int((n + 1) / 2)] + v[int(n / 2) + 1]) / 2
    }
    { A[NR] = $1; B[NR] = $2; ratio[NR] = $2 / $1 }
    END {
      if (NR == 0) exit 1
      middle = median(ratio, NR)
      printf "%-16s %5d %9.3f %9.3f %9.3f  %.3f .. %.3f\n", name, NR, median(A, NR), median(B, NR), middle,
        ratio[1], ratio[NR]
    }'
}

pairs=${PAIRS:-9} few=$(((${PAIRS:-9} + 2) / 3))
quiet=(-report_pictures false -eval_baselines false)
printf '%-16s %5s %9s %9s %9s  %s\n' row pairs "A, s" "B, s" "B/A" "lowest .. highest"
row gate "$pairs" "{bin}/tests/bench_gate" 1024
row message "$few" "{bin}/tests/bench_message"
row relation "$few" "{bin}/tests/bench_relation" unit 1
row nbody "$pairs" "{bin}/mpi/espalier" run "{inputs}/nbody.yaml" -data_test_n 256,2048 -data_test_clouds 2,1 \
  -train_steps 60 -eval_rollout 0 "${quiet[@]}"
row box "$pairs" "{bin}/mpi/espalier" run "{inputs}/box-100-law-unknown.yaml" -data_box_train 4 -train_steps 30 \
  -data_test_clouds 1 -data_box_frames 20 -eval_rollout 0 "${quiet[@]}"
row hidden-subspace "$pairs" "{bin}/mpi/espalier" run "{inputs}/hidden-subspace.yaml" -data_n 1024 -data_test_n 2048 \
  -data_test_clouds 1 -train_steps 40 "${quiet[@]}"
row compare "$pairs" "{bin}/mpi/espalier" run -data_task compare -data_values 2 -data_n 256 -data_clouds 4 \
  -data_test_n 512 -data_test_clouds 1 -net_layers 1 -net_message gate_mlp -net_separate true -tree_block 16 \
  -tree_pairs_per_particle 64 -train_steps 20 -train_batch 2 "${quiet[@]}"

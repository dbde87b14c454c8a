#!/usr/bin/env bash
# The readers under libFuzzer (clang 14, libclang-rt-14-dev), by hand: tests/run/long/coverage.sh [SECONDS of each pair = 30]
# [FOLDER for what ends a reader] [PAIR...]. Each pair SUBJECT:READER runs in a build of its own, build/coverage, with the
# address and undefined-behaviour sanitizers over our code; HDF5 is the machine's. What ended a reader is kept in
# FOLDER/SUBJECT-READER with the first line of why in FILE.txt, and the pair goes on from its corpus; once more:
# FUZZ_SUBJECT=... FUZZ_READER=... build/coverage/tests/run_coverage FILE. Status 1 if anything of ours ended one.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
seconds=${1:-30} kept=$(realpath -m "${2:-$root/build/coverage/kept}")
pairs=("${@:3}")
[ ${#pairs[@]} -gt 0 ] || pairs=(nbody:yaml hidden-subspace:yaml binary1:snapshot binary2:snapshot tipsy:snapshot
  binary2:partition tipsy:info table-metrics:journal table-ladder:report gadget2:snapshot arepo:snapshot swift:snapshot
  split:snapshot gadget4:partition gadget2:info set2-cloud:set set2-queries:set set1-box:set set2-gate:info
  set2-box:predict set2-queries:train checkpoint2-gate:checkpoint checkpoint2-cloud:checkpoint
  checkpoint1-box:checkpoint checkpoint2-queries:info checkpoint2-cloud:apply checkpoint2-gate:resume)
cd "$root"
set -a
# shellcheck source=jobscripts/mpirun.env
. jobscripts/mpirun.env
set +a
cmake -S . -B build/coverage -G Ninja --log-level=WARNING -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug \
  "-DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link,float-cast-overflow -fno-sanitize-recover=float-cast-overflow -w" \
  -DCMAKE_C_FLAGS_DEBUG="-O1 -g" -DESPALIER_SANITIZE=ON -DESPALIER_CUDA=OFF -DESPALIER_LIBFUZZER=ON >/dev/null
nice cmake --build build/coverage --target run_coverage >build/coverage.log || { tail -n 20 build/coverage.log; exit 1; }
program=$root/build/coverage/tests/run_coverage
export ESPALIER_SOURCE=$root PETSC_OPTIONS=-no_signal_handler UBSAN_OPTIONS=print_stacktrace=1
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=32
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -o '^[a-z_]*:' inputs/reference.yaml | sed 's/.*/"&"/' >"$work/keys"
printf '"%s"\n' true false none '&a' '*a' '!!' '? ' '- ' ': ' >>"$work/keys"

# The first line of a death, and the first frame that is ours or HDF5's.
why() {
  grep -m 1 -E '^WRONG|runtime error|ERROR: (Address|libFuzzer)' "$1" || echo "ended without a word"
  grep -E '^ +#[0-9]+' "$1" | grep -m 1 -E 'libhdf5|/(src|mpi)/' || true
}

bad=0 executions=0
for pair in "${pairs[@]}"; do
  export FUZZ_SUBJECT=${pair%:*} FUZZ_READER=${pair#*:} FUZZ_SEEDS=$work/$pair
  found=$kept/$FUZZ_SUBJECT-$FUZZ_READER end=$((SECONDS + seconds)) runs=0 deaths=0
  mkdir -p "$FUZZ_SEEDS" "$found"
  words=()
  [ "$FUZZ_READER" != yaml ] || words=(-dict="$work/keys")
  while [ $SECONDS -lt $end ]; do
    (cd "$work" && nice "$program" -timeout=20 -rss_limit_mb=2500 -malloc_limit_mb=100000 -max_len=20000 -max_total_time=$((end - SECONDS)) \
      -print_final_stats=1 "${words[@]}" -artifact_prefix="$found/" "$FUZZ_SEEDS") >"$work/log" 2>&1 && status=0 || status=$? # a death is told below
    runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log" | tail -n 1 | grep . || echo 0)))
    now=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$work/log" | tail -n 1 || true)
    reached=${now:-${reached:-}}
    [ $status -ne 0 ] || continue
    deaths=$((deaths + 1))
    file=$(sed -n 's/.*Test unit written to //p' "$work/log" | tail -n 1)
    why "$work/log" >"${file:-$found/none$deaths}.txt"
    grep -q libhdf5 "${file:-$found/none$deaths}.txt" || bad=$((bad + 1))
  done
  executions=$((executions + runs))
  printf '%-28s %7d executions, %s, corpus %d; ended readers: %d\n' "$pair" "$runs" "$reached" \
    "$(find "$FUZZ_SEEDS" -type f | wc -l)" "$deaths"
done
echo "${#pairs[@]} pairs, $executions executions: ended by our code $bad"
[ $bad -eq 0 ]

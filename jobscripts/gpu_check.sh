#!/usr/bin/env bash
# Everything about the device, on a machine that has a GPU and little else: nvcc, cmake (3.25), ninja or make, a C and a C++
# compiler. Builds src/ and cuda/ without MPI, runs every test of the label cuda, then the benchmark of the kernels with the
# machine's own ceilings, held against the CPU bit by bit.
#   jobscripts/gpu_check.sh OUTDIR [N]      OUTDIR/tests.txt, kernels.md, kernels.csv; N bodies, default 1048576
#   jobscripts/gpu_check.sh carry           on a machine that has them: cmocka and the headers of Random123 into build/carry,
#                                           which is then copied to the bare one together with the tree
# Exit status: 0 where all is well; 77 where there is no device; else 1. A few minutes.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
carry=$root/build/carry

if [ "${1:?gpu_check.sh OUTDIR [N], or carry}" = carry ]; then
  mkdir -p "$carry/lib/pkgconfig" "$carry/include"
  cp "$(dirname "$("${CC:-cc}" -print-file-name=libcmocka.so)")"/libcmocka.so* "$carry/lib/"
  cp "${CMOCKA_INCLUDE:-/usr/include}"/cmocka*.h "$carry/include/"
  cp -r "${RANDOM123_INCLUDE:-/usr/include}/Random123" "$carry/include/"
  printf 'prefix=%s\nName: cmocka\nDescription: carried\nVersion: %s\nLibs: -L${prefix}/lib -lcmocka\nCflags: -I${prefix}/include\n' \
    '${pcfiledir}/../..' "$(pkg-config --modversion cmocka)" >"$carry/lib/pkgconfig/cmocka.pc"
  exit 0
fi

mkdir -p "$1"
out=$(cd "$1" && pwd) n=${2:-1048576} build=$root/build/gpu-check
found=()
if [ -d "$carry" ]; then
  export PKG_CONFIG_PATH=$carry/lib/pkgconfig LD_LIBRARY_PATH=$carry/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  found=(-DRANDOM123_INCLUDE="$carry/include")
fi
# on the one architecture that is here
arch=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -n 1 | tr -d .) || arch=
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DESPALIER_MPI=OFF -DESPALIER_CUDA=ON "${found[@]}" \
  -DCMAKE_CUDA_ARCHITECTURES="${arch:-80-real;90-real}" >"$out/configure.txt"
cmake --build "$build" -j "$(nproc)" --target cuda_tests bench_device >"$out/build.txt" 2>&1 || {
  tail -n 30 "$out/build.txt"
  exit 1
}
status=0
ctest --test-dir "$build" -L cuda -j "$(nproc)" --output-on-failure --no-tests=error | tee "$out/tests.txt" | tail -n 20 || status=1
bench=0
"$build/tests/cuda/bench_device" "$out/kernels.csv" "$n" >"$out/kernels.md" || bench=$?
cat "$out/kernels.md"
[ "$bench" -eq 0 ] || [ "$bench" -eq 77 ] || status=1
[ "$status" -ne 0 ] || exit "$bench"
exit 1

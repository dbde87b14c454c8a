# shellcheck shell=bash
# Sourced by quickstart.sh and tests/run.sh: what both do before their own work. Every step is quiet where nothing is to
# be done, and can be repeated. Sets: root (the source tree), preset, build (its folder).
#   espalier_packages   the Debian packages we need, installed where missing
#   espalier_build      configure and build; preset: $ESPALIER_PRESET, else gpu where nvcc is found, else cpu;
#                       $ESPALIER_CUDA_ARCHITECTURES and $ESPALIER_CUDA_QUICK instead of the preset's
#   espalier_mpirun_env variables for mpirun on a small machine (not in Slurm jobs)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

espalier_needs=(gcc g++ libc6-dev cmake ninja-build pkg-config openmpi-bin libopenmpi-dev libhdf5-openmpi-dev
  libpetsc-real-dev libnetcdf-mpi-dev libtrilinos-zoltan-dev libcjson-dev libyaml-dev librandom123-dev libcmocka-dev
  gnuplot-nox)

say() { printf '== %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

espalier_missing() { # prints the packages of the list that are not installed
  local name
  for name in "${espalier_needs[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s ' "$name"
  done
}

espalier_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    say "no apt-get here: assuming that these are installed by other means: ${espalier_needs[*]}"
    return 0
  fi
  local missing as=() log
  missing=$(espalier_missing)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as=(sudo -n)
    else
      printf 'Missing packages, and this is neither root nor sudo without a password. Run this, then start again:\n\n' >&2
      printf '  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n\n' "${missing% }" >&2
      exit 1
    fi
  fi
  say "installing ${missing% }"
  log=$(mktemp)
  # shellcheck disable=SC2086
  if ! { "${as[@]}" apt-get -q update &&
    "${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
      $missing; } >"$log" 2>&1 </dev/null; then
    tail -n 60 "$log" >&2
    rm -f "$log"
    die "apt-get could not install: ${missing% }"
  fi
  rm -f "$log"
}

espalier_configure() { # preset
  (cd "$root" && cmake --preset "$1" ${ESPALIER_CUDA_ARCHITECTURES:+"-DCMAKE_CUDA_ARCHITECTURES=$ESPALIER_CUDA_ARCHITECTURES"} \
    ${ESPALIER_CUDA_QUICK:+"-DESPALIER_CUDA_QUICK=$ESPALIER_CUDA_QUICK"} --log-level=WARNING) >"$root/build/configure.log" 2>&1
}

espalier_build() {
  preset=${ESPALIER_PRESET:-}
  if [ -z "$preset" ]; then
    preset=cpu
    if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then preset=gpu; fi
  fi
  mkdir -p "$root/build"
  say "building (preset $preset)"
  if ! espalier_configure "$preset"; then
    cat "$root/build/configure.log" >&2
    if [ "$preset" != gpu ] || [ -n "${ESPALIER_PRESET:-}" ]; then die "cmake --preset $preset failed"; fi
    say "the configuration with CUDA failed; building without"
    preset=cpu
    espalier_configure cpu || { cat "$root/build/configure.log" >&2; die "cmake --preset cpu failed"; }
  fi
  build=$root/build/$preset
  # shellcheck disable=SC2086 # one target or several
  NINJA_STATUS='[%f/%t] ' cmake --build "$build" ${ESPALIER_TARGET:+--target $ESPALIER_TARGET} >"$root/build/build.log" 2>&1 ||
    { tail -n 100 "$root/build/build.log" >&2; die "the build failed; all of its output is in $root/build/build.log"; }
}

espalier_mpirun_env() {
  set -a
  # shellcheck source=jobscripts/mpirun.env
  . "$root/jobscripts/mpirun.env"
  set +a
}

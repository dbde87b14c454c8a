#!/usr/bin/env bash
# Proves that the installed package, moved after its installation, is found by CMake and by pkg-config, that a program built with
# each of them alone, and one in Fortran, runs on 3 ranks, that the installed program works, and that the quickstart builds all that
# is installed.
set -euo pipefail
work=$(mktemp -d "${TMPDIR:-/tmp}/espalier-install.XXXXXX")
trap 'rm -rf "$work"' EXIT
ranks=3

step() { # what, command...: quiet unless it fails
  local what=$1
  shift
  "$@" >"$work/log" 2>&1 || { echo "FAIL: $what: $*"; cat "$work/log"; exit 1; }
}

step "install" cmake --install "$ESPALIER_BUILD" --prefix "$work/first"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
[ -x "$prefix/bin/espalier" ] || { echo "FAIL: bin/espalier was not installed"; exit 1; }
if grep -rlF -e "$work/first" -e "$ESPALIER_SOURCE" "$prefix" --include='*.cmake' --include='*.pc' --include='*.h'; then
  echo "FAIL: these installed files name the build's own folders"
  exit 1
fi
step "installed program" "$prefix/bin/espalier" generate -run_out "$work/out" -data_n 8 -data_clouds 1 -data_test_clouds 0 -run_name run
[ -s "$work/out/run/data.h5" ] || { echo "FAIL: the installed program makes no data"; exit 1; }

# How each file that is installed is built, by what the quickstart builds.
if command -v ninja >/dev/null && [ -f "$ESPALIER_BUILD/build.ninja" ]; then
  read -ra targets <<<"$(sed -n "s/^ESPALIER_TARGET='\(.*\)'.*/\1/p" "$ESPALIER_SOURCE/jobscripts/quickstart.sh")"
  ninja -C "$ESPALIER_BUILD" -t commands "${targets[@]}" >"$work/commands"
  for file in $(grep -rhoE "\"$ESPALIER_BUILD/[^\"]*\"" "$ESPALIER_BUILD" --include=cmake_install.cmake | tr -d '"' | sort -u); do
    file=${file#"$ESPALIER_BUILD/"}
    ninja -C "$ESPALIER_BUILD" -t query "$file" >/dev/null 2>&1 || continue # not built: it was written by cmake
    command=$(ninja -C "$ESPALIER_BUILD" -t commands "$file" | tail -n 1)
    grep -qxF -e "$command" "$work/commands" || { echo "FAIL: the quickstart does not build $file, which is installed"; exit 1; }
  done
fi

# A copy outside the source tree: nothing of ours can be found by accident.
cp -r "$ESPALIER_SOURCE/tests/run/nbody3" "$work/nbody3"
cd "$work"
if [ -f nbody3/CMakeLists.txt ]; then
  step "configure by CMake" cmake -S nbody3 -B by-cmake -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=$prefix"
else
  mkdir -p user
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(nbody3 C)' 'find_package(Espalier 0.1 REQUIRED)' \
    'add_executable(nbody3 ../nbody3/main.c)' 'target_link_libraries(nbody3 PRIVATE Espalier::espalier m)' >user/CMakeLists.txt
  step "configure by CMake" cmake -S user -B by-cmake -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=$prefix"
fi
step "build by CMake" cmake --build by-cmake
step "run, built by CMake" "$MPIEXEC" -n $ranks by-cmake/nbody3
cp log cmake.log

pc=$(dirname "$(find "$prefix" -name espalier.pc)")
export PKG_CONFIG_PATH=$pc${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
step "pkg-config" pkg-config --exists --print-errors espalier
# shellcheck disable=SC2046
step "build by pkg-config" "${CC:-cc}" -std=gnu11 -O2 nbody3/main.c -o by-pkg-config $(pkg-config --cflags --libs espalier) -lm
LD_LIBRARY_PATH=$(pkg-config --variable=libdir espalier)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH
step "run, built by pkg-config" "$MPIEXEC" -n $ranks ./by-pkg-config
if ! cmp -s log cmake.log; then
  echo "FAIL: the two programs print different lines"
  diff cmake.log log
  exit 1
fi

if command -v mpifort >/dev/null && mpifort --version >/dev/null 2>&1 && [ -z "${ESPALIER_SANITIZED:-}" ]; then
  # shellcheck disable=SC2046
  step "build in Fortran" mpifort "$prefix/include/espalier.f90" "$ESPALIER_SOURCE/tests/run/languages/two.f90" -o two \
    $(pkg-config --libs espalier)
  step "run in Fortran" "$MPIEXEC" -n $ranks ./two
fi

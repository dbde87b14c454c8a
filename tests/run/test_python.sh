#!/usr/bin/env bash
# Proves what the package of mpi/python promises, from the source tree against the built library: its structures are the
# header's, gravity is right, a relation has the program's bits, both the same bits on 1 and 2 ranks, errors are exceptions on
# every rank, scikit-learn takes it. Skipped where no Python >= 3.9 with numpy is found: ESPALIER_PYTHON, build/venv
# (examples/venv.sh makes it), python3, /usr/bin/python3 are tried. What needs h5py, SciPy, mpi4py or scikit-learn is left out
# without.
set -euo pipefail
# shellcheck source=tests/run/languages/library.sh
. "$ESPALIER_SOURCE/tests/run/languages/library.sh"
python=
for candidate in ${ESPALIER_PYTHON:-} "${ESPALIER_VENV:-$ESPALIER_SOURCE/build/venv}/bin/python" python3 /usr/bin/python3; do
  if "$candidate" -c 'import sys, numpy; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || { echo "skipped: no Python >= 3.9 with numpy"; exit 77; }
export PYTHONPATH=$ESPALIER_SOURCE/mpi/python PYTHONDONTWRITEBYTECODE=1 ESPALIER_LIBRARY=$lib/libespalier.so
export OMPI_MCA_odls_base_sigkill_timeout=0 # ranks that wait for one whose expectation failed
tests=$ESPALIER_SOURCE/tests/run/python
cd "$here"
alone() { "$python" -W error "$tests/$1"; }
on_two() { timeout -k 5 300 "$MPIEXEC" -n 2 "$python" -W error "$tests/$1"; }
"$python" -W error "$tests/structures.py" "$header"
alone gravity.py
on_two gravity.py
on_two communicators.py
alone relation.py
on_two relation.py
alone scikit_learn.py
ended=0
on_two uncaught.py >log 2>&1 || ended=$?
grep -q 'RuntimeError: uncaught' log || { cat log; fail "no exception is told"; }
[ $ended -ne 0 ] && [ $ended -lt 124 ] || fail "an uncaught exception on one rank: status $ended"

"""With mpi4py: each rank's own object over any communicator, whoever initialised MPI. Nothing to see where it is not installed."""
import sys

import numpy as np

try:
    from mpi4py import MPI
except ImportError:
    sys.exit()
import espalier

world = MPI.COMM_WORLD
x, m = np.random.default_rng(1).normal(size=(300, 3)), np.ones(300)
mine = np.arange(300) % world.size == world.rank
a, p = espalier.gravity(x, m)
b, q = espalier.gravity(x[mine], m[mine], id=np.arange(300)[mine], comm=world)
assert (b == a[mine]).all() and (q == p[mine]).all()
alone = world.Split(world.rank)
b, q = espalier.gravity(x, m, comm=alone)
assert (b == a).all() and (q == p).all()
alone.Free()
try:
    espalier.gravity(x, m, comm=3)
except TypeError as told:
    assert "communicator of mpi4py" in str(told)
else:
    raise AssertionError("a number is no communicator")

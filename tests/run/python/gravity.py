"""Gravity of the package against the sum over all pairs in numpy, by one rank and by all: right, the same bits, in the caller's
order, for rows within records, for some alone; and what is wrong is an exception on every rank."""
import os

import numpy as np

import espalier
from told import raises

rank, size = int(os.environ.get("OMPI_COMM_WORLD_RANK", 0)), int(os.environ.get("OMPI_COMM_WORLD_SIZE", 1))
n, eps, G = 600, 0.05, 2.0
rng = np.random.default_rng(1)
x, v, m = rng.normal(size=(n, 3)), rng.normal(size=(n, 3)), rng.random(n) / n
mine = np.arange(n) % (size + 1) % size == rank  # uneven
number = np.arange(n)


def direct(at, own):
    """Acceleration and potential at places; own: they are the particles."""
    d = x[None] - at[:, None]
    r = np.sqrt((d**2).sum(2) + eps**2)
    w = np.where(own & np.eye(len(at), n, dtype=bool), 0, m)
    return G * ((w / r**3)[..., None] * d).sum(1), -G * (w / r).sum(1)


def error(a, truth):
    return np.sqrt((((a - truth)**2).sum(-1) / (truth**2).sum(-1)).mean())


# right, for this process alone
a, p = espalier.gravity(x, m, G, eps)
truth, level = direct(x, True)
assert a.shape == (n, 3) and p.shape == (n,) and a.dtype == p.dtype == np.float64
assert 1e-5 < error(a, truth) < 1e-3 and abs(p / level - 1).max() < 1e-3
fine, none = espalier.gravity(x, m, G, eps, order=5, tolerance=1e-7, potential=False)
assert none is None and error(fine, truth) < 1e-5
pairs, _ = espalier.gravity(x, m, G, eps, theta=-1, potential=False)
assert error(pairs, truth) < 1e-12

# in a periodic box: two particles feel each other across its border
pair, _ = espalier.gravity([[0.05, 0, 0], [0.95, 0, 0]], [1, 1], box=1, potential=False)
assert abs(pair[:, 0] + [100, -100]).max() < 1e-9, pair

# the same bits on all ranks together, and in records, on lists, for some alone
split = dict(id=number[mine], comm="world")
b, q = espalier.gravity(x[mine], m[mine], G, eps, **split)
assert (b == a[mine]).all() and (q == p[mine]).all()
record = np.zeros(n, [("colour", "f4"), ("m", "f8"), ("x", "f8", 3)])
record["x"], record["m"] = x, m
for again in (espalier.gravity(record["x"], record["m"], G, eps), espalier.gravity(x.tolist(), m.tolist(), G, eps),
              espalier.gravity(np.asfortranarray(x), m[::-1].copy()[::-1], G, eps)):
    assert (again[0] == a).all() and (again[1] == p).all()
some = rng.random(n) < 0.1
b, q = espalier.gravity(x, m, G, eps, active=some)
assert (b[some] == a[some]).all() and (q[some] == p[some]).all() and np.isnan(b[~some]).all() and np.isnan(q[~some]).all()

# the field between them, and at softenings of its own
at = rng.normal(size=(50, 3))
f, g = espalier.field(x, m, at, G, eps)
truth, level = direct(at, False)
assert error(f, truth) < 1e-3 and abs(g / level - 1).max() < 1e-3
own, _ = espalier.field(x, m, at, G, 7, at_softening=np.full(50, eps))
assert (own == f).all()
assert (espalier.field(x, m, at, G, 7)[0] != f).all()
there = np.arange(50) % size == rank
h, _ = espalier.field(x[mine], m[mine], at[there], G, eps, at_id=number[:50][there], **split)
assert (h == f[there]).all()

# energies, on all ranks the same
e = espalier.energy(x, v, m, G, eps)
assert abs(e.mass / m.sum() - 1) < 1e-14 and abs(e.kinetic / (m * (v**2).sum(1) / 2).sum() - 1) < 1e-13
assert abs(e.potential / ((m * p).sum() / 2) - 1) < 1e-13 and np.allclose(e.momentum, m @ v, rtol=1e-12, atol=1e-15)
f = espalier.energy(x[mine], v[mine], m[mine], G, eps, **split)
assert e[:3] == f[:3] and (e.momentum == f.momentum).all()

# a cut: slots are a permutation, near ones lie near, and shares are even
owner, slot = espalier.partition(x)
assert (owner == 0).all() and sorted(slot) == list(range(n))
step = np.linalg.norm(np.diff(x[np.argsort(slot)], axis=0), axis=1).mean()
assert step < 0.6 * np.linalg.norm(np.diff(x, axis=0), axis=1).mean()
owner, place = espalier.partition(x[mine], **split)
assert (place == slot[mine]).all() and set(owner) <= set(range(size))
assert all(((owner == r) == (place * size // n == r)).mean() > 0.7 for r in range(size))

# nobody
a, p = espalier.gravity(np.zeros((0, 3)), [])
assert a.shape == (0, 3) and p.shape == (0,)

# what is wrong
raises(ValueError, "mass has shape (599,)|(600,)", espalier.gravity, x, m[1:])
raises(ValueError, "position has shape (600, 2)|(n, 3)", espalier.gravity, x[:, :2], m)
raises(TypeError, "position is of type complex128", espalier.gravity, x.astype(complex), m)
raises(TypeError, "id is of type float64", espalier.gravity, x, m, id=m)
raises(ValueError, "particles.G = -1", espalier.gravity, x, m, -1)
raises(ValueError, "options.order = 9|2 to 5", espalier.gravity, x, m, order=9)
raises(TypeError, "'ordr'|order", espalier.gravity, x, m, ordr=4)
raises(ValueError, "periodic", espalier.gravity, x, m, box=1)
raises(ValueError, "'wrld'|'world'", espalier.gravity, x, m, comm="wrld")
raises(ValueError, "options.theta < 0", espalier.field, x, m, at, box=9)
if size > 1:  # one rank's mistake ends the call on all
    for function in (espalier.gravity, espalier.energy, lambda *a, **k: espalier.field(*a, at, **k)):
        more = [v[mine]] if function is espalier.energy else []
        wrong = m[mine][1:] if rank == 1 else m[mine]
        raises(ValueError, "mass has shape" if rank == 1 else "on rank 1", function, x[mine], *more, wrong, comm="world")
    raises(ValueError, "position" if rank == 1 else "on rank 1", espalier.partition, x[:, rank:], comm="world")
    raises(ValueError, "differs over the ranks", espalier.gravity, x[mine], m[mine], 1 + rank, comm="world")

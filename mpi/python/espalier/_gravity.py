"""Gravity of particles: accelerations, potentials, energies, and who would own whom."""
from __future__ import annotations

from contextlib import contextmanager
from ctypes import byref, c_double, c_void_p
from typing import Any, Iterator, NamedTuple, Optional

import numpy as np
from numpy.typing import ArrayLike

from ._library import Options, Particles, Sums, Targets, array, call, communicator, pointer, together

_OPTIONS = ("leaf", "block", "theta", "pairs_limit", "single", "order", "tolerance")


class Energies(NamedTuple):
    """Sums over all particles of all ranks, each exact and rounded once."""
    mass: float
    kinetic: float
    potential: float
    momentum: np.ndarray


@contextmanager
def _object(comm: Any, options: dict) -> Iterator[c_void_p]:
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise TypeError(f"unknown option {unknown[0]!r}; allowed: {', '.join(_OPTIONS)}")
    handle = c_void_p()
    call("espalier_create", communicator(comm), byref(Options(**options)), byref(handle))
    try:
        yield handle
    finally:
        call("espalier_destroy", byref(handle))


class _Cloud:
    """What the library is handed; `kept` holds the arrays. Rows in structured arrays stay where they lie."""

    def __init__(self, n: int) -> None:
        self.kept: list = []
        self.n = n

    def put(self, struct: Any, name: str, values: Any, width: int = 1, dtype: Any = np.float64, label: str = "") -> None:
        if values is None:
            return
        a = array(label or name, values, (self.n, width) if width > 1 else (self.n,), dtype)
        size = width * a.itemsize
        packed = width == 1 or a.strides[1] == a.itemsize
        if not (packed and a.strides[0] >= size):
            a = np.ascontiguousarray(a)
        self.kept.append(a)
        setattr(struct, name, pointer(a))
        setattr(struct.stride, name, a.strides[0] if self.n else 0)


def _rows(name: str, values: ArrayLike) -> np.ndarray:
    return array(name, values, (-1, 3))


def _particles(position: ArrayLike, mass: Optional[ArrayLike], G: float, softening: float, box: Optional[ArrayLike],
               **more: Any) -> tuple:
    x = _rows("position", position)
    cloud = _Cloud(len(x))
    p = Particles(n=len(x), G=float(G), softening=float(softening))
    cloud.put(p, "position", x, 3)
    cloud.put(p, "mass", np.ones(len(x)) if mass is None else mass)
    cloud.put(p, "velocity", more.get("velocity"), 3)
    cloud.put(p, "id", more.get("id"), 1, np.int64)
    active = more.get("active")
    if active is not None:
        cloud.put(p, "active", array("active", active, (len(x),), np.bool_), 1, np.uint8)
    if box is not None:
        p.box = (c_double * 3)(*array("box", np.broadcast_to(box, 3), (3,)))
    return p, cloud


_nobody = Particles(n=-1)


def gravity(position: ArrayLike, mass: ArrayLike, G: float = 1.0, softening: float = 0.0, *,
            id: Optional[ArrayLike] = None, active: Optional[ArrayLike] = None, box: Optional[ArrayLike] = None,
            potential: bool = True, comm: Any = None, **options: Any) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Acceleration and potential of every particle, by a fast multipole method.

    Units are yours, one consistent system with its G. The result is the same bits on any number of ranks.

    Parameters
    ----------
    position : (n, 3) float
        Places. Fields of a structured array are taken as they lie, without a copy.
    mass : (n,) float
        >= 0.
    G, softening : float
        The gravitational constant, > 0; the Plummer softening length, >= 0. The same on every rank.
    id : (n,) int, optional
        Unique over all ranks; by default numbered by rank and place.
    active : (n,) bool, optional
        Whose results are wanted; the others' are nan. Those that are wanted have the same bits as without it.
    box : float or (3,) float, optional
        Period by axis, 0 where open. Needs potential=False: in a periodic box it is not known.
    potential : bool
        Whether to return potentials; False: the second result is None.
    comm : optional
        None or "self": the arrays are all there is. A communicator of mpi4py, or "world": they are this rank's part, any
        number of particles on any rank; the call is then collective.
    **options
        order (2 to 5, default 4), tolerance: of the multipole method; theta (< 0: all pairs), leaf, block, single,
        pairs_limit: of sums over all pairs and in a periodic box. See espalier.h.

    Returns
    -------
    acceleration : (n, 3) float
        Length per time squared.
    potential : (n,) float
        Energy of a unit mass, < 0; the particle's own is left out. None with potential=False.
    """
    def prepare() -> tuple:
        return _particles(position, mass, G, softening, box, id=id, active=active)

    with _object(comm, options) as e:
        p, cloud = together(comm, prepare, lambda: call("espalier_gravity", e, byref(_nobody), None, None, None))
        acceleration = np.full((p.n, 3), np.nan)
        potentials = np.full(p.n, np.nan) if potential else None
        call("espalier_gravity", e, byref(p), pointer(acceleration), pointer(potentials), None)
    return acceleration, potentials


def field(position: ArrayLike, mass: ArrayLike, at: ArrayLike, G: float = 1.0, softening: float = 0.0, *,
          id: Optional[ArrayLike] = None, at_id: Optional[ArrayLike] = None, at_softening: Optional[ArrayLike] = None,
          box: Optional[ArrayLike] = None, comm: Any = None, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Acceleration and potential at any places, which nobody feels.

    Parameters
    ----------
    position, mass, G, softening, id, comm, **options
        As in `gravity`.
    at : (m, 3) float
        Where to know the field.
    at_id : (m,) int, optional
        Unique over all ranks; matters only where places share a coordinate.
    at_softening : (m,) float, optional
        Of a place's pairs with all particles, by default `softening`; at most 16 different ones.
    box : float or (3,) float, optional
        Period by axis; needs theta < 0, all pairs.

    Returns
    -------
    acceleration : (m, 3) float
    potential : (m,) float
        At a particle's place: with its own softened one; without softening the pair is left out.
    """
    def prepare() -> tuple:
        p, cloud = _particles(position, mass, G, softening, box, id=id)
        y = _rows("at", at)
        places = _Cloud(len(y))
        to = Targets(n=len(y))
        places.put(to, "position", y, 3, label="at")
        places.put(to, "id", at_id, 1, np.int64, "at_id")
        places.put(to, "softening", at_softening, label="at_softening")
        return p, to, (cloud, places)

    with _object(comm, options) as e:
        p, to, kept = together(comm, prepare, lambda: call("espalier_field", e, byref(_nobody), byref(Targets()), None, None,
                                                           None))
        acceleration, potential = np.empty((to.n, 3)), np.empty(to.n)
        call("espalier_field", e, byref(p), byref(to), pointer(acceleration), pointer(potential), None)
    return acceleration, potential


def energy(position: ArrayLike, velocity: ArrayLike, mass: ArrayLike, G: float = 1.0, softening: float = 0.0, *,
           id: Optional[ArrayLike] = None, comm: Any = None, **options: Any) -> Energies:
    """Mass, kinetic and potential energy and momentum of all particles of all ranks; on each rank the same.

    Parameters
    ----------
    velocity : (n, 3) float
    position, mass, G, softening, id, comm, **options
        As in `gravity`, in open space.

    Returns
    -------
    Energies
        A tuple (mass, kinetic, potential, momentum): sum m; sum m v^2 / 2; half the sum of m times the potential of
        `gravity`; sum m v, (3,).
    """
    def prepare() -> tuple:
        return _particles(position, mass, G, softening, None, velocity=velocity, id=id)

    sums = Sums()
    with _object(comm, options) as e:
        p, kept = together(comm, prepare, lambda: call("espalier_energy", e, byref(_nobody), byref(sums), None))
        call("espalier_energy", e, byref(p), byref(sums), None)
    return Energies(sums.mass, sums.kinetic, sums.potential, np.array(sums.momentum))


def partition(position: ArrayLike, *, id: Optional[ArrayLike] = None, comm: Any = None,
              **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where the balanced tree puts each particle.

    Parameters
    ----------
    position : (n, 3) float
    id, comm
        As in `gravity`.
    **options
        leaf (particles a leaf at most, default 8), block (particles sharing a list, default 64).

    Returns
    -------
    owner : (n,) int32
        The rank of comm whose share of the tree it belongs to; shares are contiguous in slots, and balanced to one block.
    slot : (n,) int64
        Its place in the tree's order, 0 <= slot < total.
    """
    def prepare() -> tuple:
        return _particles(position, None, 1, 0, None, id=id)

    with _object(comm, options) as e:
        p, kept = together(comm, prepare, lambda: call("espalier_partition", e, byref(_nobody), None, None))
        owner, slot = np.empty(p.n, np.int32), np.empty(p.n, np.int64)
        call("espalier_partition", e, byref(p), pointer(owner), pointer(slot))
    return owner, slot

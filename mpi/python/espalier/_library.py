"""libespalier by ctypes: its structures and functions, its errors as exceptions, and communicators."""
from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np

# The codes of the library (mpi/lib/espalier.h).
_EXCEPTION = {3: OSError, 7: MemoryError, 8: RuntimeError, 9: RuntimeError}


class Options(Structure):
    _fields_ = [("leaf", c_int), ("block", c_int), ("theta", c_double), ("pairs_limit", c_int64),
                ("checkpoint", c_char_p), ("layers", c_int), ("single", c_int), ("order", c_int),
                ("tolerance", c_double)]


class Strides(Structure):
    _fields_ = [(name, c_size_t) for name in
                ("id", "mass", "position", "velocity", "softening", "active", "vector", "number")]


class Particles(Structure):
    _fields_ = [("n", c_int64), ("id", c_void_p), ("mass", c_void_p), ("position", c_void_p), ("velocity", c_void_p),
                ("G", c_double), ("softening", c_double), ("box", c_double * 3), ("active", c_void_p),
                ("stride", Strides)]


class Targets(Structure):
    _fields_ = [("n", c_int64), ("id", c_void_p), ("position", c_void_p), ("softening", c_void_p), ("stride", Strides)]


class Sums(Structure):
    _fields_ = [("mass", c_double), ("kinetic", c_double), ("potential", c_double), ("momentum", c_double * 3)]


class Setting(Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Rows(Structure):
    _fields_ = [("n", c_int64), ("id", c_void_p), ("x", c_void_p), ("sent", c_void_p), ("target", c_void_p),
                ("weight", c_void_p)]


class Step(Structure):
    """What a step of training was. step: made so far; steps: train_steps; loss: of the batch, before the step (1: as good as
    the mean); rate: of learning; gradient: its norm before clipping; seconds: of this rank."""
    _fields_ = [("step", c_int64), ("steps", c_int64), ("loss", c_double), ("rate", c_double), ("gradient", c_double),
                ("seconds", c_double)]


Progress = CFUNCTYPE(c_int, c_void_p, POINTER(Step))

_FUNCTIONS = {  # all return an error code
    "espalier_create": [c_void_p, POINTER(Options), POINTER(c_void_p)],
    "espalier_destroy": [POINTER(c_void_p)],
    "espalier_partition": [c_void_p, POINTER(Particles), c_void_p, c_void_p],
    "espalier_gravity": [c_void_p, POINTER(Particles), c_void_p, c_void_p, c_void_p],
    "espalier_field": [c_void_p, POINTER(Particles), POINTER(Targets), c_void_p, c_void_p, c_void_p],
    "espalier_energy": [c_void_p, POINTER(Particles), POINTER(Sums), c_void_p],
    "espalier_relation_create": [c_void_p, c_int, c_int, c_int, POINTER(Setting), c_int, POINTER(c_void_p)],
    "espalier_relation_read": [c_void_p, c_char_p, POINTER(Setting), c_int, POINTER(c_void_p)],
    "espalier_relation_write": [c_void_p, c_char_p],
    "espalier_relation_destroy": [POINTER(c_void_p)],
    "espalier_relation_widths": [c_void_p, POINTER(c_int), POINTER(c_int), POINTER(c_int), POINTER(c_int)],
    "espalier_relation_train": [c_void_p, c_int, POINTER(Rows), Progress, c_void_p, POINTER(c_int64)],
    "espalier_relation_predict": [c_void_p, POINTER(Rows), c_void_p, c_void_p],
    "espalier_relation_place": [c_void_p, POINTER(Rows), c_void_p],
    "espalier_relation_partition": [c_void_p, POINTER(Rows), c_void_p, c_void_p],
    "espalier_relation_neighbors": [c_void_p, POINTER(Rows), c_int, c_void_p, c_void_p],
}

_lock = threading.RLock()  # the library keeps one message, and MPI may be of one thread
_loaded: Optional[ctypes.CDLL] = None


def _path() -> str:
    beside = Path(__file__).parent / "libespalier.so"
    path = os.environ.get("ESPALIER_LIBRARY") or str(beside)
    if not os.path.exists(path):
        raise ImportError(f"{path} is not there: install the package by `pip install ./mpi/python`, or name a built "
                          "libespalier.so by the variable ESPALIER_LIBRARY")
    return path


def library() -> ctypes.CDLL:
    """The library, loaded at the first call, with MPI initialised (and finalised at the end, if nobody else did it)."""
    global _loaded
    with _lock:
        if _loaded is None:
            lib = ctypes.CDLL(_path())
            for name, arguments in _FUNCTIONS.items():
                getattr(lib, name).argtypes = arguments
            lib.espalier_error.restype = c_char_p
            _start_mpi(lib)
            _loaded = lib
        return _loaded


def call(name: str, *arguments: Any) -> None:
    """Calls a function of the library. Its error code becomes an exception with its message: OSError for files, MemoryError,
    RuntimeError for communication and what is internal, else ValueError."""
    with _lock:
        lib = library()
        code = getattr(lib, name)(*arguments)
        if code:
            raise _EXCEPTION.get(code, ValueError)(lib.espalier_error().decode("utf-8", "replace"))


# ---- MPI ----

def _start_mpi(lib: ctypes.CDLL) -> None:
    started = c_int()
    lib.MPI_Initialized(byref(started))
    if started.value:
        return
    serialized = 2
    if lib.MPI_Init_thread(None, None, serialized, byref(c_int())):
        raise RuntimeError("MPI_Init_thread failed")
    atexit.register(_stop_mpi, lib)


def _stop_mpi(lib: ctypes.CDLL) -> None:
    stopped, ranks = c_int(), c_int()
    lib.MPI_Finalized(byref(stopped))
    if stopped.value:
        return
    world = c_void_p(_own_communicator(lib, "world"))
    lib.MPI_Comm_size(world, byref(ranks))
    if ranks.value > 1 and getattr(sys, "last_value", None) is not None:
        lib.MPI_Abort(world, 1)  # an exception that nobody caught: the others may wait for this rank
    lib.MPI_Finalize()


def _own_communicator(lib: ctypes.CDLL, name: str) -> int:
    open_mpi = {"self": "ompi_mpi_comm_self", "world": "ompi_mpi_comm_world"}
    mpich = {"self": 0x44000001, "world": 0x44000000}
    if name not in mpich:
        raise ValueError(f"comm = {name!r}; allowed: None or 'self', 'world', a communicator of mpi4py")
    try:
        return ctypes.addressof(ctypes.c_char.in_dll(lib, open_mpi[name]))
    except ValueError:
        return mpich[name]


def _version_of(lib: ctypes.CDLL) -> str:
    text, length = ctypes.create_string_buffer(8192), c_int()
    lib.MPI_Get_library_version(text, byref(length))
    return text.value.decode()


def communicator(comm: Any) -> c_void_p:
    """The MPI_Comm of None (this process alone), 'self', 'world', or a communicator of mpi4py."""
    lib = library()
    if comm is None or isinstance(comm, str):
        return c_void_p(_own_communicator(lib, comm or "self"))
    from mpi4py import MPI  # whoever has a communicator has mpi4py
    if not isinstance(comm, MPI.Comm):
        raise TypeError(f"comm is a {type(comm).__name__}; allowed: None or 'self', 'world', a communicator of mpi4py")
    if MPI.Get_library_version().rstrip("\0") != _version_of(lib).rstrip("\0"):
        raise RuntimeError(f"mpi4py uses another MPI than libespalier: {MPI.Get_library_version()!r}, "
                           f"not {_version_of(lib)!r}")
    lib.MPI_Comm_f2c.restype = c_void_p
    return c_void_p(lib.MPI_Comm_f2c(comm.py2f()))


# ---- arrays ----

def array(name: str, values: Any, shape: tuple, dtype: Any = np.float64) -> np.ndarray:
    """values as an array of this type and shape, where -1 is any length; a copy only where it is needed."""
    a = np.asarray(values)
    if not np.can_cast(a.dtype, dtype, "same_kind") and a.size:
        raise TypeError(f"{name} is of type {a.dtype}; {np.dtype(dtype)} is needed")
    a = a.astype(dtype, copy=False)
    if a.ndim != len(shape) or any(want not in (-1, have) for want, have in zip(shape, a.shape)):
        wanted = ", ".join("n" if n < 0 else str(n) for n in shape)
        raise ValueError(f"{name} has shape {a.shape}; ({wanted}{',' if len(shape) == 1 else ''}) is needed")
    return a


def pointer(a: Optional[np.ndarray]) -> Optional[int]:
    return None if a is None else a.ctypes.data


def together(comm: Any, prepare: Callable[[], Any], fail: Callable[[], Any]) -> Any:
    """What prepare() returns. If it raises on a rank of several, fail() first lets the library fail on the others, too."""
    try:
        return prepare()
    except Exception:
        if comm not in (None, "self"):
            try:
                fail()
            except Exception:
                pass
        raise

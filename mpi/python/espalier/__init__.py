"""Espalier: every pair interacts; a learned tree decides at what resolution.

Gravity of particles by a fast multipole method (`gravity`, `field`, `energy`) and their cut for many ranks (`partition`): numpy
arrays in, numpy arrays out, the bits of libespalier. Without mpi4py in one process, or over MPI_COMM_WORLD; with mpi4py over
any communicator.
"""
from ._gravity import Energies, energy, field, gravity, partition

__version__ = "0.1.0"
__all__ = ["Energies", "energy", "field", "gravity", "partition"]

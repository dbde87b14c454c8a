"""Espalier: every pair interacts; a learned tree decides at what resolution.

Gravity of particles by a fast multipole method (`gravity`, `field`, `energy`) and their cut for many ranks (`partition`); a learned
relation in scikit-learn's manner (`Relation`). numpy arrays in, numpy arrays out, the bits of libespalier. Without mpi4py in
one process, or over MPI_COMM_WORLD; with mpi4py over any communicator.
"""
from ._gravity import Energies, energy, field, gravity, partition
from ._relation import NotFittedError, Relation

__version__ = "0.1.0"
__all__ = ["Energies", "NotFittedError", "Relation", "energy", "field", "gravity", "partition"]

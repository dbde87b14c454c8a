"""Espalier as a code of AMUSE: its field against a direct sum, and two clusters that pass each other, one in Espalier, one in
BHTree, coupled by Bridge, beside both of them in one code. Prints what differs; exit code 0 if little does.

    python bridge.py [ranks of the worker]
"""

import sys

import numpy
from amuse.community.bhtree.interface import BHTree
from amuse.community.espalier.interface import Espalier
from amuse.couple.bridge import Bridge
from amuse.datamodel import Particles
from amuse.ic.plummer import new_plummer_model
from amuse.units import nbody_system

LENGTH, TIME, SPEED = nbody_system.length, nbody_system.time, nbody_system.speed
STEP, END, SOFTENING = 1 / 128, 2.0, 0.05
N = 200


def clusters() -> tuple[Particles, Particles]:
    """Two Plummer spheres of N bodies each, of mass 1, that fall past each other."""
    numpy.random.seed(1)
    both = new_plummer_model(N), new_plummer_model(N)
    for bodies, side in zip(both, (-1, 1)):
        bodies.position += [side * 2.0, side * 0.5, 0.0] | LENGTH
        bodies.velocity += [-side * 0.3, 0.0, 0.0] | SPEED
    return both


def ours(bodies: Particles, ranks: int) -> Espalier:
    code = Espalier(number_of_workers=ranks)
    code.parameters.epsilon_squared = SOFTENING**2 | LENGTH**2
    code.parameters.timestep = STEP | TIME
    code.particles.add_particles(bodies)
    return code


def theirs(bodies: Particles) -> BHTree:
    code = BHTree()
    code.parameters.epsilon_squared = SOFTENING**2 | LENGTH**2
    code.parameters.timestep = STEP | TIME
    code.parameters.opening_angle = 0.3
    code.particles.add_particles(bodies)
    return code


def direct(bodies: Particles, at: numpy.ndarray, softening: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Accelerations [m][3] and potentials [m] at places [m][3], in N-body units."""
    x, mass = bodies.position.value_in(LENGTH), bodies.mass.value_in(nbody_system.mass)
    d = x[None] - at[:, None]
    r = numpy.sqrt((d**2).sum(axis=2) + softening[:, None] ** 2)
    return (mass[None, :, None] * d / r[..., None] ** 3).sum(axis=1), -(mass[None] / r).sum(axis=1)


def field_error(code: Espalier, bodies: Particles) -> float:
    """Largest of the rms relative errors of field and potential: with the code's softening, and with one of the points' own."""
    at = numpy.random.default_rng(2).normal(size=(50, 3)) * 2
    worst = 0.0
    for softening in (0.0, 0.2):
        eps = numpy.full(len(at), softening)
        truth, potential = direct(bodies, at, eps if softening else numpy.full(len(at), SOFTENING))
        place = [column | LENGTH for column in at.T]
        got = numpy.array([a.value_in(nbody_system.acceleration) for a in code.get_gravity_at_point(eps | LENGTH, *place)]).T
        phi = code.get_potential_at_point(eps | LENGTH, *place).value_in(nbody_system.potential)
        worst = max(worst, float(numpy.sqrt(((got - truth) ** 2).sum() / (truth**2).sum())))
        worst = max(worst, float(numpy.sqrt(((phi / potential - 1) ** 2).mean())))
    return worst


def acceleration_error(code: Espalier) -> float:
    """Root mean square of the relative errors of all particles' accelerations, the direct sum the truth."""
    now = code.particles.copy()
    place = now.position.value_in(LENGTH)
    truth, _ = direct(now, place, numpy.full(len(place), SOFTENING))
    own = numpy.array([getattr(code.particles, a).value_in(nbody_system.acceleration) for a in ("ax", "ay", "az")]).T
    return float(numpy.sqrt((((own - truth) ** 2).sum(axis=1) / (truth**2).sum(axis=1)).mean()))


def together(ranks: int) -> tuple[numpy.ndarray, float]:
    """Places [2 N][3] of all bodies at the end, in one code, and by how much their energy has changed, relatively."""
    first, second = clusters()
    code = ours(first, ranks)
    code.particles.add_particles(second)
    before = code.get_total_energy()
    code.evolve_model(END | TIME)
    change = code.get_total_energy() / before - 1
    places = numpy.concatenate([b.get_intersecting_subset_in(code.particles).position.value_in(LENGTH) for b in (first, second)])
    code.stop()
    return places, abs(change)


def bridged(ranks: int) -> tuple[numpy.ndarray, float]:
    """The same of two codes and a Bridge."""
    first, second = clusters()
    codes = ours(first, ranks), theirs(second)
    bridge = Bridge(timestep=STEP | TIME)
    bridge.add_system(codes[0], (codes[1],))
    bridge.add_system(codes[1], (codes[0],))
    before = bridge.kinetic_energy + bridge.potential_energy
    bridge.evolve_model(END | TIME)
    change = (bridge.kinetic_energy + bridge.potential_energy) / before - 1
    places = numpy.concatenate([code.particles.position.value_in(LENGTH) for code in codes])
    for code in codes:
        code.stop()
    return places, abs(change)


def check_sums(ranks: int) -> bool:
    """Fields and accelerations, of all particles and after some have gone."""
    bodies, _ = clusters()
    code = ours(bodies, ranks)
    field, all_of_them = field_error(code, bodies), acceleration_error(code)
    code.particles.remove_particles(code.particles[:50])
    fewer = acceleration_error(code)
    code.stop()
    print(f"against a direct sum: field {field:.1e}, accelerations {all_of_them:.1e}, of fewer particles {fewer:.1e}")
    return field < 3e-3 and all_of_them < 3e-3 and fewer < 3e-3


def main() -> int:
    ranks = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    good = check_sums(ranks)
    one, energy_one = together(ranks)
    two, energy_two = bridged(ranks)
    start = numpy.concatenate([b.position.value_in(LENGTH) for b in clusters()])
    apart = numpy.sqrt(((one - two) ** 2).sum(axis=1).mean() / ((one - start) ** 2).sum(axis=1).mean())
    print(f"bridged with BHTree beside one code, after {END} units: places differ by {apart:.1e} of their way")
    print(f"energy changed by {energy_one:.1e} in one code, {energy_two:.1e} bridged")
    return 0 if good and apart < 2e-3 and max(energy_one, energy_two) < 1e-3 else 1


if __name__ == "__main__":
    sys.exit(main())

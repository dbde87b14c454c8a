"""Espalier as a code of AMUSE: gravity by libespalier's multipole method, a leapfrog of fixed steps, and the field at any
points, which is what Bridge asks of a code. `interface.c` is the worker's side."""

from amuse.community import CodeInterface, LiteratureReferencesMixIn
from amuse.community.interface.gd import (
    GravitationalDynamics,
    GravitationalDynamicsInterface,
    GravityFieldCode,
    GravityFieldInterface,
)
from amuse.rfi.core import LegacyFunctionSpecification, legacy_function
from amuse.units import nbody_system


def _number(name: str, dtype: str, out: bool) -> LegacyFunctionSpecification:
    """A call that takes one number, or gives one."""
    function = LegacyFunctionSpecification()
    function.addParameter(name, dtype=dtype, direction=function.OUT if out else function.IN)
    function.result_type = "int32"
    return function


class EspalierInterface(
    CodeInterface, LiteratureReferencesMixIn, GravitationalDynamicsInterface, GravityFieldInterface
):
    """Gravity of all pairs by a multipole method on MPI ranks, the same bits on any number of them."""

    include_headers = ["worker_code.h"]

    def __init__(self, **options):
        CodeInterface.__init__(self, name_of_the_worker="espalier_worker", **options)
        LiteratureReferencesMixIn.__init__(self)

    @legacy_function
    def set_time_step():
        return _number("time_step", "float64", out=False)

    @legacy_function
    def get_order():
        return _number("order", "int32", out=True)

    @legacy_function
    def set_order():
        return _number("order", "int32", out=False)


class Espalier(GravitationalDynamics, GravityFieldCode):
    """Open space; units by `converter` (nbody_system.nbody_to_si), N-body units without."""

    def __init__(self, converter=None, **options):
        GravitationalDynamics.__init__(self, EspalierInterface(**options), converter, **options)

    def define_parameters(self, handler):
        handler.add_method_parameter(
            "get_eps2",
            "set_eps2",
            "epsilon_squared",
            "square of the softening length of all particles",
            default_value=0.0 | nbody_system.length**2,
        )
        handler.add_method_parameter(
            "get_time_step",
            "set_time_step",
            "timestep",
            "length of a step at most: steps of one evolve_model are equal and end at its time",
            default_value=0.01 | nbody_system.time,
        )
        handler.add_method_parameter(
            "get_begin_time",
            "set_begin_time",
            "begin_time",
            "model time to start the simulation at",
            default_value=0.0 | nbody_system.time,
        )
        handler.add_method_parameter(
            "get_order",
            "set_order",
            "order",
            "of the multipole expansions, 2 to 5: accelerations err by about 3e-2, 6e-3, 9e-4, 9e-5",
            default_value=4,
        )

    def define_methods(self, handler):
        GravitationalDynamics.define_methods(self, handler)
        area, time = nbody_system.length**2, nbody_system.time
        handler.add_method("get_eps2", (), (area, handler.ERROR_CODE))
        handler.add_method("set_eps2", (area,), (handler.ERROR_CODE,))
        handler.add_method("set_time_step", (time,), (handler.ERROR_CODE,))
        handler.add_method("get_begin_time", (), (time, handler.ERROR_CODE))
        handler.add_method("set_begin_time", (time,), (handler.ERROR_CODE,))
        handler.add_method("get_order", (), (handler.NO_UNIT, handler.ERROR_CODE))
        handler.add_method("set_order", (handler.NO_UNIT,), (handler.ERROR_CODE,))

    def define_state(self, handler):
        GravitationalDynamics.define_state(self, handler)
        GravityFieldCode.define_state(self, handler)
        handler.add_method("RUN", "get_acceleration")

    def define_particle_sets(self, handler):
        GravitationalDynamics.define_particle_sets(self, handler)
        handler.add_getter("particles", "get_acceleration", names=("ax", "ay", "az"))
        handler.add_getter("particles", "get_potential", names=("potential_in_code",))

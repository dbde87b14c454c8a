! espalier.h for Fortran: the same names, structs and functions, by iso_c_binding. What each does stands in espalier.h.
!
!   use espalier
!   type(c_ptr) :: e
!   type(espalier_particles) :: p
!   code = espalier_create(MPI_COMM_WORLD, c_null_ptr, e)
!   p = espalier_particles(n=n, mass=c_loc(m), position=c_loc(x), g=1d0, softening=eps)
!   code = espalier_force(e, p, c_loc(a), c_null_ptr)
!   code = espalier_destroy(e)
!
! x(3, n) is the header's [n][3]. Arrays are handed over by c_loc, so they are `target`, and c_null_ptr is NULL. A
! communicator is that of `use mpi` or mpif.h; of `use mpi_f08` it is comm%mpi_val.
module espalier
  use, intrinsic :: iso_c_binding
  implicit none

  type, bind(c) :: espalier_options
    integer(c_int) :: leaf = 0, block = 0
    real(c_double) :: theta = 0
    integer(c_int64_t) :: pairs_limit = 0
    type(c_ptr) :: checkpoint = c_null_ptr ! a string that ends with c_null_char
    integer(c_int) :: layers = 0, single = 0, order = 0
    real(c_double) :: tolerance = 0
  end type

  type, bind(c) :: espalier_strides
    integer(c_size_t) :: id = 0, mass = 0, position = 0, velocity = 0, softening = 0, active = 0
    integer(c_size_t) :: vector = 0, number = 0
  end type

  type, bind(c) :: espalier_particles
    integer(c_int64_t) :: n = 0
    type(c_ptr) :: id = c_null_ptr, mass = c_null_ptr, position = c_null_ptr, velocity = c_null_ptr
    real(c_double) :: g = 0, softening = 0, box(3) = 0
    type(c_ptr) :: active = c_null_ptr
    type(espalier_strides) :: stride
  end type

  type, bind(c) :: espalier_targets
    integer(c_int64_t) :: n = 0
    type(c_ptr) :: id = c_null_ptr, position = c_null_ptr, softening = c_null_ptr
    type(espalier_strides) :: stride
  end type

  type, bind(c) :: espalier_stats
    integer(c_int64_t) :: owned, halo, halo_cells, messages, bytes, near_pairs, far_pairs
    real(c_double) :: seconds
  end type

  type, bind(c) :: espalier_sums
    real(c_double) :: mass, kinetic, potential, momentum(3)
  end type

  interface
    ! options: c_null_ptr, or c_loc of espalier_options. Written into e.
    integer(c_int) function espalier_create(comm, options, e) bind(c, name='espalier_create_fortran')
      import
      integer(c_int), value :: comm
      type(c_ptr), value :: options
      type(c_ptr), intent(out) :: e
    end function

    integer(c_int) function espalier_destroy(e) bind(c)
      import
      type(c_ptr), intent(inout) :: e
    end function

    type(c_ptr) function espalier_error() bind(c)
      import
    end function

    integer(c_int) function espalier_partition(e, p, owner, slot) bind(c)
      import
      type(c_ptr), value :: e, owner, slot
      type(espalier_particles), intent(in) :: p
    end function

    integer(c_int) function espalier_gravity(e, p, acceleration, potential, stats) bind(c)
      import
      type(c_ptr), value :: e, acceleration, potential, stats
      type(espalier_particles), intent(in) :: p
    end function

    integer(c_int) function espalier_force(e, p, acceleration, stats) bind(c)
      import
      type(c_ptr), value :: e, acceleration, stats
      type(espalier_particles), intent(in) :: p
    end function

    integer(c_int) function espalier_field(e, p, at, acceleration, potential, stats) bind(c)
      import
      type(c_ptr), value :: e, acceleration, potential, stats
      type(espalier_particles), intent(in) :: p
      type(espalier_targets), intent(in) :: at
    end function

    integer(c_int) function espalier_energy(e, p, sums, stats) bind(c)
      import
      type(c_ptr), value :: e, stats
      type(espalier_particles), intent(in) :: p
      type(espalier_sums), intent(out) :: sums
    end function

    ! used: c_null_ptr, or c_loc of a real(c_double)
    integer(c_int) function espalier_predict(e, p, horizon, displacement, velocity_change, used, stats) bind(c)
      import
      type(c_ptr), value :: e, displacement, velocity_change, used, stats
      real(c_double), value :: horizon
      type(espalier_particles), intent(in) :: p
    end function
  end interface

contains

  ! espalier_error as a string.
  function espalier_message() result(text)
    character(len=:), allocatable :: text
    character(kind=c_char), pointer :: c(:)
    type(c_ptr) :: first
    integer :: n
    first = espalier_error()
    call c_f_pointer(first, c, [65536])
    n = 0
    do while (c(n + 1) /= c_null_char)
      n = n + 1
    end do
    allocate (character(len=n) :: text)
    text = transfer(c(1:n), text)
  end function
end module

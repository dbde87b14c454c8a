! Two bodies on each rank: forces, field, energy and an error, through the module.
program two
  use mpi
  use espalier
  implicit none
  integer, parameter :: n = 2
  real(c_double), target :: m(n), x(3, n), v(3, n), a(3, n), at(3, 1), g(3, 1), phi(1), eps(1)
  type(c_ptr) :: e
  type(espalier_particles) :: p
  type(espalier_targets) :: to
  type(espalier_sums) :: sums
  type(espalier_options), target :: options
  type(espalier_stats), target :: stats
  integer :: rank, size, ierr, r
  real(c_double) :: q, force, mass, potential
  call MPI_Init(ierr)
  call MPI_Comm_rank(MPI_COMM_WORLD, rank, ierr)
  call MPI_Comm_size(MPI_COMM_WORLD, size, ierr)
  options%order = 9
  if (espalier_create(MPI_COMM_WORLD, c_loc(options), e) /= 2) stop 1
  if (index(espalier_message(), 'options.order = 9') == 0) stop 2
  options%order = 5
  options%tolerance = 1d-9
  if (espalier_create(MPI_COMM_WORLD, c_loc(options), e) /= 0) stop 3
  m = [1d0, 2d0]
  x = reshape([10d0*rank, 0d0, 0d0, 10d0*rank + 1, 0d0, 0d0], [3, n])
  v = 1
  p = espalier_particles(n=n, mass=c_loc(m), position=c_loc(x), velocity=c_loc(v), g=2d0, softening=0d0)
  if (espalier_force(e, p, c_loc(a), c_loc(stats)) /= 0) stop 4
  at(:, 1) = [5d0, 3d0, 0d0]
  eps = 0.5d0
  to = espalier_targets(n=1, position=c_loc(at), softening=c_loc(eps))
  if (espalier_field(e, p, to, c_loc(g), c_loc(phi), c_null_ptr) /= 0) stop 5
  if (espalier_energy(e, p, sums, c_null_ptr) /= 0) stop 6
  force = 0; potential = 0; mass = 0
  do r = 0, size - 1
    if (r /= rank) force = force + 2*sign(1d0, dble(r - rank))*(1/(10d0*(r - rank))**2 + 2/(10d0*(r - rank) + 1)**2)
    q = sqrt((10d0*r - 5)**2 + 9 + 0.25d0)
    potential = potential - 2/q
    q = sqrt((10d0*r - 4)**2 + 9 + 0.25d0)
    potential = potential - 4/q
    mass = mass + 3
  end do
  force = force + 4
  if (abs(a(1, 1) - force) > 1d-5*force) stop 7
  if (abs(phi(1) - potential) > 1d-5*abs(potential)) stop 8
  if (sums%mass /= mass .or. sums%kinetic /= 1.5d0*mass .or. sums%momentum(3) /= mass) stop 9
  if (stats%seconds <= 0 .or. stats%owned > 2*size) stop 10
  if (espalier_destroy(e) /= 0 .or. c_associated(e)) stop 11
  if (rank == 0) print '(a)', 'right'
  call MPI_Finalize(ierr)
end program

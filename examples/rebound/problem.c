/* REBOUND with espalier's gravity beside its own direct sum: accelerations of 2000 bodies, and the energy of 100 bodies over
 * 1000 steps of leapfrog. Exit code 0 if accelerations err by less than 3e-3 and energies drift alike. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gravity.h"

static double between(double a, double b) {
  return a + (b - a) * rand() / RAND_MAX;
}

/* A Plummer sphere of mass 1 and length 1, out to 10, at half the speeds of equilibrium, at most. */
static struct reb_simulation *sphere(int n, unsigned seed) {
  struct reb_simulation *r = reb_simulation_create();
  srand(seed);
  r->softening = 0.05;
  r->dt = 0.01;
  reb_simulation_set_integrator(r, "leapfrog");
  for (int i = 0; i < n; i++) {
    const double q = 1 / sqrt(pow(between(0.001, 0.98), -2. / 3) - 1), z = between(-1, 1), phi = between(0, 2 * M_PI);
    const double across = sqrt(1 - z * z), speed = 0.5 * pow(1 + q * q, -0.25);
    struct reb_particle p = {.m = between(0.5, 1.5) / n, .x = q * across * cos(phi), .y = q * across * sin(phi)};
    p.z = q * z;
    p.vx = speed * between(-1, 1), p.vy = speed * between(-1, 1), p.vz = speed * between(-1, 1);
    reb_simulation_add(r, p);
  }
  return r;
}

/* Root mean square of the relative errors of accelerations, the direct sum the truth. */
static double compare(espalier *e) {
  struct reb_simulation *r = sphere(2000, 1), *direct = sphere(2000, 1);
  double square = 0;
  espalier_rebound_use(r, e);
  direct->gravity = REB_GRAVITY_BASIC;
  reb_simulation_update_acceleration(r);
  reb_simulation_update_acceleration(direct);
  for (size_t i = 0; i < r->N; i++) {
    const struct reb_particle *a = r->particles + i, *b = direct->particles + i;
    const double x = a->ax - b->ax, y = a->ay - b->ay, z = a->az - b->az;
    square += (x * x + y * y + z * z) / (b->ax * b->ax + b->ay * b->ay + b->az * b->az);
  }
  const double error = sqrt(square / (double)r->N);
  reb_simulation_free(r);
  reb_simulation_free(direct);
  return error;
}

/* With the softened potential (that of reb_simulation_energy is not). */
static double energy_of(const struct reb_simulation *r) {
  double sum = 0;
  for (size_t i = 0; i < r->N; i++) {
    const struct reb_particle *a = r->particles + i;
    sum += 0.5 * a->m * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
    for (size_t j = 0; j < i; j++) {
      const struct reb_particle *b = r->particles + j;
      const double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
      sum -= r->G * a->m * b->m / sqrt(x * x + y * y + z * z + r->softening * r->softening);
    }
  }
  return sum;
}

/* By how much the energy has changed after 1000 steps; e NULL: with REBOUND's own sum. */
static double drift(espalier *e) {
  struct reb_simulation *r = sphere(100, 2);
  if (e) espalier_rebound_use(r, e);
  const double before = energy_of(r);
  reb_simulation_steps(r, 1000);
  const double change = fabs(energy_of(r) / before - 1);
  reb_simulation_free(r);
  return change;
}

int main(int argc, char **argv) {
  int rank, bad = 0;
  espalier *e;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (espalier_create(MPI_COMM_WORLD, NULL, &e)) MPI_Abort(MPI_COMM_WORLD, 1);
  if (rank == 0) {
    const double error = compare(e), ours = drift(e), own = drift(NULL);
    espalier_rebound_done();
    printf("accelerations of 2000 bodies against REBOUND's direct sum: %.1e (rms of relative errors)\n", error);
    printf("energy of 100 bodies after 1000 steps: changed by %.1e, with REBOUND's direct sum by %.1e\n", ours, own);
    bad = !(error < 3e-3 && ours < own + 1e-4);
  } else {
    bad = espalier_rebound_serve(e);
  }
  espalier_destroy(&e);
  MPI_Finalize();
  return bad;
}

/* REBOUND with espalier beside its own direct sum: accelerations of 2000 bodies; the energy of 100 bodies over 1000 steps of
 * leapfrog; one step of 1024 bodies by the network: untrained, it is a leapfrog of four steps, and where a checkpoint is named
 * (problem CHECKPOINT) trained, it must be nearer to the truth, 400 steps. Exit code 0 if so. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gravity.h"
#include "plummer.h"

static struct reb_simulation *sphere(int n, double share, double softening) {
  struct reb_simulation *r = plummer(n, share, 1);
  r->softening = softening;
  r->dt = 0.01;
  reb_simulation_set_integrator(r, "leapfrog");
  return r;
}

/* Root mean square of the relative errors of accelerations, the direct sum the truth. */
static double compare(espalier *e) {
  struct reb_simulation *r = sphere(2000, 0.98, 0.05), *direct = sphere(2000, 0.98, 0.05);
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
  struct reb_simulation *r = sphere(100, 0.98, 0.05);
  if (e) espalier_rebound_use(r, e);
  const double before = energy_of(r);
  reb_simulation_steps(r, 1000);
  const double change = fabs(energy_of(r) / before - 1);
  reb_simulation_free(r);
  return change;
}

static const double horizon = 1.2,
                    spacing = 0.26; /* of the sphere below; the network knows its softening as half of it */

/* The sphere after the horizon in so many steps; e not NULL: of the network's. */
static struct reb_simulation *after(int steps, espalier *e) {
  struct reb_simulation *r = sphere(1024, 0.98, spacing / 2);
  r->dt = horizon / steps;
  r->extras = e;
  if (e) reb_simulation_set_integrator(r, "espalier");
  reb_simulation_steps(r, (unsigned)steps);
  return r;
}

/* Root mean square of places' differences, over that of what gravity has moved them by. */
static double apart(const struct reb_simulation *r, const struct reb_simulation *truth) {
  struct reb_simulation *start = sphere(1024, 0.98, spacing / 2);
  double square = 0, moved = 0;
  for (size_t i = 0; i < r->N; i++) {
    const struct reb_particle *s = start->particles + i, *t = truth->particles + i, *a = r->particles + i;
    const double d[3] = {a->x - t->x, a->y - t->y, a->z - t->z}, T = truth->t;
    const double m[3] = {t->x - s->x - s->vx * T, t->y - s->y - s->vy * T, t->z - s->z - s->vz * T};
    for (int k = 0; k < 3; k++) square += d[k] * d[k], moved += m[k] * m[k];
  }
  reb_simulation_free(start);
  return sqrt(square / moved);
}

static int check_sums(espalier *e) {
  const double error = compare(e), ours = drift(e), own = drift(NULL);
  printf("accelerations of 2000 bodies against REBOUND's direct sum: %.1e (rms of relative errors)\n", error);
  printf("energy of 100 bodies after 1000 steps: changed by %.1e, with REBOUND's direct sum by %.1e\n", ours, own);
  return error < 3e-3 && ours < own + 1e-4;
}

/* e's network is trained, or is not. */
static int check_network(espalier *e, int trained) {
  struct reb_simulation *truth = after(400, NULL), *four = after(4, NULL), *one = after(1, e);
  const double error = apart(one, truth), classical = apart(four, truth), difference = apart(one, four);
  if (trained)
    printf("one step of the trained network: displacement's NRMSE %.4f, four steps of leapfrog %.4f\n", error,
           classical);
  else
    printf("one step of the untrained network: %.1e from four steps of leapfrog\n", difference);
  const int good = fabs(one->t - horizon) < 1e-12 && (trained ? error < 0.9 * classical : difference < 2e-3);
  reb_simulation_free(truth), reb_simulation_free(four), reb_simulation_free(one);
  return good;
}

int main(int argc, char **argv) {
  int rank, bad = 0;
  espalier *e = NULL, *trained = NULL;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const espalier_options options = {.checkpoint = argc > 1 ? argv[1] : NULL};
  if (espalier_create(MPI_COMM_WORLD, NULL, &e) || espalier_create(MPI_COMM_WORLD, &options, &trained)) {
    if (rank == 0) fprintf(stderr, "%s\n", espalier_error());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  if (rank == 0) {
    espalier_rebound_register();
    bad = !check_sums(e) | !check_network(e, 0);
    espalier_rebound_done();
    if (options.checkpoint) bad |= !check_network(trained, 1);
  } else {
    bad = espalier_rebound_serve(e);
    if (options.checkpoint) bad |= espalier_rebound_serve(trained);
  }
  if (rank == 0 && options.checkpoint) espalier_rebound_done();
  espalier_destroy(&trained);
  espalier_destroy(&e);
  MPI_Finalize();
  return bad;
}

/* An N-body program that knows nothing of Espalier but the installed header: a ring of bodies on any number of ranks,
 * moved by leapfrog with multipole gravity, and once by the network over its own horizon. Exit code 0 if energy is kept, the
 * network agrees with the leapfrog, and its shares of the tree are balanced. */
#include <espalier.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { N = 3000, STEPS = 32 };
static double x[N][3], v[N][3], a[N][3], potential[N], x0[N][3], v0[N][3], D[N][3], K[N][3], m[N];
static int owner[N];

static void check(int code) {
  if (code) fprintf(stderr, "%s\n", espalier_error()), MPI_Abort(MPI_COMM_WORLD, code);
}

/* Kinetic and potential, of this rank's bodies. */
static double energy_of(espalier *e, const espalier_particles *p) {
  double sum = 0;
  check(espalier_gravity(e, p, NULL, potential, NULL));
  for (int i = 0; i < p->n; i++)
    sum += 0.5 * m[i] * (v[i][0] * v[i][0] + v[i][1] * v[i][1] + v[i][2] * v[i][2] + potential[i]);
  return sum;
}

int main(int argc, char **argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  srand(1); /* every rank draws all bodies and keeps every size-th */
  int n = 0;
  for (int i = 0; i < N; i++) {
    double u[6];
    for (int c = 0; c < 6; c++) u[c] = rand() / (double)RAND_MAX - 0.5;
    if (i % size != rank) continue;
    double angle = 6.283185307179586 * i / N, speed = 0.7;
    const double place[3] = {cos(angle) + 0.3 * u[0], sin(angle) + 0.3 * u[1], 0.3 * u[2]};
    const double motion[3] = {-speed * sin(angle) + 0.05 * u[3], speed * cos(angle) + 0.05 * u[4], 0.05 * u[5]};
    m[n] = 1.0 / N;
    for (int c = 0; c < 3; c++) x0[n][c] = x[n][c] = place[c], v0[n][c] = v[n][c] = motion[c];
    n++;
  }
  espalier *e;
  espalier_stats stats;
  espalier_particles p = {.n = n,
                          .mass = m,
                          .position = (const double(*)[3])x,
                          .velocity = (const double(*)[3])v,
                          .G = 1,
                          .softening = 0.06};
  double horizon, error[2] = {0, 0}, energy[2];
  int64_t owned = 0;
  check(espalier_create(MPI_COMM_WORLD, NULL, &e));
  check(espalier_partition(e, &p, owner, NULL));
  check(espalier_predict(e, &p, 0, D, K, &horizon, NULL));
  energy[0] = energy_of(e, &p);
  for (int s = 0; s < STEPS; s++) {
    double h = horizon / STEPS;
    for (int i = 0; i < n; i++)
      for (int c = 0; c < 3; c++) x[i][c] += 0.5 * h * v[i][c];
    check(espalier_force(e, &p, a, &stats));
    for (int i = 0; i < n; i++)
      for (int c = 0; c < 3; c++) v[i][c] += h * a[i][c], x[i][c] += 0.5 * h * v[i][c];
  }
  energy[1] = energy_of(e, &p);
  owned = stats.owned;
  check(espalier_destroy(&e));
  for (int i = 0; i < n; i++)
    for (int c = 0; c < 3; c++) {
      double truth = x[i][c] - x0[i][c] - horizon * v0[i][c];
      error[0] += pow(D[i][c] - truth, 2), error[1] += truth * truth;
      if (owner[i] < 0 || owner[i] >= size) error[0] = NAN;
    }
  MPI_Allreduce(MPI_IN_PLACE, error, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, energy, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(MPI_IN_PLACE, &owned, 1, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
  double nrmse = sqrt(error[0] / error[1]), drift = fabs(energy[1] / energy[0] - 1);
  int good = nrmse < 0.02 && drift < 1e-3 && owned * size - N <= 64 * size;
  if (rank == 0)
    printf(
        "%d bodies on %d ranks, at most %lld on one; NRMSE of the network against %d leapfrog steps: %.4f, their "
        "energy drifts by %.1e\n",
        N, size, (long long)owned, STEPS, nrmse, drift);
  MPI_Finalize();
  return good ? 0 : 1;
}

/* One evaluation of the force on n bodies of a Plummer sphere by espalier, and by REBOUND's tree with the opening angle with which
 * it errs as much: compare N ORDER [LABEL]; without a label, or on several ranks, espalier alone. Times are the smallest of
 * ROUNDS, taken by turns, on the clock and of the processor (user and system, of rank 0); a round of espalier is the mean of
 * BATCH evaluations, so that on a busy machine it is no luckier than a tree that takes longer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "gravity.h"
#include "plummer.h"

enum { SAMPLE = 500, ROUNDS = 3, BATCH = 20, TRIES = 8 };

typedef struct {
  double wall, processor;
} duration;

static duration now(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (duration){MPI_Wtime(), (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                                     1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec)};
}

static void keep_least(duration *least, duration start, duration end, int evaluations) {
  least->wall = fmin(least->wall, (end.wall - start.wall) / evaluations);
  least->processor = fmin(least->processor, (end.processor - start.processor) / evaluations);
}

static size_t sampled(const struct reb_simulation *r, int s) {
  return (size_t)s * (r->N / SAMPLE);
}

/* By all pairs, of SAMPLE bodies. */
static void direct(const struct reb_simulation *r, double (*a)[3]) {
  for (int s = 0; s < SAMPLE; s++) {
    const struct reb_particle *p = r->particles + sampled(r, s);
    memset(a[s], 0, sizeof a[s]);
    for (const struct reb_particle *q = r->particles; q < r->particles + r->N; q++) {
      const double x = q->x - p->x, y = q->y - p->y, z = q->z - p->z;
      const double square = x * x + y * y + z * z + r->softening * r->softening,
                   f = r->G * q->m / (square * sqrt(square));
      a[s][0] += f * x, a[s][1] += f * y, a[s][2] += f * z;
    }
  }
}

/* Root mean square of the sample's relative errors. */
static double error_of(const struct reb_simulation *r, double (*truth)[3]) {
  double sum = 0;
  for (int s = 0; s < SAMPLE; s++) {
    const struct reb_particle *p = r->particles + sampled(r, s);
    const double *t = truth[s], x = p->ax - t[0], y = p->ay - t[1], z = p->az - t[2];
    sum += (x * x + y * y + z * z) / (t[0] * t[0] + t[1] * t[1] + t[2] * t[2]);
  }
  return sqrt(sum / SAMPLE);
}

static double tree(struct reb_simulation *r, double angle, double (*truth)[3], duration *least) {
  r->gravity = REB_GRAVITY_TREE;
  r->opening_angle2 = angle * angle;
  const duration start = now();
  reb_simulation_update_acceleration(r);
  keep_least(least, start, now(), 1);
  return error_of(r, truth);
}

/* The opening angle with which the tree errs by `wanted` within 3 per cent: by secants of the logarithms. */
static double find_angle(struct reb_simulation *r, double wanted, double (*truth)[3], double *error) {
  duration any = {HUGE_VAL, HUGE_VAL};
  double x[2] = {log(0.6), log(0.45)}, y[2];
  for (int k = 0; k < 2; k++) y[k] = log(*error = tree(r, exp(x[k]), truth, &any));
  for (int k = 0; k < TRIES && fabs(*error / wanted - 1) > 0.03; k++) {
    const double next = x[1] + (log(wanted) - y[1]) * (x[1] - x[0]) / (y[1] - y[0]);
    x[0] = x[1], y[0] = y[1];
    x[1] = fmin(fmax(next, log(0.05)), log(1.5));
    y[1] = log(*error = tree(r, exp(x[1]), truth, &any));
  }
  return exp(x[1]);
}

static void enclose(struct reb_simulation *r) {
  for (size_t i = 0; i < r->N; i++)
    r->root_size = fmax(r->root_size,
                        2.02 * fmax(fabs(r->particles[i].x), fmax(fabs(r->particles[i].y), fabs(r->particles[i].z))));
}

static void measure(espalier *e, int n, int ranks, const char *label) {
  struct reb_simulation *r = plummer(n, 0.999, 1);
  duration ours = {HUGE_VAL, HUGE_VAL}, theirs = ours;
  static double truth[SAMPLE][3];
  r->softening = 0.01;
  enclose(r);
  direct(r, truth);
  espalier_rebound_use(r, e);
  reb_simulation_update_acceleration(r);
  const double error = error_of(r, truth);
  double other = 0;
  const double angle = label && ranks == 1 ? find_angle(r, error, truth, &other) : 0;
  for (int k = 0; k < ROUNDS; k++) {
    espalier_rebound_use(r, e);
    const duration start = now();
    for (int b = 0; b < BATCH; b++) reb_simulation_update_acceleration(r);
    keep_least(&ours, start, now(), BATCH);
    if (angle) other = tree(r, angle, truth, &theirs);
  }
  printf("%d bodies, espalier on %d rank%s: rms %.2e, %.3f s on the clock, %.3f s of the processor\n", n, ranks,
         ranks > 1 ? "s" : "", error, ours.wall, ours.processor);
  if (angle)
    printf(
        "%d bodies, %s, opening angle %.3f: rms %.2e, %.3f s on the clock, %.3f s of the processor: %.0f times as "
        "long\n",
        n, label, angle, other, theirs.wall, theirs.processor, theirs.processor / ours.processor);
  reb_simulation_free(r);
}

int main(int argc, char **argv) {
  int rank, ranks, bad = 0;
  espalier *e;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const espalier_options options = {.order = argc > 2 ? atoi(argv[2]) : 4};
  const int n = argc > 1 ? atoi(argv[1]) : 100000;
  if (espalier_create(MPI_COMM_WORLD, &options, &e)) MPI_Abort(MPI_COMM_WORLD, 1);
  if (rank == 0) {
    measure(e, n < SAMPLE ? SAMPLE : n, ranks, argc > 3 ? argv[3] : NULL);
    espalier_rebound_done();
  } else {
    bad = espalier_rebound_serve(e);
  }
  espalier_destroy(&e);
  MPI_Finalize();
  return bad;
}

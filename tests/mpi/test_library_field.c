/* Proves of espalier.h that fields at targets are those of the sum over all pairs, particles at the same place felt, each
 * target at its own softening; that some particles alone get their results, in the caller's structs, with the bits of all;
 * that energies are exact sums; all in the same bits on any ranks; and what is refused.
 * ranks: 1 2 3 4 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "lib/espalier.h"

enum { N = 1500, T = 200 };
static int rank, size;

/* A caller's own struct. */
typedef struct {
  char name[3];
  int64_t id;
  double v[3], m;
  unsigned char moves;
  double x[3], a[3], eps, potential;
} body;

static body source[N], target[T];
static double truth[T][3], truth_potential[T]; /* at targets, by all pairs */

static const espalier_strides by_body = {sizeof(body), sizeof(body), sizeof(body), sizeof(body),
                                         sizeof(body), sizeof(body), sizeof(body), sizeof(body)};

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", espalier_error());
}

static void refused(int code, int expected) {
  int range[2] = {code, -code};
  MPI_Allreduce(MPI_IN_PLACE, range, 2, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  assert_int_equal(range[0], expected);
  assert_int_equal(-range[1], expected);
  assert_true(strlen(espalier_error()) > 0);
}

static double uniform(int i, int c) {
  return fmod(0.3 + (i + 1) * (0.6180339887498949 + 0.0917 * c), 1);
}

static double eps_of(int i) {
  return (double[]){0.05, 0, 0.2}[i % 3];
}

static void make(void) {
  for (int i = 0; i < N; i++) {
    source[i] = (body){.id = 7 * i - 300, .m = 1 + i % 4, .moves = i % 5 == 0, .eps = 0.05};
    const double r = 0.1 + pow(uniform(i, 3), 3);
    for (int c = 0; c < 3; c++) {
      source[i].x[c] = r * (uniform(i, c) - 0.5);
      source[i].v[c] = uniform(i, 2 - c) - 0.5;
    }
  }
  for (int i = 0; i < T; i++) {
    target[i] = (body){.id = 3 * i, .eps = eps_of(i)};
    for (int c = 0; c < 3; c++) target[i].x[c] = 2 * (uniform(7 * i, c) - 0.5);
    if (i % 10 < 3) memcpy(target[i].x, source[11 * i % N].x, sizeof target[i].x);
  }
}

/* Sources and targets of this rank, or all: every size-th, or those of a range. */
static int deal(const body *from, int n, int whole, int in_turn, body *to) {
  int count = 0;
  for (int i = 0; i < n; i++)
    if (whole || (in_turn ? i % size : (int)((long)i * size / n)) == rank) to[count++] = from[i];
  return count;
}

static espalier_particles particles_of(const body *b, int n) {
  return (espalier_particles){.n = n,
                              .id = &b->id,
                              .mass = &b->m,
                              .position = (const double(*)[3])b->x,
                              .velocity = (const double(*)[3])b->v,
                              .G = 2,
                              .softening = 0.05,
                              .stride = by_body};
}

static espalier_targets targets_of(const body *b, int n) {
  return (espalier_targets){
      .n = n, .id = &b->id, .position = (const double(*)[3])b->x, .softening = &b->eps, .stride = by_body};
}

static void by_all_pairs(void) {
  for (int i = 0; i < T; i++) {
    double a[3] = {0, 0, 0}, potential = 0;
    for (int j = 0; j < N; j++) {
      double r[3], q = target[i].eps * target[i].eps;
      for (int c = 0; c < 3; c++) r[c] = source[j].x[c] - target[i].x[c], q += r[c] * r[c];
      if (q == 0) continue;
      for (int c = 0; c < 3; c++) a[c] += 2 * source[j].m * r[c] / (q * sqrt(q));
      potential -= 2 * source[j].m / sqrt(q);
    }
    memcpy(truth[i], a, sizeof a);
    truth_potential[i] = potential;
  }
}

/* Root mean square of relative errors of results in targets [n]. */
static void errors(const body *b, int n, double *error) {
  double sum[3] = {0, 0, n};
  for (int k = 0; k < n; k++) {
    const int i = (int)(b[k].id / 3);
    double miss = 0, square = 0;
    for (int c = 0; c < 3; c++) {
      miss += pow(b[k].a[c] - truth[i][c], 2);
      square += truth[i][c] * truth[i][c];
    }
    sum[0] += miss / square;
    sum[1] += pow(b[k].potential / truth_potential[i] - 1, 2);
  }
  MPI_Allreduce(MPI_IN_PLACE, sum, 3, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  for (int k = 0; k < 2; k++) error[k] = sqrt(sum[k] / sum[2]);
}

static void field_at_targets(void **state) {
  (void)state;
  static body here[N], at[T], all[N], everywhere[T];
  for (int pairs = 0; pairs < 2; pairs++) {
    espalier *e, *alone;
    double error[2];
    const espalier_options options = {.theta = pairs ? -1 : 0};
    assert_ok(espalier_create(MPI_COMM_WORLD, &options, &e));
    assert_ok(espalier_create(MPI_COMM_SELF, &options, &alone));
    const int n = deal(source, N, 0, 1, here), t = deal(target, T, 0, 0, at);
    deal(source, N, 1, 0, all), deal(target, T, 1, 0, everywhere);
    espalier_particles p = particles_of(here, n), q = particles_of(all, N);
    espalier_targets mine = targets_of(at, t), whole = targets_of(everywhere, T);
    espalier_stats stats;
    assert_ok(espalier_field(e, &p, &mine, (double(*)[3])at->a, &at->potential, &stats));
    errors(at, t, error);
    if (!(error[0] < (pairs ? 1e-12 : 3e-3) && error[1] < (pairs ? 1e-12 : 1e-3)))
      fail_msg("errors %g, %g", error[0], error[1]);
    assert_true(stats.near_pairs > 0);
    assert_ok(espalier_field(alone, &q, &whole, (double(*)[3])everywhere->a, &everywhere->potential, NULL));
    for (int k = 0; k < t && !pairs; k++) assert_memory_equal(at + k, everywhere + at[k].id / 3, sizeof *at);
    espalier_destroy(&alone);
    espalier_destroy(&e);
  }
}

/* No targets, on one rank or on all; no particles; one softening for all. */
static void few(void **state) {
  (void)state;
  static body here[N], at[T];
  espalier *e;
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  int n = deal(source, N, 0, 1, here), t = rank == size - 1 ? deal(target, T, 1, 0, at) : 0;
  espalier_particles p = particles_of(here, n), none = {.G = 1};
  espalier_targets last = targets_of(at, t);
  last.softening = NULL;
  last.id = NULL;
  assert_ok(espalier_field(e, &p, &last, t ? (double(*)[3])at->a : NULL, NULL, NULL));
  for (int i = 0; i < t; i += 3) {
    const double *a = at[i].a, *b = truth[i];
    const double miss = hypot(hypot(a[0] - b[0], a[1] - b[1]), a[2] - b[2]), all = hypot(hypot(b[0], b[1]), b[2]);
    if (!(miss < 2e-2 * all)) fail_msg("target %d: %g of %g", i, miss, all);
  }
  last.n = 0;
  assert_ok(espalier_field(e, &p, &last, NULL, NULL, NULL));
  last.n = t;
  assert_ok(espalier_field(e, &none, &last, t ? (double(*)[3])at->a : NULL, t ? &at->potential : NULL, NULL));
  for (int i = 0; i < t; i++) assert_true(at[i].a[0] == 0 && at[i].potential == 0);
  espalier_destroy(&e);
}

/* Packed arrays, the same in structs, and some of them alone. */
static void structs_and_some(void **state) {
  (void)state;
  static body here[N], some[N];
  static double x[N][3], v[N][3], m[N], a[N][3], potential[N], D[N][3], K[N][3];
  static int64_t id[N];
  espalier *e;
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  const int n = deal(source, N, 0, 1, here);
  for (int i = 0; i < n; i++) {
    memcpy(x[i], here[i].x, sizeof x[i]);
    memcpy(v[i], here[i].v, sizeof v[i]);
    m[i] = here[i].m, id[i] = here[i].id;
  }
  const espalier_particles packed = {n, id, m, (const double(*)[3])x, (const double(*)[3])v, 2, 0.05, {0}, NULL, {0}};
  espalier_particles p = particles_of(here, n);
  assert_ok(espalier_gravity(e, &packed, a, potential, NULL));
  assert_ok(espalier_gravity(e, &p, (double(*)[3])here->a, &here->potential, NULL));
  for (int i = 0; i < n; i++) {
    assert_memory_equal(here[i].a, a[i], sizeof a[i]);
    assert_memory_equal(&here[i].potential, potential + i, sizeof *potential);
  }
  deal(source, N, 0, 1, some);
  p = particles_of(some, n);
  p.active = rank == 1 ? NULL : &some->moves;
  for (int box = 0; box < 2; box++) {
    p.box[0] = p.box[1] = p.box[2] = 4 * box;
    assert_ok(espalier_gravity(e, &p, (double(*)[3])some->a, box ? NULL : &some->potential, NULL));
    for (int i = 0; i < n; i++) {
      const int wanted = rank == 1 || some[i].moves;
      if (box) {
        assert_true((some[i].a[0] != 0) == wanted);
        continue;
      }
      assert_true(some[i].potential == (wanted ? potential[i] : 0));
      for (int c = 0; c < 3; c++) assert_true(some[i].a[c] == (wanted ? a[i][c] : 0));
    }
  }
  assert_ok(espalier_predict(e, &packed, 0.01, D, K, NULL, NULL));
  p = particles_of(here, n);
  assert_ok(espalier_predict(e, &p, 0.01, (double(*)[3])here->a, (double(*)[3])here->v, NULL, NULL));
  for (int i = 0; i < n; i++) {
    assert_memory_equal(here[i].a, D[i], sizeof D[i]);
    assert_memory_equal(here[i].v, K[i], sizeof K[i]);
  }
  espalier_destroy(&e);
}

static void energies(void **state) {
  (void)state;
  static body here[N], all[N];
  espalier *e, *alone;
  espalier_sums mine, whole;
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  assert_ok(espalier_create(MPI_COMM_SELF, NULL, &alone));
  const int n = deal(source, N, 0, 1, here);
  deal(source, N, 1, 0, all);
  espalier_particles p = particles_of(here, n), q = particles_of(all, N);
  assert_ok(espalier_energy(e, &p, &mine, NULL));
  assert_ok(espalier_energy(alone, &q, &whole, NULL));
  assert_memory_equal(&mine, &whole, sizeof mine);
  double kinetic = 0, potential = 0, momentum = 0;
  for (int i = 0; i < N; i++) {
    for (int c = 0; c < 3; c++) kinetic += 0.5 * source[i].m * source[i].v[c] * source[i].v[c];
    momentum += source[i].m * source[i].v[1];
    for (int j = 0; j < i; j++) {
      double square = 0.05 * 0.05;
      for (int c = 0; c < 3; c++) square += pow(source[i].x[c] - source[j].x[c], 2);
      potential -= 2 * source[i].m * source[j].m / sqrt(square);
    }
  }
  assert_true(fabs(mine.kinetic / kinetic - 1) < 1e-13 && fabs(mine.potential / potential - 1) < 1e-5);
  assert_true(fabs(mine.momentum[1] - momentum) < 1e-10 && mine.mass == 3750);
  p.n = 0;
  assert_ok(espalier_energy(e, &p, &mine, NULL));
  assert_true(mine.mass == 0 && mine.potential == 0);
  refused(espalier_energy(e, &p, NULL, NULL), 1);
  espalier_destroy(&alone);
  espalier_destroy(&e);
}

/* One body at 1e20: the others' forces are right, two that are near to each other among them; a cluster too
 * small for such an extent is told. */
static void far_away(void **state) {
  (void)state;
  enum { SOME = 64 };
  static body all[SOME], here[SOME];
  espalier *e;
  double miss = 0, square = 0;
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  for (int i = 0; i < SOME; i++) {
    all[i] = source[i];
    for (int c = 0; c < 3; c++) all[i].x[c] = i < SOME - 1 ? (i >> 2 * c & 3) + 0.1 * source[i].x[c] : 1e20;
  }
  memcpy(all[1].x, all[0].x, sizeof all[1].x);
  all[1].x[0] += 1e-7;
  int n = deal(all, SOME, 0, 1, here);
  espalier_particles p = particles_of(here, n);
  assert_ok(espalier_force(e, &p, (double(*)[3])here->a, NULL));
  for (int k = 0; k < n; k++) {
    double a[3] = {0, 0, 0};
    if (here[k].x[0] == 1e20) continue;
    for (int j = 0; j < SOME; j++) {
      double r[3], q = 0.05 * 0.05;
      for (int c = 0; c < 3; c++) r[c] = all[j].x[c] - here[k].x[c], q += r[c] * r[c];
      for (int c = 0; c < 3; c++) a[c] += 2 * all[j].m * r[c] / (q * sqrt(q));
    }
    for (int c = 0; c < 3; c++) miss += pow(here[k].a[c] - a[c], 2), square += a[c] * a[c];
  }
  if (!(miss <= 1e-6 * square)) fail_msg("rank %d of %d: error %g", rank, size, sqrt(miss / square));
  for (int i = 0; i < SOME - 1; i++)
    for (int c = 0; c < 3; c++) all[i].x[c] = 1e-6 * source[i].x[c];
  n = deal(all, SOME, 0, 1, here);
  p = particles_of(here, n);
  refused(espalier_force(e, &p, (double(*)[3])here->a, NULL), 5);
  espalier_destroy(&e);
}

static void what_is_refused(void **state) {
  (void)state;
  static body here[N], at[T];
  espalier *e;
  assert_ok(espalier_create(MPI_COMM_WORLD, NULL, &e));
  const int n = deal(source, N, 0, 1, here), t = deal(target, T, 1, 0, at), odd = rank == size - 1;
  espalier_particles p = particles_of(here, n);
  espalier_targets to = targets_of(at, t);
  double(*const a)[3] = (double(*)[3])at->a;
  refused(espalier_field(e, &p, odd ? NULL : &to, a, NULL, NULL), 1);
  refused(espalier_field(e, &p, &to, odd ? NULL : a, NULL, NULL), 1);
  to.stride.position = odd ? 8 : sizeof(body);
  refused(espalier_field(e, &p, &to, a, NULL, NULL), 1);
  to = targets_of(at, t);
  if (odd) at[3].x[1] = NAN;
  refused(espalier_field(e, &p, &to, a, NULL, NULL), 5);
  at[3].x[1] = 0;
  if (odd) at[3].eps = -1;
  refused(espalier_field(e, &p, &to, a, NULL, NULL), 5);
  at[3].eps = 0;
  if (odd) at[3].id = INT64_MAX / 2 + 1;
  refused(espalier_field(e, &p, &to, a, NULL, NULL), 5);
  at[3].id = 9;
  for (int i = 0; i < ESPALIER_SOFTENINGS + 1; i++) at[i].eps = 0.01 * i;
  refused(espalier_field(e, &p, &to, a, NULL, NULL), 6);
  if (!strstr(espalier_error(), "16 different softenings")) fail_msg("%s", espalier_error());
  p.box[2] = 3;
  refused(espalier_field(e, &p, &to, a, NULL, NULL), 2);
  p.box[2] = 0;
  p.stride.mass = odd ? 4 : sizeof(body);
  refused(espalier_force(e, &p, a, NULL), 1);
  espalier_destroy(&e);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  make();
  by_all_pairs();
  const struct CMUnitTest tests[] = {cmocka_unit_test(field_at_targets), cmocka_unit_test(few),
                                     cmocka_unit_test(structs_and_some), cmocka_unit_test(energies),
                                     cmocka_unit_test(far_away),         cmocka_unit_test(what_is_refused)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}

/* Proves that the multipole method on a device gives the CPU's bits: forces, potentials and their gradients, and what it counts of its
 * lists, at every order, on clouds of every kind, with and without softening, at every ragged size; lists that had no room
 * at first among them. ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "cuda/kernels.h"
#include "fmm/adjoint_work.h"
#include "tests/unit/fmm_case.h"

#define MUST(call) assert_int_equal(call, ESP_OK)

enum { MOST = 5000 };
static double vector[2][MOST][3], number[2][MOST], g[MOST][3];

static void same(const char *what, const char *cloud, const esp_fmm_param *p, int n, const void *host,
                 const void *device, size_t count) {
  for (size_t k = 0; k < count; k++) {
    const int64_t a = ((const int64_t *)host)[k], b = ((const int64_t *)device)[k];
    if (a != b)
      fail_msg("%s %zu: %" PRIx64 " on the host, %" PRIx64 " on the device (%s, n %d, order %d, eps %g)", what, k, a, b,
               cloud, n, p->order, p->softening);
  }
}

static void same_counts(const esp_fmm_cost *a, const esp_fmm_cost *b) {
  assert_int_equal(a->nodes, b->nodes);
  assert_int_equal(a->tests, b->tests);
  assert_int_equal(a->expansions, b->expansions);
  assert_int_equal(a->cell_pairs, b->cell_pairs);
  assert_int_equal(a->near_pairs, b->near_pairs);
  assert_int_equal(a->exact, b->exact);
}

/* Both rows; gradients or forces; both results, or the vector alone. */
static esp_fmm_cost compare(const char *name, const fmm_cloud *c, const esp_fmm_param *p, int adjoint, int both) {
  const esp_fmm_bodies bodies = {c->n, (const double(*)[3])c->x, c->m, c->id, NULL};
  const esp_fmm_kernels *const row[2] = {esp_fmm_widest(), &esp_fmm_cuda32};
  const size_t n = (size_t)c->n;
  esp_fmm_cost cost[2];
  for (int k = 0; k < 2; k++) {
    double *const one = both ? number[k] : NULL;
    const esp_fmm_result result = {vector[k], one, NULL, NULL, cost + k};
    const esp_fmm_gradient to = {vector[k], one, NULL, cost + k};
    memset(vector[k], 0, sizeof vector[k]);
    memset(number[k], 0, sizeof number[k]);
    MUST(adjoint ? esp_fmm_adjoint_with(row[k], esp_comm_self(), p, &bodies, (const double(*)[3])g, &to)
                 : esp_fmm_force_with(row[k], esp_comm_self(), p, &bodies, &result));
  }
  same(adjoint ? "dL/dy" : "acceleration", name, p, c->n, vector[0], vector[1], 3 * n);
  same(adjoint ? "dL/dm" : "potential", name, p, c->n, number[0], number[1], n);
  if (n) same_counts(cost, cost + 1);
  return cost[0];
}

static const double tolerance[6] = {0, 0, 3e-2, 5.5e-3, 5e-4, 5e-5};

/* Returns cells met, on bodies and expanded. */
static int64_t cloud(fmm_kind kind, int n, int order, double eps, int adjoint, int both) {
  fmm_cloud c;
  const esp_fmm_param p = {order, tolerance[order], eps};
  MUST(fmm_cloud_make(kind, n, 0, &c));
  const esp_fmm_cost cost = compare(fmm_name[kind], &c, &p, adjoint, both);
  fmm_cloud_free(&c);
  return n ? cost.cell_pairs + cost.expansions : 0;
}

static void sizes(int adjoint) {
  static const int size[] = {0, 1, 7, 16, 17, 31, 32, 33, 65, 1000};
  int64_t cells = 0;
  for (int order = ESP_FMM_ORDER_MIN; order <= ESP_FMM_ORDER_MAX; order++)
    for (size_t k = 0; k < sizeof size / sizeof *size; k++)
      cells += cloud(k % 2 ? FMM_PLUMMER : FMM_CLUMPS, size[k], order, (order + (int)k) % 2 ? 0.01 : 0, adjoint,
                     (int)k % 3 > 0);
  assert_true(cells > 10000);
}

static void kinds(int adjoint) {
  for (int kind = 0; kind < FMM_CLOUDS; kind++)
    for (int soft = 0; soft < 2; soft++)
      cloud((fmm_kind)kind, 400, 2 + (kind + soft) % 4, soft ? (kind % 2 ? 0.02 : 3) : 0, adjoint, 1);
}

/* Over a chunk of near bodies, of cells, of a level's receivers; a queue that grows. */
static void large(int adjoint) {
  fmm_cloud c;
  assert_true(cloud(FMM_PLUMMER, MOST, 4, 0.01, adjoint, 1) > 100000);
  cloud(FMM_CLUMPS, MOST, 5, 0, adjoint, 0);
  MUST(fmm_cloud_make(FMM_BALL, 4000, 0, &c));
  compare("all near", &c, &(esp_fmm_param){4, 1e-12, 0.01}, adjoint, 1);
  fmm_cloud_free(&c);
}

/* Pairs far closer than their receiver is large, a tight clump, all at one place. */
static void awkward(int adjoint) {
  fmm_cloud c;
  MUST(fmm_cloud_make(FMM_BALL, 600, 0, &c));
  for (int i = 1; i < 100; i += 2)
    for (int a = 0; a < 3; a++) c.x[i][a] = c.x[i - 1][a] + (a ? 0 : 1e-9);
  for (int order = 2; order <= 5; order++)
    for (int power = 9; power <= 320; power += 311) {
      const esp_fmm_param p = {order, tolerance[order], pow(10, -power)};
      assert_true(compare("binaries", &c, &p, adjoint, 1).exact > 0);
    }
  for (int i = 0; i < 300; i++)
    for (int a = 0; a < 3; a++) c.x[i][a] *= 0x1p-72;
  compare("a tight clump", &c, &(esp_fmm_param){4, tolerance[4], 0}, adjoint, 1);
  for (int i = 0; i < c.n; i++)
    for (int a = 0; a < 3; a++) c.x[i][a] = 0.1;
  for (int soft = 0; soft < 2; soft++)
    compare("one place", &c, &(esp_fmm_param){4, tolerance[4], 0.25 * soft}, adjoint, 1);
  fmm_cloud_free(&c);
}

static void forces(void **state) {
  (void)state;
  sizes(0);
}
static void forces_of_kinds(void **state) {
  (void)state;
  kinds(0);
}
static void forces_of_many(void **state) {
  (void)state;
  large(0);
}
static void forces_where_they_are_awkward(void **state) {
  (void)state;
  awkward(0);
}
static void gradients(void **state) {
  (void)state;
  sizes(1);
}
static void gradients_of_kinds(void **state) {
  (void)state;
  kinds(1);
}
static void gradients_of_many(void **state) {
  (void)state;
  large(1);
}
static void gradients_where_they_are_awkward(void **state) {
  (void)state;
  awkward(1);
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  for (int i = 0; i < MOST; i++)                /* one in seven far larger, one in eleven nothing */
    for (int a = 0; a < 3; a++) g[i][a] = (2 * fmm_uniform(i, 20 + (uint32_t)a) - 1) * (i % 7 ? 1 : 1e3) * (i % 11 > 0);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forces),
      cmocka_unit_test(forces_of_kinds),
      cmocka_unit_test(forces_of_many),
      cmocka_unit_test(forces_where_they_are_awkward),
      cmocka_unit_test(gradients),
      cmocka_unit_test(gradients_of_kinds),
      cmocka_unit_test(gradients_of_many),
      cmocka_unit_test(gradients_where_they_are_awkward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

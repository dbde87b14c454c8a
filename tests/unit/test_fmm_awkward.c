/* Proves that what is awkward for a tree is not so for the multipole method: a tight binary in a cluster over many steps, light
 * bodies among heavy ones, each held against all pairs. By hand:
 *
 *   test_fmm_awkward [steps]        400; 10000 take some minutes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fmm/specification.h"
#include "unit/fmm_case.h"
#include "unit/fmm_lists.h"

enum { CLUSTER = 1000, EVERY = 40 };
static int steps = 400;
static const double softening = 1e-4, apart = 2e-3;

/* A Plummer sphere about in balance; the first two are a binary on a circle about its middle. */
static void binary(fmm_cloud *c, double (*v)[3]) {
  MUST(fmm_cloud_make(FMM_PLUMMER, CLUSTER, 0, c));
  for (int i = 0; i < CLUSTER; i++) fmm_on_sphere(1000 + i, 0.5, v[i]);
  const double heavy = c->m[0] = c->m[1] = 0.05;
  for (int k = 0; k < 2; k++) {
    const double side = k ? -0.5 : 0.5;
    for (int a = 0; a < 3; a++) c->x[k][a] = 0.1 + (a == 0 ? side * apart : 0);
    v[k][0] = v[k][2] = 0;
    v[k][1] = side * sqrt(2 * heavy * apart * apart / pow(apart * apart + softening * softening, 1.5));
  }
}

typedef int (*force_of)(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_result *result);
static int64_t far; /* (receiver, cell) of all steps */
static int by_tree(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_result *result) {
  esp_fmm_cost cost;
  esp_fmm_result counted = *result;
  counted.cost = &cost;
  ESP_CALL(esp_fmm_force(esp_comm_self(), param, bodies, &counted));
  far += cost.cell_pairs + cost.expansions;
  return ESP_OK;
}

static double energy(const esp_fmm_param *param, const esp_fmm_bodies *b, const double (*v)[3]) {
  double potential[CLUSTER], sum = 0;
  MUST(esp_fmm_all_pairs(param, b, &(esp_fmm_result){.potential = potential}));
  for (int i = 0; i < b->n; i++)
    sum += 0.5 * b->mass[i] * (potential[i] + v[i][0] * v[i][0] + v[i][1] * v[i][1] + v[i][2] * v[i][2]);
  return sum;
}

/* The largest change of the energy on the way, over the energy: kick, drift, kick, 50 steps a turn of the binary. */
static double drift_of(force_of force, const esp_fmm_param *param) {
  fmm_cloud c;
  static double v[CLUSTER][3], a[CLUSTER][3];
  double most = 0;
  binary(&c, v);
  const esp_fmm_bodies b = {c.n, (const double(*)[3])c.x, c.m, c.id, NULL};
  const double step = 2 * 3.141592653589793 * apart / (2 * fabs(v[0][1])) / 50;
  const double start = energy(param, &b, (const double(*)[3])v);
  MUST(force(param, &b, &(esp_fmm_result){.acceleration = a}));
  for (int s = 1; s <= steps; s++) {
    for (int i = 0; i < c.n; i++)
      for (int k = 0; k < 3; k++) {
        v[i][k] += 0.5 * step * a[i][k];
        c.x[i][k] += step * v[i][k];
      }
    MUST(force(param, &b, &(esp_fmm_result){.acceleration = a}));
    for (int i = 0; i < c.n; i++)
      for (int k = 0; k < 3; k++) v[i][k] += 0.5 * step * a[i][k];
    if (s % EVERY == 0) most = fmax(most, fabs(energy(param, &b, (const double(*)[3])v) / start - 1));
  }
  fmm_cloud_free(&c);
  return most;
}

static void a_binary_keeps_its_energy(void **state) {
  (void)state;
  const esp_fmm_param param[2] = {{3, 5.5e-3, softening}, {4, 5e-4, softening}};
  const double all = drift_of(esp_fmm_all_pairs, param);
  for (int k = 0; k < 2; k++) {
    far = 0;
    const double tree = drift_of(by_tree, param + k);
    print_message("order %d: energy %.4e, all pairs %.4e; %.0f cells a step\n", param[k].order, tree, all,
                  (double)far / steps);
    assert_true(far > 10 * (int64_t)steps); /* it is not all pairs */
    assert_true(tree <= 1.2 * all);
    if (steps <= 400)
      assert_true(fabs(tree / all - 1) < 3e-3); /* a tenth of the cells' force more changes it by three times that */
  }
}

static void light_ones_feel_heavy_ones(void **state) {
  (void)state;
  enum { N = 4000 };
  for (int order = 3; order <= 5; order++) {
    const double aim = order == 3 ? 1e-2 : order == 4 ? 1e-3 : 2e-4;
    const esp_fmm_param param = {order, order == 3 ? 5.5e-3 : order == 4 ? 5e-4 : 1e-4, 0.01};
    static double a[N][3], truth[N][3];
    fmm_cloud c;
    int light = 0;
    MUST(fmm_cloud_make(FMM_UNEQUAL, N, 0, &c));
    const esp_fmm_bodies b = {c.n, (const double(*)[3])c.x, c.m, c.id, NULL};
    MUST(esp_fmm_force(esp_comm_self(), &param, &b, &(esp_fmm_result){.acceleration = a}));
    MUST(esp_fmm_all_pairs(&param, &b, &(esp_fmm_result){.acceleration = truth}));
    for (int i = 0; i < N; i++) {
      if (c.m[i] > pow(1e9, 0.5) / N) continue;
      memmove(a[light], a[i], sizeof *a);
      memmove(truth[light++], truth[i], sizeof *truth);
    }
    const fmm_errors e = fmm_compare(light, (const double(*)[3])a, (const double(*)[3])truth);
    print_message("order %d: of %d light ones rms %.2e p50 %.2e p99 %.2e max %.2e\n", order, light, e.rms, e.p50, e.p99,
                  e.max);
    assert_true(light > N / 3 && e.rms <= aim);
    fmm_cloud_free(&c);
  }
}

int main(int count, char **word) {
  if (count > 1) steps = atoi(word[1]);
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_binary_keeps_its_energy),
                                     cmocka_unit_test(light_ones_feel_heavy_ones)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

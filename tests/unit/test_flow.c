/* The published cases on one rank: the steady flow stays, with the error and the order that its mesh allows; what should be
 * conserved is, over a mountain and in a jet that breaks; moisture stays between its bounds. Bars: measured figures with a
 * margin of a fifth.
 * ctest: LABELS slow */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tasks/weather/start.h"
#include "tree/domain.h"

typedef struct {
  double norm[3];
  esp_flow_budget before, after;
  double rest[2]; /* of which energy nothing is available, before and after */
  double low_q, high_q, theta_off;
} outcome;

static void look(const esp_flow *flow, outcome *out) {
  out->low_q = INFINITY, out->high_q = -INFINITY, out->theta_off = 0;
  for (int c = 0; c < flow->mesh->n_own; c++) {
    const double *y = flow->cell[c], q = y[ESP_FLOW_Q] / y[ESP_FLOW_H_];
    out->low_q = fmin(out->low_q, q), out->high_q = fmax(out->high_q, q);
    out->theta_off = fmax(out->theta_off, fabs(y[ESP_FLOW_S] / y[ESP_FLOW_H_] / 300 - 1));
  }
}

static outcome run(const char *name, int level, int sweeps, double dt, double days) {
  const esp_backend self = {.comm = esp_comm_self(), .build = esp_domain_build_self};
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300};
  const esp_start *start = esp_starts;
  const int64_t steps = (int64_t)(days * 86400 / dt + 0.5);
  esp_mesh mesh;
  esp_flow flow;
  outcome out;
  double limit;
  while (strcmp(start->name, name)) start++;
  assert_int_equal(esp_mesh_create(&self, level, sweeps, &mesh), ESP_OK);
  assert_int_equal(esp_flow_create(&mesh, &param, &flow), ESP_OK);
  assert_int_equal(esp_start_fill(start, &flow), ESP_OK);
  assert_int_equal(esp_flow_limit(&flow, &limit), ESP_OK);
  assert_true(limit > dt && limit < 3 * dt);
  double *truth = malloc(sizeof *truth * (size_t)mesh.n_own);
  for (int c = 0; c < mesh.n_own; c++) truth[c] = flow.cell[c][ESP_FLOW_H_];
  assert_int_equal(esp_flow_budget_take(&flow, &out.before), ESP_OK);
  assert_int_equal(esp_start_rest(&flow, &out.rest[0]), ESP_OK);
  for (int64_t s = 0; s < steps; s++) assert_int_equal(esp_flow_step(&flow, dt, NULL, NULL), ESP_OK);
  assert_int_equal(esp_flow_budget_take(&flow, &out.after), ESP_OK);
  assert_int_equal(esp_start_rest(&flow, &out.rest[1]), ESP_OK);
  assert_int_equal(esp_start_norms(&flow, truth, out.norm), ESP_OK);
  look(&flow, &out);
  free(truth);
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return out;
}

static double change(double before, double after) {
  return fabs(after / before - 1);
}

static double available(const outcome *out) {
  return change(out->before.energy - out->rest[0], out->after.energy - out->rest[1]);
}

static void steady(void **state) {
  (void)state;
  const outcome coarse = run("williamson2", 3, 50, 1800, 5), fine = run("williamson2", 4, 100, 900, 5);
  print_message("steady flow, 642 and 2562 cells: l2 %.3e %.3e, linf %.3e\n", coarse.norm[1], fine.norm[1],
                fine.norm[2]);
  assert_true(fine.norm[1] < 4.0e-4 && fine.norm[2] < 1.2e-3);
  assert_true(log2(coarse.norm[1] / fine.norm[1]) > 1.7);
}

static void mountain(void **state) {
  (void)state;
  const outcome out = run("williamson5", 4, 100, 900, 15);
  print_message("over a mountain, day 15: mass %.1e, energy %.2e, available %.2e, enstrophy %.2e\n",
                change(out.before.mass, out.after.mass), change(out.before.energy, out.after.energy), available(&out),
                change(out.before.enstrophy, out.after.enstrophy));
  assert_true(change(out.before.mass, out.after.mass) < 1e-12);
  assert_true(change(out.before.energy, out.after.energy) < 1e-6);
  assert_true(available(&out) < 1.5e-4);
  assert_true(change(out.before.enstrophy, out.after.enstrophy) < 5e-4);
  assert_true(out.norm[1] > 1e-3); /* something happened */
  assert_true((out.before.energy - out.rest[0]) / out.before.energy < 0.05);
}

static void wave(void **state) {
  (void)state;
  const outcome out = run("williamson6", 3, 50, 1200, 5);
  print_message("wave, day 5: mass %.1e, energy %.2e, available %.2e, enstrophy %.2e\n",
                change(out.before.mass, out.after.mass), change(out.before.energy, out.after.energy), available(&out),
                change(out.before.enstrophy, out.after.enstrophy));
  assert_true(change(out.before.mass, out.after.mass) < 1e-12);
  assert_true(change(out.before.energy, out.after.energy) < 3e-6);
  assert_true(available(&out) < 8e-5);
  assert_true(change(out.before.enstrophy, out.after.enstrophy) < 5e-3);
  assert_true(out.norm[1] > 1e-3);
}

static void jet(void **state) {
  (void)state;
  const outcome out = run("galewsky", 4, 100, 900, 10);
  print_message("jet, day 10: mass %.1e, water %.1e, theta %.1e, energy %.2e, q %.1e .. %.8f\n",
                change(out.before.mass, out.after.mass), change(out.before.water, out.after.water), out.theta_off,
                change(out.before.energy, out.after.energy), out.low_q, out.high_q);
  assert_true(change(out.before.mass, out.after.mass) < 1e-12);
  assert_true(change(out.before.water, out.after.water) < 1e-12);
  assert_true(out.theta_off < 1e-11);
  assert_true(change(out.before.energy, out.after.energy) < 1e-6);
  assert_true(out.low_q >= 0 && out.high_q <= 0.01 * (1 + 1e-9));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(steady), cmocka_unit_test(mountain), cmocka_unit_test(wave),
                                     cmocka_unit_test(jet)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

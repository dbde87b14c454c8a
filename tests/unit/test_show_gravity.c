/* Proves that gravity's methods are what their names say, its figures those of their definitions, and a roll-out's step,
 * half step and error consistent with each other. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/exact_sum.h"
#include "base/rng.h"
#include "net/integrator.h"
#include "tasks/gravity/cloud.h"
#include "tasks/gravity/nbody_step.h"
#include "tasks/gravity/show.h"

#define OK(expr)                                                          \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

enum { MOST = 60 };
static const esp_layout layout = {esp_cloud_columns, esp_cloud_numbers, ""};

/* Bodies in units of length 2 and time 3, ready for the network. */
static esp_set make(int n) {
  esp_set set = {.layout = &layout, .n = n, .n_home = n, .width = {1, 3, 3, 3, 3}};
  OK(esp_set_create(&set));
  for (int i = 0; i < n; i++) {
    set.id[i] = 3 * i;
    set.value[ESP_CLOUD_M][i] = n ? 1.0 / n : 0;
    for (int k = ESP_CLOUD_X; k <= ESP_CLOUD_K; k++)
      for (int a = 0; a < 3; a++)
        set.value[k][3 * i + a] = esp_rng_normal(4, (uint64_t)i, ESP_RNG_TEST, (uint32_t)(3 * k + a));
  }
  set.about[ESP_CLOUD_DIM].whole = 3;
  set.about[ESP_CLOUD_G].real = 1;
  set.about[ESP_CLOUD_EPS].real = 0.3;
  set.about[ESP_CLOUD_UNIT_D].real = 2;
  set.about[ESP_CLOUD_UNIT_T].real = 3;
  OK(esp_cloud_ready(NULL, &set));
  return set;
}

static void predict(const char *name, const esp_integrator_param *network, int neighbours, const esp_set *set,
                    double *y, esp_cost *cost) {
  const esp_gravity_show_param param = {.neighbours = neighbours};
  const esp_model model = {.param = (void *)network};
  const esp_backend backend = esp_backend_self();
  const esp_method *m = esp_gravity_methods;
  int use = 1;
  while (m->name && strcmp(m->name, name)) m++;
  assert_non_null(m->name);
  *cost = (esp_cost){0};
  OK(m->predict(&param, NULL, &model, &backend, set, y, cost, &use));
  assert_true(use);
}

static double distance(int count, const double *a, const double *b) {
  double most = 0;
  for (int k = 0; k < count; k++) most = fmax(most, fabs(a[k] - b[k]));
  return most;
}

/* The direct force, kick-drift-kick: what the tree without cells gives. */
static void kick_drift_kick(const esp_set *set, int steps, double *y) {
  const esp_backend backend = esp_backend_self();
  double x[MOST][3], v[MOST][3], a[MOST][3];
  esp_cloud c;
  esp_cloud_view(set, &c);
  const esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &c);
  for (int i = 0; i < c.n_home; i++) memcpy(x[i], c.x[i], sizeof x[i]), memcpy(v[i], c.v[i], sizeof v[i]);
  OK(esp_nbody_kdk(&force, steps, 1.0 / steps, c.n_home, c.m, c.id, x, v, a, 0));
  for (int i = 0; i < c.n_home; i++)
    for (int k = 0; k < 3; k++) {
      y[6 * i + k] = x[i][k] - (c.x[i][k] + c.v[i][k]);
      y[6 * i + 3 + k] = v[i][k] - c.v[i][k];
    }
}

static void methods_are_what_they_say(void **state) {
  (void)state;
  const esp_integrator_param network = {
      .layers = 3, .order = 4, .domain = {.leaf = 4, .block = 8}}; /* theta 0: all pairs */
  double zero[6 * MOST], kick[6 * MOST], direct[6 * MOST], near[6 * MOST], tree[6 * MOST];
  esp_cost cost;
  for (int n = 0; n <= MOST; n = n < 2 ? n + 1 : n * 4 < MOST ? n * 4 : n == MOST ? MOST + 1 : MOST) {
    esp_set set = make(n);
    predict("ballistic", &network, 5, &set, zero, &cost);
    for (int k = 0; k < 6 * n; k++) assert_true(zero[k] == 0);
    predict("0.5 a T^2", &network, 5, &set, kick, &cost);
    assert_int_equal(cost.near_pairs, n * (n - 1));
    for (int k = 0; k < n; k++) assert_true(kick[6 * k] == 0.5 * kick[6 * k + 3]);
    predict("direct leapfrog", &network, 5, &set, direct, &cost);
    assert_int_equal(cost.near_pairs, 3 * n * (n - 1));
    predict("leapfrog with nearest neighbours", &network, MOST, &set, near, &cost); /* all are near */
    assert_int_equal(cost.near_pairs, n ? 3 * n * (n - 1) : 0);
    assert_true(distance(6 * n, near, direct) < 1e-12);
    predict("leapfrog with nearest neighbours", &network, 1, &set, near, &cost);
    assert_int_equal(cost.near_pairs, n > 1 ? 3 * n : 0);
    predict("leapfrog with the same tree", &network, 5, &set, tree, &cost);
    kick_drift_kick(&set, 3, near);
    assert_true(distance(6 * n, tree, near) < 1e-12);
    esp_set_free(&set);
  }
}

static void figures(void **state) {
  (void)state;
  const esp_backend backend = esp_backend_self();
  const esp_showing *showing = &esp_gravity_showing;
  double y[6 * MOST], value[4];
  esp_tally tally;
  esp_set set = make(MOST);
  OK(esp_tally_create(showing->figure, &tally));
  assert_int_equal(tally.figures, 4);
  for (int i = 0; i < MOST; i++)
    for (int a = 0; a < 3; a++) {
      y[6 * i + a] = 0.9 * set.value[ESP_CLOUD_D][3 * i + a];
      y[6 * i + 3 + a] = 0;
    }
  for (int times = 0; times < 2; times++) OK(showing->judge(NULL, &backend, &set, y, NAN, &tally));
  OK(esp_tally_value(backend.comm, &tally, showing->figure, value));
  assert_true(fabs(value[0] - 0.1) < 1e-14 && value[1] == 1 && value[2] > 0 && value[3] == 0);
  esp_tally_free(&tally);
  esp_set_free(&set);
}

/* Two half steps without forces are one step; the state after it is no error against itself. */
static void rolling(void **state) {
  (void)state;
  const esp_rolling *rolling = &esp_gravity_rolling;
  const double none[6 * MOST] = {0};
  double x[3 * MOST], v[3 * MOST], *frame[ESP_COLUMNS] = {0};
  const esp_figure figure[] = {{.name = "mean square"}, {0}};
  esp_tally tally;
  esp_set whole = make(MOST), halves = make(MOST);
  double before, after, error;
  OK(esp_tally_create(figure, &tally));
  OK(rolling->invariant(&whole, &before));
  OK(rolling->halve(&halves));
  OK(rolling->invariant(&halves, &after));
  assert_true(fabs(16 * after / before - 1) < 1e-12); /* energies scale with the fourth power of the horizon */
  OK(rolling->advance(&whole, none));
  for (int k = 0; k < 2; k++) OK(rolling->advance(&halves, none));
  assert_true(distance(3 * MOST, whole.value[ESP_CLOUD_X], halves.value[ESP_CLOUD_X]) < 1e-14);
  for (int k = 0; k < 3 * MOST; k++) {
    x[k] = 2 * whole.value[ESP_CLOUD_X][k];
    v[k] = 2 * whole.value[ESP_CLOUD_V][k] / 3;
  }
  frame[ESP_CLOUD_X] = x, frame[ESP_CLOUD_V] = v;
  OK(rolling->error(&whole, frame, 0, &tally));
  OK(rolling->error(&halves, frame, 0, &tally)); /* in the same units */
  OK(esp_tally_value(esp_comm_self(), &tally, figure, &error));
  assert_true(error < 1e-24);
  x[0] += 2;
  OK(rolling->error(&whole, frame, 0, &tally));
  OK(esp_tally_value(esp_comm_self(), &tally, figure, &error));
  assert_true(fabs(18 * MOST * error - 4) < 1e-12);
  esp_tally_free(&tally);
  esp_set_free(&whole);
  esp_set_free(&halves);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(methods_are_what_they_say), cmocka_unit_test(figures),
                                     cmocka_unit_test(rolling)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that a small training reaches the rows of the gravity gates: NRMSE of the displacement over one horizon, at all
 * pairs and with the tree, beside the baselines that say how hard the task is. Two trainings are shared by the rows.
 *
 * One fixed draw of test clouds, whose clouds of 1024 are cooler (mean virial ratio 0.61) than U(0.4, 1) is on average: it
 * detects a defect, it does not show the mean over draws. docs/figures/gravity.md does.
 * ctest: LABELS slow */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tasks/gravity/metrics.h"
#include "tasks/gravity/nbody_neighbours.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"
#include "tasks/gravity/show.h"
#include "train_views.h"

typedef double vec3[3];

enum { SIZES = 3, MOST = 8, TRAIN_SMALL = 28, TRAIN_LARGE = 4, TRUTH_STEPS = 48 };
static const int size_n[SIZES] = {256, 1024, 4096}, size_clouds[SIZES] = {8, 8, 2};

/* ---- data and trainings, made once ---- */

typedef struct {
  esp_backend backend;
  esp_cloud test[SIZES][MOST], train[TRAIN_SMALL + TRAIN_LARGE];
  esp_model four, six; /* trained */
} shelf;

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

/* Even clouds are balls, odd ones Plummer spheres. */
static esp_cloud make_cloud(int n, uint64_t seed, int c) {
  esp_backend backend = esp_backend_self();
  esp_cloud cloud;
  esp_start_info info;
  backend.device = &esp_device_cpu64;
  esp_start_param p = {.kind = c % 2 ? ESP_START_PLUMMER : ESP_START_BALL,
                       .n = n,
                       .seed = seed + (uint64_t)c,
                       .eps_over_d = 0.5,
                       .direct_limit = ESP_START_DIRECT_LIMIT};
  assert_ok(esp_nbody_start(&backend, &p, &cloud, &info));
  esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &cloud);
  assert_ok(esp_nbody_truth(&force, TRUTH_STEPS, &cloud, 0, NULL));
  assert_ok(esp_cloud_to_model(&cloud));
  return cloud;
}

static esp_model make_model(int layers) {
  esp_integrator_param p = {.layers = layers, .order = 4};
  p.domain = (esp_domain_param){.leaf = 8, .block = 128, .dim = 3};
  esp_model model;
  assert_ok(integrator_model(&p, &model));
  return model;
}

static esp_model train(shelf *s, int layers, int clouds, int steps) {
  esp_model model = make_model(layers);
  esp_train_param p = {.steps = steps, .batch = 4, .rate = 0.01, .warmup = 20, .beta2 = 0.999, .clip = 0.3, .seed = 3};
  assert_ok(train_integrator(&model, clouds, s->train, 0.5, &p));
  return model;
}

static int setup(void **state) {
  shelf *s = calloc(1, sizeof *s);
  s->backend = esp_backend_self();
  for (int z = 0; z < SIZES; z++) {
    for (int c = 0; c < size_clouds[z]; c++) s->test[z][c] = make_cloud(size_n[z], 900000 + 100 * (uint64_t)z, c);
  }
  for (int c = 0; c < TRAIN_SMALL; c++) s->train[c] = make_cloud(128, 1000, c);
  for (int c = 0; c < TRAIN_LARGE; c++) s->train[TRAIN_SMALL + c] = make_cloud(1024, 5000, c);
  s->four = train(s, 4, TRAIN_SMALL, 150);
  s->six = train(s, 6, TRAIN_SMALL + TRAIN_LARGE, 150);
  *state = s;
  return 0;
}

static int teardown(void **state) {
  shelf *s = *state;
  for (int z = 0; z < SIZES; z++) {
    for (int c = 0; c < size_clouds[z]; c++) esp_cloud_free(&s->test[z][c]);
  }
  for (int c = 0; c < TRAIN_SMALL + TRAIN_LARGE; c++) esp_cloud_free(&s->train[c]);
  esp_model_free(&s->four);
  esp_model_free(&s->six);
  free(s);
  return 0;
}

/* ---- figures ---- */

/* NRMSE of D over the test clouds of one size. block: the tree's, with theta. */
static double figure(const shelf *s, const esp_model *model, int z, double theta, int block) {
  esp_integrator_param param = *(const esp_integrator_param *)model->param;
  esp_model view = *model;
  esp_tally errors;
  double value[4];
  param.domain.lists.theta = theta;
  param.domain.block = block;
  view.param = &param;
  assert_ok(esp_tally_create(esp_gravity_showing.figure, &errors));
  for (int c = 0; c < size_clouds[z]; c++) {
    const esp_cloud *cloud = &s->test[z][c];
    vec3 *D = calloc((size_t)cloud->n, sizeof *D), *K = calloc((size_t)cloud->n, sizeof *K);
    double momentum;
    assert_ok(predict_cloud(&view, &s->backend, cloud, D, K, NULL));
    assert_ok(esp_errors_add(cloud, (const vec3 *)D, (const vec3 *)K, &errors));
    assert_ok(esp_momentum_error(esp_comm_self(), cloud, (const vec3 *)K, &momentum));
    assert_true(momentum <= 1e-6);
    free(D);
    free(K);
  }
  assert_ok(esp_tally_value(esp_comm_self(), &errors, esp_gravity_showing.figure, value));
  esp_tally_free(&errors);
  return value[0];
}

static void gate(const char *what, double value, double low, double high) {
  if (!(value >= low && value <= high)) fail_msg("%s: %.5f is not in [%g, %g]", what, value, low, high);
}

/* a T^2 / 2 from the start accelerations of all bodies, or of the 32 nearest alone. */
static double one_kick(const shelf *s, int z, int nearest) {
  esp_tally errors;
  double value[4];
  assert_ok(esp_tally_create(esp_gravity_showing.figure, &errors));
  for (int c = 0; c < size_clouds[z]; c++) {
    const esp_cloud *cloud = &s->test[z][c];
    int n = cloud->n_home;
    vec3 *a = calloc((size_t)n, sizeof *a), *D = calloc((size_t)n, sizeof *D);
    assert_ok(esp_nbody_nearest(n, (const vec3 *)cloud->x, cloud->m, nearest, cloud->eps, NULL, a));
    for (int i = 0; i < n; i++) {
      for (int k = 0; k < 3; k++) D[i][k] = 0.5 * a[i][k];
    }
    assert_ok(esp_errors_add(cloud, (const vec3 *)D, (const vec3 *)a, &errors));
    free(a);
    free(D);
  }
  assert_ok(esp_tally_value(esp_comm_self(), &errors, esp_gravity_showing.figure, value));
  esp_tally_free(&errors);
  return value[0];
}

/* ---- rows ---- */

static void the_task_is_as_hard_as_stated(void **state) {
  const shelf *s = *state;
  gate("a T^2/2, N 256", one_kick(s, 0, 256), 0.28, 0.34);
  gate("32 nearest, N 1024", one_kick(s, 1, 32), 0.25, 2);
  esp_model untrained = make_model(4);
  gate("leapfrog of 4, N 256", figure(s, &untrained, 0, 0, 128), 0.012, 0.018);
  esp_model_free(&untrained);
}

static void four_layers(void **state) {
  const shelf *s = *state;
  gate("L 4, all pairs, N 256", figure(s, &s->four, 0, 0, 128), 0, 0.012);
  gate("L 4, all pairs, N 1024", figure(s, &s->four, 1, 0, 128), 0, 0.008);
  gate("L 4, tree, N 1024", figure(s, &s->four, 1, 0.7, 8), 0, 0.008);
  gate("L 4, tree, N 4096", figure(s, &s->four, 2, 0.7, 8), 0, 0.015);
}

static void six_layers(void **state) {
  const shelf *s = *state;
  gate("L 6, all pairs, N 256", figure(s, &s->six, 0, 0, 128), 0, 0.004);
  gate("L 6, all pairs, N 1024", figure(s, &s->six, 1, 0, 128), 0, 0.003);
  gate("L 6, tree, N 1024", figure(s, &s->six, 1, 0.7, 8), 0, 0.005);
  gate("L 6, tree, N 4096", figure(s, &s->six, 2, 0.7, 8), 0, 0.008);
}

/* Opening angle 0 in float32 is all pairs, whatever the leaves. */
static void no_angle_is_all_pairs(void **state) {
  const shelf *s = *state;
  const esp_cloud *cloud = &s->test[0][1];
  vec3 D[2][256], K[2][256];
  for (int i = 0; i < 2; i++) {
    esp_integrator_param param = *(const esp_integrator_param *)s->four.param;
    esp_model view = s->four;
    param.domain.leaf = i ? 256 : 5;
    param.domain.block = i ? 256 : 11;
    view.param = &param;
    assert_ok(predict_cloud(&view, &s->backend, cloud, D[i], K[i], NULL));
  }
  double error = 0, size = 0;
  for (int i = 0; i < 256; i++) {
    for (int k = 0; k < 3; k++) error += pow(D[0][i][k] - D[1][i][k], 2), size += pow(D[1][i][k], 2);
  }
  gate("theta 0 against all pairs", sqrt(error / size), 0, 1e-5);
}

/* A leapfrog of 4 applied to half steps, over 10 horizons, N 256. */
static void energy_stays(void **state) {
  const shelf *s = *state;
  double drift = 0;
  esp_model model = make_model(4);
  for (int c = 0; c < size_clouds[0]; c++) {
    const esp_cloud *from = &s->test[0][c];
    esp_cloud cloud;
    vec3 D[256], K[256];
    assert_ok(esp_cloud_create(256, 256, 0, &cloud));
    cloud.model = 1, cloud.dim = 3, cloud.G = 1, cloud.eps = from->eps, cloud.d = from->d, cloud.T = from->T;
    memcpy(cloud.id, from->id, sizeof(int64_t) * 256);
    memcpy(cloud.m, from->m, sizeof(double) * 256);
    memcpy(cloud.x, from->x, sizeof(vec3) * 256);
    memcpy(cloud.v, from->v, sizeof(vec3) * 256);
    assert_ok(esp_cloud_horizon(&cloud, 0.5));
    double start = esp_energy_total(&cloud);
    for (int t = 0; t < 20; t++) {
      assert_ok(predict_cloud(&model, &s->backend, &cloud, D, K, NULL));
      assert_ok(esp_cloud_advance(&cloud, (const vec3 *)D, (const vec3 *)K));
    }
    drift += fabs(esp_energy_total(&cloud) / start - 1) / size_clouds[0];
    esp_cloud_free(&cloud);
  }
  gate("energy drift over 10 T", drift, 1e-5, 0.006);
  esp_model_free(&model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_task_is_as_hard_as_stated), cmocka_unit_test(four_layers),
                                     cmocka_unit_test(six_layers), cmocka_unit_test(no_angle_is_all_pairs),
                                     cmocka_unit_test(energy_stays)};
  return cmocka_run_group_tests(tests, setup, teardown);
}

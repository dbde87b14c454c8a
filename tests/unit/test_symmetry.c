/* Proves that a prediction turns, mirrors and moves with its cloud: to rounding with all pairs, and with multipoles, whose
 * tree's cuts follow the axes, within twice their own error. For each kind of message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "train_case.h"

typedef double vec3[3];

enum { N = 200 };

/* A network some way from its start. */
static esp_model some_model(int message, double theta) {
  esp_integrator_param p = {.layers = 4, .order = 2, .tolerance = 0.3, .message = message, .hidden = 6, .seed = 9};
  p.domain = (esp_domain_param){.leaf = 8, .block = 16, .dim = 3};
  p.domain.lists.theta = theta;
  esp_model model;
  assert_int_equal(integrator_model(&p, &model), ESP_OK);
  for (int i = 0; i < model.block.count; i++)
    model.block.value[i] += 0.05 * esp_rng_normal(5, (uint64_t)i, ESP_RNG_TEST, 0);
  return model;
}

static void predict(const esp_model *model, const esp_cloud *cloud, vec3 *D, vec3 *K) {
  esp_backend backend = esp_backend_self();
  if (predict_cloud(model, &backend, cloud, D, K, NULL)) fail_msg("%s", esp_error_message());
}

/* By one radian about (1, 2, 3); mirror: and the first component changes sign. */
static void turn(vec3 *u, int mirror) {
  const double axis[3] = {1 / sqrt(14), 2 / sqrt(14), 3 / sqrt(14)}, c = cos(1), s = sin(1);
  for (int i = 0; i < N; i++) {
    double along = 0, old[3] = {u[i][0], u[i][1], u[i][2]};
    for (int a = 0; a < 3; a++) along += axis[a] * old[a];
    for (int a = 0; a < 3; a++) {
      double cross = axis[(a + 1) % 3] * old[(a + 2) % 3] - axis[(a + 2) % 3] * old[(a + 1) % 3];
      u[i][a] = c * old[a] + s * cross + (1 - c) * along * axis[a];
    }
    if (mirror) u[i][0] = -u[i][0];
  }
}

static double distance(const vec3 *a, const vec3 *b) {
  double miss = 0, size = 0;
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < 3; k++) miss += pow(a[i][k] - b[i][k], 2), size += pow(b[i][k], 2);
  }
  assert_true(size > 0);
  return sqrt(miss / size);
}

static void at_most(const char *what, int kind, double value, double limit) {
  if (!(value <= limit)) fail_msg("%s, %s: %g is more than %g", esp_body_messages[kind]->name, what, value, limit);
}

static void turns(void **state) {
  (void)state;
  for (int mirror = 0; mirror < 2; mirror++) {
    for (int kind = CASE_NEWTON; esp_body_messages[kind]; kind++) {
      vec3 D[N], K[N], moved_D[N], moved_K[N];
      esp_model model = some_model(kind, 0);
      esp_cloud cloud = train_case_cloud(N, 0, N, 11);
      predict(&model, &cloud, D, K);
      turn(cloud.x, mirror), turn(cloud.v, mirror), turn(D, mirror), turn(K, mirror);
      predict(&model, &cloud, moved_D, moved_K);
      at_most("turned displacement", kind, distance((const vec3 *)moved_D, (const vec3 *)D), 1e-5);
      at_most("turned velocity", kind, distance((const vec3 *)moved_K, (const vec3 *)K), 1e-5);
      esp_cloud_free(&cloud);
      esp_model_free(&model);
    }
  }
}

/* A common place and a common velocity change nothing, though coordinates are 1000 times the cloud. */
static void moves(void **state) {
  (void)state;
  for (int boost = 0; boost < 2; boost++) {
    for (int kind = CASE_NEWTON; esp_body_messages[kind]; kind++) {
      vec3 D[N], K[N], moved_D[N], moved_K[N];
      esp_model model = some_model(kind, 0);
      esp_cloud cloud = train_case_cloud(N, 0, N, 12);
      predict(&model, &cloud, D, K);
      for (int i = 0; i < N; i++) {
        cloud.x[i][0] += boost ? 0 : 6000;
        cloud.v[i][1] += boost ? 100 : 0;
      }
      predict(&model, &cloud, moved_D, moved_K);
      at_most("moved displacement", kind, distance((const vec3 *)moved_D, (const vec3 *)D), 1e-4);
      at_most("moved velocity", kind, distance((const vec3 *)moved_K, (const vec3 *)K), 1e-4);
      esp_cloud_free(&cloud);
      esp_model_free(&model);
    }
  }
}

static void turns_with_a_tree(void **state) {
  (void)state;
  vec3 whole[N], tree[N], turned[N], K[N];
  esp_model exact = some_model(CASE_NEWTON, 0), model = some_model(CASE_NEWTON, 0.7);
  esp_cloud cloud = train_case_cloud(N, 0, N, 13);
  predict(&exact, &cloud, whole, K);
  predict(&model, &cloud, tree, K);
  double own = distance((const vec3 *)tree, (const vec3 *)whole);
  assert_true(own > 1e-5); /* there are far cells */
  turn(cloud.x, 0), turn(cloud.v, 0), turn(tree, 0);
  predict(&model, &cloud, turned, K);
  at_most("turned, with a tree", CASE_NEWTON, distance((const vec3 *)turned, (const vec3 *)tree), 2 * own);
  esp_cloud_free(&cloud);
  esp_model_free(&exact);
  esp_model_free(&model);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(turns), cmocka_unit_test(moves),
                                     cmocka_unit_test(turns_with_a_tree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gravity clouds and periodic boxes have the statistics, units and symmetries of their definition, and are functions of
 * the seed alone. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tasks/box/box_start.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"

static esp_start_param param_of(esp_start_kind kind, int64_t n) {
  esp_start_param param = {.kind = kind, .n = n, .seed = 11, .eps_over_d = 0.5, .direct_limit = ESP_START_DIRECT_LIMIT};
  return param;
}

static void too_few_bodies(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  esp_cloud cloud;
  esp_start_info info;
  for (int64_t n = 0; n < 2; n++) {
    esp_start_param param = param_of(ESP_START_BALL, n);
    assert_int_equal(esp_nbody_start(&backend, &param, &cloud, &info), ESP_ERR_ARG);
  }
  esp_start_param param = param_of(ESP_START_PLUMMER, 2);
  assert_int_equal(esp_nbody_start(&backend, &param, &cloud, &info), ESP_OK);
  assert_true(cloud.d > 0 && cloud.T > 0);
  for (int i = 0; i < 2; i++) memset(cloud.x[i], 0, sizeof cloud.x[i]);
  assert_int_equal(esp_nbody_units(esp_comm_self(), 10, &cloud, NULL, &info), ESP_ERR_VALUE);
  cloud.m[0] = cloud.m[1] = 0;
  assert_int_equal(esp_nbody_units(esp_comm_self(), 10, &cloud, NULL, &info), ESP_ERR_VALUE);
  esp_cloud_free(&cloud);
}

static void cloud_is_as_defined(void **state) {
  (void)state;
  for (int kind = 0; kind <= ESP_START_PLUMMER; kind++) {
    esp_backend backend = esp_backend_self();
    esp_cloud cloud;
    esp_start_info info;
    esp_start_param param = param_of((esp_start_kind)kind, 2000);
    assert_int_equal(esp_nbody_start(&backend, &param, &cloud, &info), ESP_OK);
    double mass = 0, centre[3] = {0}, far = 0, low = 1, high = 0, kinetic, momentum[3];
    int inside = 0;
    for (int i = 0; i < 2000; i++) {
      const double *x = cloud.x[i];
      double r = sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2]);
      assert_int_equal(cloud.id[i], i);
      mass += cloud.m[i];
      low = fmin(low, cloud.m[i]), high = fmax(high, cloud.m[i]), far = fmax(far, r);
      inside += r <= info.r_h;
      for (int k = 0; k < 3; k++) centre[k] += cloud.m[i] * x[k];
    }
    assert_true(fabs(mass - 1) < 1e-12);
    assert_true(low > 0.19 / 2000 && high < 1.85 / 2000 && high > 1.7 / 2000);
    for (int k = 0; k < 3; k++) assert_true(fabs(centre[k]) < 1e-14);
    assert_int_equal(inside, 1000);
    /* medians: 2^(-1/3) of the ball; of the Plummer sphere 0.6 / sqrt(0.475^(-2/3) - 1) = 0.746 */
    assert_true(fabs(info.r_h - (kind ? 0.746 : 0.794)) < 0.04);
    assert_true(kind ? far < 3.4 && far > 2 : far < 1.06);
    assert_true(fabs(cloud.d - info.r_h / 0.794 * 1.612 * pow(2000, -1. / 3)) < 1e-12);
    assert_true(fabs(cloud.T - sqrt(2 * cloud.d / info.mean_a)) < 1e-12 && cloud.eps == 0.5 * cloud.d);
    assert_int_equal(info.sampled, 2000);
    /* |W| = 3/5 of a uniform ball, less what is softened; virial ratio Q^2 */
    assert_true(kind || fabs(info.W + 0.6) < 0.03);
    const double(*v)[3] = (const double(*)[3])cloud.v;
    assert_int_equal(esp_nbody_kinetic(esp_comm_self(), 2000, cloud.m, v, &kinetic), 0);
    assert_true(fabs(2 * kinetic / fabs(info.W) - info.Q * info.Q) < 1e-12);
    assert_true(info.Q > 0.4 && info.Q < 1);
    assert_int_equal(esp_nbody_momentum(esp_comm_self(), 2000, cloud.m, v, momentum), 0);
    for (int k = 0; k < 3; k++) assert_true(fabs(momentum[k]) < 1e-15);
    esp_cloud_free(&cloud);
  }
}

/* Above the limit: sampled mean |a| and W by the tree agree with the full sums; the bodies are the same. */
static void above_the_direct_limit(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  backend.device = &esp_device_cpu64;
  esp_cloud cloud, other;
  esp_start_info info, sampled;
  esp_start_param param = param_of(ESP_START_PLUMMER, 6000);
  assert_int_equal(esp_nbody_start(&backend, &param, &cloud, &info), ESP_OK);
  param.direct_limit = 5000;
  assert_int_equal(esp_nbody_start(&backend, &param, &other, &sampled), ESP_OK);
  assert_true(sampled.sampled == ESP_START_SAMPLE);
  assert_memory_equal(cloud.x, other.x, 6000 * sizeof *cloud.x);
  assert_true(fabs(sampled.mean_a / info.mean_a - 1) < 0.02 && sampled.mean_a != info.mean_a);
  assert_true(fabs(sampled.W / info.W - 1) < 1e-3 && sampled.W != info.W);
  esp_cloud_free(&cloud);
  esp_cloud_free(&other);
}

static void box_is_as_defined(void **state) {
  (void)state;
  esp_cloud cloud;
  assert_int_equal(esp_box_start(esp_comm_self(), 1, 0, 0.01, &cloud), ESP_ERR_ARG);
  assert_int_equal(esp_box_start(esp_comm_self(), 1, 1000, 0.01, &cloud), ESP_OK);
  assert_true(fabs(cloud.box[0] - 109.5) < 0.1 && cloud.box[1] == cloud.box[0] && cloud.box[2] == 0);
  double mean = 0, square = 0;
  for (int i = 0; i < 1000; i++) {
    for (int k = 0; k < 2; k++) {
      assert_true(cloud.x[i][k] >= 0 && cloud.x[i][k] < cloud.box[0] && fabs(cloud.v[i][k]) < 1);
      mean += cloud.x[i][k] / cloud.box[0] / 2000;
      square += cloud.v[i][k] * cloud.v[i][k] / 2000;
    }
    assert_true(cloud.x[i][2] == 0 && cloud.v[i][2] == 0);
  }
  assert_true(fabs(mean - 0.5) < 0.03 && fabs(square - 1. / 3) < 0.03);
  double wrap[3][3] = {{-1e-20, 110, 5}, {109.6, -109.6, 0}, {0, cloud.box[1], -7}};
  esp_box_wrap(cloud.box, 3, wrap);
  for (int i = 0; i < 3; i++) {
    for (int k = 0; k < 2; k++) assert_true(wrap[i][k] >= 0 && wrap[i][k] < cloud.box[k]);
  }
  assert_true(wrap[0][2] == 5 && wrap[2][2] == -7);
  esp_cloud_free(&cloud);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(too_few_bodies),
      cmocka_unit_test(cloud_is_as_defined),
      cmocka_unit_test(above_the_direct_limit),
      cmocka_unit_test(box_is_as_defined),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

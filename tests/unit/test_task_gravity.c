/* Task gravity makes the clouds and truths of its parts under the seeds of its items, judges a tree truth, takes another
 * code's bodies in units of their own, and brings sets to model units and predictions back. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "memory_maker.h"
#include "tasks/gravity/gravity.h"
#include "tasks/gravity/nbody_start.h"
#include "tasks/gravity/nbody_step.h"

static const esp_gravity_param plain = {
    .kind = ESP_GRAVITY_MIXED, .eps = 0.5, .steps = 6, .order = 5, .twin_n = 64, .seed = 3};

static void same_cloud(const esp_set *set, const esp_cloud *cloud) {
  assert_int_equal(set->n_home, cloud->n_home);
  assert_memory_equal(set->id, cloud->id, (size_t)cloud->n_home * sizeof *cloud->id);
  same_rows(set, ESP_CLOUD_M, cloud->m);
  same_rows(set, ESP_CLOUD_X, cloud->x);
  same_rows(set, ESP_CLOUD_V, cloud->v);
  same_rows(set, ESP_CLOUD_D, cloud->D);
  same_rows(set, ESP_CLOUD_K, cloud->K);
}

static void clouds_of_the_items_seed(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  for (int part = 0; part < ESP_PARTS; part++)
    for (int64_t index = 0; index < 2; index++) {
      esp_gravity_param param = plain;
      memory_maker made = memory_maker_new();
      const esp_item item = {(esp_part)part, 50, 7 + index, index};
      const esp_plan plan = planned(&esp_task_gravity, &param, item.part, item.n, 2);
      assert_true(plan.sets == 1 && plan.items == 2 && plan.shared == 1 && plan.frames == 0);
      assert_string_equal(plan.how, "truth by direct sum");
      assert_int_equal(esp_task_gravity.making->make(&param, &backend, &item, &made.maker), ESP_OK);
      assert_int_equal(made.count, 1);
      fits(&made.set[0], &esp_task_gravity, &plan);
      const uint64_t seed = esp_rng_bits(3, (uint64_t)item.number, ESP_RNG_CLOUD, 1 + (uint32_t)part);
      const esp_start_param start = {.kind = index ? ESP_START_PLUMMER : ESP_START_BALL,
                                     .n = 50,
                                     .seed = seed,
                                     .eps_over_d = 0.5,
                                     .direct_limit = ESP_START_DIRECT_LIMIT};
      esp_cloud cloud;
      esp_start_info info;
      esp_nbody_check check;
      assert_int_equal(esp_nbody_start(&backend, &start, &cloud, &info), ESP_OK);
      const esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, &cloud);
      assert_int_equal(esp_nbody_truth(&force, 6, &cloud, 1, &check), ESP_OK);
      same_cloud(&made.set[0], &cloud);
      const esp_value *about = made.set[0].about;
      assert_true(about[ESP_CLOUD_KIND].whole == index && about[ESP_CLOUD_SEED].whole == (int64_t)seed);
      assert_true(about[ESP_CLOUD_DIM].whole == 3 && about[ESP_CLOUD_G].real == 1);
      assert_true(about[ESP_CLOUD_EPS].real == cloud.eps && about[ESP_CLOUD_UNIT_D].real == cloud.d);
      assert_true(about[ESP_CLOUD_UNIT_T].real == cloud.T && about[ESP_CLOUD_Q].real == info.Q);
      assert_true(about[ESP_CLOUD_W].real == info.W && about[ESP_CLOUD_SAMPLED].whole == 50);
      assert_true(about[ESP_CLOUD_STEPS].whole == 6 && about[ESP_CLOUD_TRUTH].whole == 0);
      assert_true(about[ESP_CLOUD_ENERGY_ERROR].real == fabs(check.energy_end / check.energy_start - 1));
      esp_cloud_free(&cloud);
      memory_maker_free(&made);
    }
}

static void tree_truth_is_judged(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_gravity_param param = plain;
  param.truth = ESP_GRAVITY_TREE;
  param.kind = ESP_GRAVITY_PLUMMER;
  param.order = 3;
  memory_maker made = memory_maker_new();
  const esp_item item = {ESP_PART_TEST, 1000, 0, 0};
  assert_string_equal(planned(&esp_task_gravity, &param, item.part, item.n, 1).how, "truth by tree");
  assert_int_equal(esp_task_gravity.making->make(&param, &backend, &item, &made.maker), ESP_OK);
  const esp_value *about = made.set[0].about;
  assert_true(about[ESP_CLOUD_KIND].whole == ESP_KIND_PLUMMER && about[ESP_CLOUD_TRUTH].whole == 1);
  assert_true(about[ESP_CLOUD_ORDER].whole == 3 && about[ESP_CLOUD_TOLERANCE].real == 5.5e-3);
  assert_true(about[ESP_CLOUD_THETA].real == 0 && about[ESP_CLOUD_DISPLACEMENT_BODIES].whole == 1000);
  assert_true(about[ESP_CLOUD_FORCE_RMS].real > 1e-8 && about[ESP_CLOUD_FORCE_L2].real < 3e-2);
  assert_true(about[ESP_CLOUD_DISPLACEMENT_ERROR].real > 1e-8 && about[ESP_CLOUD_DISPLACEMENT_ERROR].real < 2e-2);
  memory_maker_free(&made);
}

/* Bodies as a format gives them: no targets, no units. */
static esp_set foreign(int64_t n, double side) {
  esp_set set = {.n = n, .n_home = (int)n, .layout = esp_task_gravity.layout};
  assert_int_equal(esp_set_create(&set), ESP_OK);
  set.about[ESP_CLOUD_DIM].whole = 3;
  set.about[ESP_CLOUD_G].real = 2;
  for (int a = 0; a < 3; a++) set.about[ESP_CLOUD_BOX + a].real = side;
  for (int i = 0; i < set.n_home; i++) {
    set.id[i] = i;
    set.value[ESP_CLOUD_M][i] = 1 + i;
    for (int a = 0; a < 3; a++) {
      set.value[ESP_CLOUD_X][3 * i + a] = sin(3 * i + a);
      set.value[ESP_CLOUD_V][3 * i + a] = cos(3 * i + a);
    }
  }
  return set;
}

static void adopted(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_gravity_param param = plain;
  esp_set set = foreign(20, 0);
  assert_int_equal(esp_task_gravity.making->adopt(&param, &backend, ESP_ADOPT_INPUT, &set), ESP_OK);
  const double d = set.about[ESP_CLOUD_UNIT_D].real;
  assert_true(d > 0 && set.about[ESP_CLOUD_UNIT_T].real > 0 && set.about[ESP_CLOUD_EPS].real == 0.5 * d);
  assert_true(set.about[ESP_CLOUD_KIND].whole == ESP_KIND_SNAPSHOT && !set.value[ESP_CLOUD_D] && !set.ready);
  esp_set_free(&set);
  param.horizon = 0.125;
  param.softening = 0.25;
  set = foreign(20, 0);
  assert_int_equal(esp_task_gravity.making->adopt(&param, &backend, ESP_ADOPT_INPUT, &set), ESP_OK);
  assert_true(set.about[ESP_CLOUD_UNIT_D].real == d && set.about[ESP_CLOUD_UNIT_T].real == 0.125);
  assert_true(set.about[ESP_CLOUD_EPS].real == 0.25);
  esp_set_free(&set);
  param = plain;
  set = foreign(20, 0);
  assert_int_equal(esp_task_gravity.making->adopt(&param, &backend, ESP_ADOPT_TARGETS, &set), ESP_OK);
  assert_true(set.width[ESP_CLOUD_K] == 3 && set.value[ESP_CLOUD_D][0] != 0);
  assert_true(set.about[ESP_CLOUD_STEPS].whole == 6 && set.about[ESP_CLOUD_ENERGY_ERROR].real >= 0);
  esp_set_free(&set);
  set = foreign(20, 0.5);
  assert_int_equal(esp_task_gravity.making->adopt(&param, &backend, ESP_ADOPT_INPUT, &set), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "io_periodic open"));
  assert_int_equal(esp_task_gravity.making->places(&set), ESP_OK);
  assert_true(set.ready && set.space.dim == 3 && set.space.period[2] == 0.5);
  for (int k = 0; k < 60; k++) assert_true(set.value[ESP_CLOUD_X][k] >= 0 && set.value[ESP_CLOUD_X][k] < 0.5);
  esp_set_free(&set);
  set = foreign(1, 0);
  assert_int_equal(esp_task_gravity.making->adopt(&param, &backend, ESP_ADOPT_INPUT, &set), ESP_ERR_VALUE);
  esp_set_free(&set);
}

static void units_there_and_back(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_gravity_param param = plain;
  memory_maker made = memory_maker_new();
  const esp_item item = {ESP_PART_TRAIN, 9, 0, 0};
  assert_int_equal(esp_task_gravity.making->make(&param, &backend, &item, &made.maker), ESP_OK);
  esp_set *set = &made.set[0], ready, after;
  esp_cloud cloud, scaled;
  assert_int_equal(esp_set_copy(set, &ready), ESP_OK);
  assert_int_equal(esp_task_gravity.ready(&param, &ready), ESP_OK);
  assert_int_equal(esp_task_gravity.ready(&param, &ready), ESP_OK); /* once is enough */
  esp_cloud_view(set, &cloud);
  esp_cloud_view(&ready, &scaled);
  assert_true(ready.ready && ready.space.dim == 3 && ready.space.softening == cloud.eps / cloud.d && scaled.model);
  assert_true(scaled.G == 1 && scaled.d == cloud.d && scaled.x[4][1] == cloud.x[4][1] / cloud.d);
  assert_true(scaled.K[4][1] == cloud.K[4][1] * (cloud.T / cloud.d));
  double y[9 * 6], elapsed = 0;
  for (int i = 0; i < 9; i++)
    for (int a = 0; a < 3; a++) y[6 * i + a] = scaled.D[i][a], y[6 * i + 3 + a] = scaled.K[i][a];
  assert_int_equal(esp_set_copy(set, &after), ESP_OK);
  assert_int_equal(esp_task_gravity.output(&param, y, 6, &after, &elapsed), ESP_OK);
  for (int i = 0; i < 9; i++)
    for (int a = 0; a < 3; a++) {
      const double x = cloud.x[i][a] + cloud.v[i][a] * cloud.T + cloud.D[i][a];
      assert_true(fabs(after.value[ESP_CLOUD_X][3 * i + a] - x) < 1e-14);
      assert_true(fabs(after.value[ESP_CLOUD_V][3 * i + a] - cloud.v[i][a] - cloud.K[i][a]) < 1e-14);
    }
  assert_true(elapsed == cloud.T && !after.value[ESP_CLOUD_D] && after.width[ESP_CLOUD_K] == 0);
  assert_int_equal(esp_task_gravity.output(&param, y, 6, &ready, &elapsed), ESP_ERR_ARG);
  set->about[ESP_CLOUD_DIM].whole = 2; /* with a third coordinate */
  assert_int_equal(esp_task_gravity.ready(&param, set), ESP_ERR_VALUE);
  esp_set_free(&after);
  esp_set_free(&ready);
  memory_maker_free(&made);
}

static void refused(void **state) {
  (void)state;
  esp_plan plan = {.n = 1, .items = 1};
  assert_int_equal(esp_task_gravity.making->plan(&plain, &plan), ESP_ERR_CONFIG);
  assert_true(esp_task_find("gravity") == &esp_task_gravity && !esp_task_find("G"));
  assert_true(esp_task_of_file("gravity") == &esp_task_gravity && esp_task_of_file("G") == &esp_task_gravity);
  assert_true(esp_task_of_file("M") == esp_task_find("box") &&
              esp_task_of_file("circles") == esp_task_find("relation"));
  assert_true(!esp_task_of_file("") && !esp_task_of_file("tides"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(clouds_of_the_items_seed), cmocka_unit_test(tree_truth_is_judged),
                                     cmocka_unit_test(adopted), cmocka_unit_test(units_there_and_back),
                                     cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Task box cuts a trajectory into sets: every stride-th pair of neighbouring frames in training, the first pair and all
 * frames in a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/rng.h"
#include "memory_maker.h"
#include "tasks/box/box.h"
#include "tasks/box/box_start.h"
#include "tasks/gravity/cloud.h"

static const esp_box_param plain = {
    .frame = 0.01, .substeps = 4, .test_frames = 5, .train_frames = 10, .stride = 4, .train = 3, .seed = 9};
enum { N = 20 };

/* Frame f of the trajectory, with the targets that lead to the next. */
static void frame_of(esp_part part, int64_t number, int f, esp_cloud *cloud) {
  const esp_backend backend = truth_backend();
  const uint64_t seed = esp_rng_bits(9, (uint64_t)number, ESP_RNG_CLOUD, 1 + (uint32_t)part);
  double x[N][3], v[N][3], a[N][3];
  assert_int_equal(esp_box_start(esp_comm_self(), seed, N, 0.01, cloud), ESP_OK);
  const esp_nbody_force force = esp_nbody_force_of(&backend, ESP_NBODY_DIRECT, 0, cloud);
  for (int k = 0; k <= f; k++) {
    if (k > 0) memcpy(cloud->x, x, sizeof x), memcpy(cloud->v, v, sizeof v);
    assert_int_equal(esp_box_frame(&force, 4, cloud, x, v, a, k > 0), ESP_OK);
  }
}

static void same_cloud(const esp_set *set, const esp_cloud *cloud) {
  same_rows(set, ESP_CLOUD_M, cloud->m);
  same_rows(set, ESP_CLOUD_X, cloud->x);
  same_rows(set, ESP_CLOUD_V, cloud->v);
  same_rows(set, ESP_CLOUD_D, cloud->D);
  same_rows(set, ESP_CLOUD_K, cloud->K);
}

static void training(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_box_param param = plain;
  memory_maker made = memory_maker_new();
  const esp_item item = {ESP_PART_TRAIN, N, 2, 2};
  const esp_plan plan = planned(&esp_task_box, &param, item.part, item.n, 64);
  assert_true(plan.items == 3 && plan.sets == 3 && plan.frames == 0 && plan.shared == 0);
  assert_int_equal(esp_task_box.making->make(&param, &backend, &item, &made.maker), ESP_OK);
  assert_int_equal(made.count, 3);
  for (int s = 0; s < 3; s++) {
    esp_cloud cloud;
    fits(&made.set[s], &esp_task_box, &plan);
    frame_of(ESP_PART_TRAIN, 2, 4 * s, &cloud);
    same_cloud(&made.set[s], &cloud);
    const esp_value *about = made.set[s].about;
    assert_true(about[ESP_CLOUD_KIND].whole == ESP_KIND_BOX && about[ESP_CLOUD_DIM].whole == 2);
    assert_true(about[ESP_CLOUD_G].real == 2 && about[ESP_CLOUD_BOX + 1].real == sqrt(12.0 * N));
    assert_true(about[ESP_CLOUD_BOX + 2].real == 0 && about[ESP_CLOUD_UNIT_T].real == 0.01);
    assert_true(about[ESP_CLOUD_STEPS].whole == 4 && about[ESP_CLOUD_ENERGY_ERROR].real < 1e-3);
    assert_true(about[ESP_CLOUD_MOMENTUM].real == made.set[0].about[ESP_CLOUD_MOMENTUM].real);
    esp_cloud_free(&cloud);
  }
  memory_maker_free(&made);
}

static void test_trajectory(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_box_param param = plain;
  memory_maker made = memory_maker_new();
  const esp_item item = {ESP_PART_TEST, N, 1, 1};
  const esp_plan plan = planned(&esp_task_box, &param, item.part, item.n, 2);
  assert_true(plan.items == 2 && plan.sets == 1 && plan.frames == 6 && plan.shared == 0);
  assert_int_equal(esp_task_box.making->make(&param, &backend, &item, &made.maker), ESP_OK);
  assert_int_equal(made.count, 1);
  esp_set *set = &made.set[0];
  fits(set, &esp_task_box, &plan);
  for (int f = 0; f < 6; f++) {
    esp_cloud cloud;
    frame_of(ESP_PART_TEST, 1, f, &cloud);
    if (f == 0) same_cloud(set, &cloud);
    assert_memory_equal(set->frame[ESP_CLOUD_X] + 3 * N * f, cloud.x, N * sizeof *cloud.x);
    assert_memory_equal(set->frame[ESP_CLOUD_V] + 3 * N * f, cloud.v, N * sizeof *cloud.v);
    esp_cloud_free(&cloud);
  }
  assert_int_equal(esp_task_box.ready(&param, set), ESP_OK);
  assert_true(set->space.dim == 2 && fabs(set->space.period[0] - sqrt(N)) < 1e-12 && set->space.period[2] == 0);
  memory_maker_free(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(training), cmocka_unit_test(test_trajectory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Task weather: an item is one trajectory whose frames begin after the spin-up and whose numbers are sound; ready brings pairs to
 * the network's units; a field carried by a solid rotation is found where it was. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory_maker.h"
#include "tasks/weather/advect.h"
#include "tasks/weather/icosahedron.h"
#include "tasks/weather/weather.h"

static const esp_weather_param plain = {
    .days = 2, .spin_up = 1, .every = 6, .lead = 12, .stride = 1, .test_stride = 4, .sweeps = 3, .seed = 9};
enum { N = 162 };

static void trajectory(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_weather_param param = plain;
  memory_maker made = memory_maker_new();
  const esp_item item = {ESP_PART_TRAIN, N, 2, 2};
  const esp_plan plan = planned(&esp_task_weather, &param, item.part, item.n, 3);
  int64_t lead, stride;
  assert_true(plan.items == 3 && plan.sets == 1 && plan.frames == 9);
  assert_int_equal(esp_task_weather.making->pairs(&param, ESP_PART_TEST, &lead, &stride), ESP_OK);
  assert_true(lead == 2 && stride == 4);
  assert_int_equal(esp_task_weather.making->make(&param, &backend, &item, &made.maker), ESP_OK);
  assert_int_equal(made.count, 1);
  const esp_set *set = &made.set[0];
  fits(set, &esp_task_weather, &plan);
  double area = 0, change = 0;
  for (int i = 0; i < N; i++) {
    const double *x = set->value[ESP_WEATHER_PLACE] + 3 * i, *w = set->value[ESP_WEATHER_WIND] + 3 * i;
    area += set->value[ESP_WEATHER_AREA][i];
    assert_true(fabs(x[0] * x[0] + x[1] * x[1] + x[2] * x[2] - 1) < 1e-14);
    assert_true(fabs(x[0] * w[0] + x[1] * w[1] + x[2] * w[2]) < 1e-10); /* along the sphere */
    for (int f = 0; f < 9; f++) {
      const double t = set->frame[ESP_WEATHER_T][f * N + i], rh = set->frame[ESP_WEATHER_RH][f * N + i];
      assert_true(t > 220 && t < 315 && rh > 0 && rh <= 1.02);
    }
    assert_true(set->value[ESP_WEATHER_T][i] == set->frame[ESP_WEATHER_T][i]);
    change += fabs(set->frame[ESP_WEATHER_T][8 * N + i] - set->frame[ESP_WEATHER_T][i]) / N;
  }
  assert_true(fabs(area - N) < 1e-10 && change > 0.1);
  assert_true(set->about[4].real < 1e-12 && set->about[5].real < 1e-11);
  memory_maker_free(&made);
}

static void units(void **state) {
  (void)state;
  esp_set set = {.n = 1, .n_home = 1, .layout = &esp_weather_layout};
  for (int k = 0; esp_weather_layout.column[k].name; k++) set.width[k] = esp_weather_layout.column[k].width;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  set.value[ESP_WEATHER_T][0] = set.value[ESP_WEATHER_SENT_T][0] = 290;
  set.value[ESP_WEATHER_Q][0] = set.value[ESP_WEATHER_SENT_Q][0] = 7e-3;
  set.value[ESP_WEATHER_LATER_T][0] = 295;
  set.value[ESP_WEATHER_LATER_Q][0] = 6e-3;
  set.value[ESP_WEATHER_WIND][1] = -40;
  assert_int_equal(esp_task_weather.ready(&plain, &set), ESP_OK);
  assert_true(set.ready && set.value[ESP_WEATHER_LATER_T][0] == 2 && set.value[ESP_WEATHER_SENT_T][0] == 2);
  assert_true(fabs(set.value[ESP_WEATHER_LATER_Q][0] + 1) < 1e-12 && set.value[ESP_WEATHER_WIND][1] == -2);
  esp_set_free(&set);
}

/* A wave turned about the axis by 30 degrees in 12 hours. */
static double wave(const double x[3], double turn) {
  const double c = cos(turn), s = sin(turn);
  return 2 * (c * x[0] + s * x[1]) + x[2] * (c * x[1] - s * x[0]);
}

static void rotation(void **state) {
  (void)state;
  enum { LEVEL = 4, MANY = 2562 };
  const double turn = acos(-1.0) / 6, speed = turn * ESP_EARTH_RADIUS / (12 * 3600) / ESP_WEATHER_UNIT_WIND;
  esp_set set = {.n = MANY, .n_home = MANY, .layout = &esp_weather_layout};
  static double change[MANY][2];
  double off = 0, all = 0;
  for (int k = 0; esp_weather_layout.column[k].name; k++) set.width[k] = esp_weather_layout.column[k].width;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  for (int i = 0; i < MANY; i++) {
    double *x = set.value[ESP_WEATHER_PLACE] + 3 * i, *w = set.value[ESP_WEATHER_WIND] + 3 * i;
    esp_icosahedron_place(LEVEL, i, x);
    w[0] = -speed * x[1], w[1] = speed * x[0];
    set.value[ESP_WEATHER_SENT_T][i] = wave(x, 0);
  }
  assert_int_equal(esp_advect(esp_comm_self(), &set, 12, &change[0][0]), ESP_OK);
  for (int i = 0; i < MANY; i++) {
    const double *x = set.value[ESP_WEATHER_PLACE] + 3 * i, came = wave(x, turn) - wave(x, 0);
    off += (change[i][0] - came) * (change[i][0] - came), all += came * came;
    assert_true(change[i][1] == 0);
  }
  assert_true(sqrt(off / all) < 0.03);
  esp_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(trajectory), cmocka_unit_test(units), cmocka_unit_test(rotation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

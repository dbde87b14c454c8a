/* Task weather: an item is one trajectory whose frames begin after the spin-up and whose numbers are sound; ready brings pairs to
 * the network's units; a roll-out goes on from what was predicted; a field carried by a solid rotation is found where it was;
 * a network that listens so many hours upstream is found to. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory_maker.h"
#include "tasks/weather/advect.h"
#include "tasks/weather/icosahedron.h"
#include "tasks/weather/show.h"
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
  esp_pairing pairing = {0};
  assert_true(plan.items == 3 && plan.sets == 1 && plan.frames == 9);
  assert_int_equal(esp_task_weather.making->pairs(&param, ESP_PART_TEST, &pairing), ESP_OK);
  assert_true(pairing.lead == 2 && pairing.stride == 4);
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
  for (int k = 0; k <= ESP_WEATHER_LATER_Q; k++) set.width[k] = esp_weather_layout.column[k].width;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  set.value[ESP_WEATHER_T][0] = set.value[ESP_WEATHER_SENT_T][0] = 290;
  set.value[ESP_WEATHER_Q][0] = set.value[ESP_WEATHER_SENT_Q][0] = 7e-3;
  set.value[ESP_WEATHER_LATER_T][0] = 295;
  set.value[ESP_WEATHER_LATER_Q][0] = 6e-3;
  set.value[ESP_WEATHER_WIND][1] = -40;
  assert_int_equal(esp_task_weather.ready(&plain, &set), ESP_OK);
  assert_true(set.ready && set.value[ESP_WEATHER_LATER_T][0] == 2 && set.value[ESP_WEATHER_SENT_T][0] == 2);
  assert_true(fabs(set.value[ESP_WEATHER_LATER_Q][0] + 1) < 1e-12 && set.value[ESP_WEATHER_WIND][1] == -2);
  /* a step further: 292.5 K, 5 g/kg at the mean depth over a hill of 100 m */
  const double step[2] = {1, -2}, full = esp_climate_saturation(&esp_climate_default, 292.5, 4100);
  set.value[ESP_WEATHER_H][0] = 0, set.value[ESP_WEATHER_GROUND][0] = 0.2;
  assert_int_equal(esp_task_weather.rolling->advance(&set, step), ESP_OK);
  assert_true(fabs(set.value[ESP_WEATHER_T][0] - 0.5) < 1e-12 && fabs(set.value[ESP_WEATHER_SENT_T][0] - 3) < 1e-12);
  assert_true(fabs(set.value[ESP_WEATHER_Q][0] + 0.6) < 1e-12 && fabs(set.value[ESP_WEATHER_SENT_Q][0] + 3) < 1e-12);
  assert_true(fabs(set.value[ESP_WEATHER_RH][0] - (5e-3 / full - 0.7) / 0.2) < 1e-9);
  const double astray[2] = {-1e6, 1e30}; /* one that has failed stays within 150 K, 100 g/kg, RH 2 */
  assert_int_equal(esp_task_weather.rolling->advance(&set, astray), ESP_OK);
  assert_true(set.value[ESP_WEATHER_T][0] == -9 && fabs(set.value[ESP_WEATHER_Q][0] - 18.4) < 1e-12);
  assert_true(fabs(set.value[ESP_WEATHER_RH][0] - 6.5) < 1e-12);
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
  for (int k = 0; k <= ESP_WEATHER_LATER_Q; k++) set.width[k] = esp_weather_layout.column[k].width;
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

/* Queries that are the places, moved against the wind: by as many hours in each of two layers. */
static void upstream(void **state) {
  (void)state;
  enum { LEVEL = 4, MANY = 2562, WIND = 6, D = 13 };
  const esp_backend backend = truth_backend();
  const double hour = 3600 * ESP_WEATHER_UNIT_WIND / ESP_EARTH_RADIUS, hours = 10;
  const esp_stack_param param = {.layers = 2,
                                 .embedding = ESP_EMBED_FEATURES,
                                 .dim = 3,
                                 .embed_hidden = 4,
                                 .separate = 1,
                                 .channels = 8,
                                 .aggregate = 1,
                                 .include_self = 1,
                                 .scale = 0.08,
                                 .width = 4,
                                 .hidden = 4,
                                 .order = 2,
                                 .domain = {.leaf = 8, .block = 16, .lists = {.pairs_per_particle = 128}}};
  esp_set set = {.n = MANY, .n_home = MANY, .layout = &esp_weather_layout, .ready = 1};
  esp_model net = {0};
  esp_visit visit;
  static double y[MANY][2];
  double *shift;
  for (int k = 0; k <= ESP_WEATHER_LATER_Q; k++) set.width[k] = esp_weather_layout.column[k].width;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  for (int i = 0; i < MANY; i++) {
    double *x = set.value[ESP_WEATHER_PLACE] + 3 * i, *w = set.value[ESP_WEATHER_WIND] + 3 * i;
    set.id[i] = i;
    esp_icosahedron_place(LEVEL, i, x);
    w[0] = -0.5 * x[1], w[1] = 0.5 * x[0];
  }
  const esp_sizes sizes = {.width = {[ESP_INPUT] = D, [ESP_SENT] = 2, [ESP_TARGET] = 2}};
  assert_int_equal(esp_model_create(&esp_network_stack, &param, &sizes, &net), ESP_OK);
  for (int e = 0; e < net.block.entries; e++)
    for (int a = 0; a < 3 && strstr(net.block.entry[e].name, "query"); a++)
      net.block.value[net.block.entry[e].offset + a * D + WIND + a] = -hour * hours;
  for (int far = 0; far < 2; far++) {
    ((esp_stack_param *)net.param)->far = far;
    assert_int_equal(esp_weather_shift_begin(NULL, &backend, &set, &visit, &shift), ESP_OK);
    assert_int_equal(net.network->forward(&net, &backend, &set, &visit, &y[0][0], NULL, NULL), ESP_OK);
    const esp_weather_shift *w = visit.context;
    /* the mean place of what is near lies a little below the sphere: less than s^2 of the way */
    assert_true(fabs(*shift - 2 * hours) < 0.3 && w->layers == 2 && fabs(w->layer[0] - w->layer[1]) < 1e-9);
    assert_true(fabs(w->c[0] - 2 * hours * hour * 0.5 * set.value[ESP_WEATHER_PLACE][1]) < 0.05);
    esp_weather_shift_end(&visit);
  }
  esp_model_free(&net);
  esp_set_free(&set);
}

/* A record of 9 frames, 6 hours apart, of 3 cells: T of cell i at frame f is 280 + 10 i + f, q a thousandth of that. */
enum { CELLS = 3, FRAMES = 9 };

static double t_of(int i, int64_t f) {
  return 280 + 10 * i + (double)f;
}

static esp_set some_record(void) {
  esp_set set = {.n = CELLS, .n_home = CELLS, .layout = &esp_weather_layout, .frames = FRAMES};
  set.width[ESP_WEATHER_PLACE] = 3, set.width[ESP_WEATHER_T] = set.width[ESP_WEATHER_Q] = 1;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  set.about[ESP_WEATHER_EVERY].real = 6, set.about[ESP_WEATHER_START].real = 3;
  for (int i = 0; i < CELLS; i++) {
    set.id[i] = i, set.value[ESP_WEATHER_PLACE][3 * i + (i == 1)] = 1; /* longitudes 0, 90 and 0 */
    for (int f = 0; f < FRAMES; f++) {
      set.frame[ESP_WEATHER_T][f * CELLS + i] = t_of(i, f);
      set.frame[ESP_WEATHER_Q][f * CELLS + i] = 1e-3 * t_of(i, f);
    }
  }
  return set;
}

static void record(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  esp_weather_param param = plain;
  param.of = ESP_WEATHER_OF_RECORD, param.expected = 1, param.fit = 6;
  param.history = (esp_list){2, {6, 12}};
  const esp_making *making = esp_task_weather.making;
  assert_true(making->record(&param) && !making->record(&plain));
  /* learned from: frames 0 to 5; hours 3 and 9 come twice: expected are the means over frames f and f + 4 */
  esp_set set = some_record();
  assert_int_equal(making->adopt(&param, &backend, ESP_ADOPT_TRAINING, &set), ESP_OK);
  assert_true(set.frames == 6 && set.width[ESP_WEATHER_CLOCK] == 2 && set.about[ESP_WEATHER_START].real == 3);
  for (int f = 0; f < 6; f++)
    for (int i = 0; i < CELLS; i++) {
      const double *expected = set.frame[ESP_WEATHER_EXPECTED] + 2 * (f * CELLS + i);
      const double *sun = set.frame[ESP_WEATHER_CLOCK] + 2 * (f * CELLS + i);
      const double hour = 3 + 6 * f + 6 * (i == 1), mean = f % 4 < 2 ? t_of(i, f % 4 + 2) : t_of(i, f % 4);
      assert_true(fabs(expected[0] - mean) < 1e-9 && fabs(expected[1] - 1e-3 * mean) < 1e-12);
      assert_true(fabs(sun[0] - cos(hour * acos(-1.0) / 12)) < 1e-12 &&
                  fabs(sun[1] - sin(hour * acos(-1.0) / 12)) < 1e-12);
    }
  esp_set_free(&set);
  /* judged: targets from frame 6 on, seen from 4, which remembers 2 */
  set = some_record();
  assert_int_equal(making->adopt(&param, &backend, ESP_ADOPT_TARGETS, &set), ESP_OK);
  assert_true(set.frames == FRAMES - 2 && set.about[ESP_WEATHER_START].real == 15);
  assert_true(set.frame[ESP_WEATHER_T][1] == t_of(1, 2) && set.value[ESP_WEATHER_T][1] == t_of(1, 2));
  assert_true(fabs(set.frame[ESP_WEATHER_EXPECTED][0] - t_of(0, 2)) < 1e-9);
  esp_set_free(&set);
  /* predicted from: frame 8; hour 3 is expected of frames 0, 4 and 8, hour 15 a lead of 12 later of frames 2 and 6 */
  set = some_record();
  assert_int_equal(making->adopt(&param, &backend, ESP_ADOPT_INPUT, &set), ESP_OK);
  assert_true(set.frames == 0 && set.about[ESP_WEATHER_START].real == 51 && !set.value[ESP_WEATHER_LATER_T]);
  for (int i = 0; i < CELLS; i++) {
    assert_true(set.value[ESP_WEATHER_T][i] == t_of(i, 8) && set.value[ESP_WEATHER_SENT_T][i] == t_of(i, 8));
    assert_true(set.value[ESP_WEATHER_BEFORE_T][2 * i] == t_of(i, 7));
    assert_true(set.value[ESP_WEATHER_BEFORE_Q][2 * i + 1] == 1e-3 * t_of(i, 6));
    assert_true(fabs(set.value[ESP_WEATHER_EXPECTED][2 * i] - t_of(i, 4)) < 1e-9);
    assert_true(fabs(set.value[ESP_WEATHER_EXPECTED_LATER][2 * i] - t_of(i, 4)) < 1e-9);
  }
  assert_int_equal(esp_task_weather.ready(&param, &set), ESP_OK);
  assert_true(fabs(set.value[ESP_WEATHER_BEFORE_T][0] + 1 / ESP_WEATHER_UNIT_T) < 1e-9);
  assert_true(fabs(set.value[ESP_WEATHER_EXPECTED][0] - 4 / ESP_WEATHER_UNIT_T) < 1e-9);
  assert_true(fabs(set.value[ESP_WEATHER_EXPECTED_LATER][0]) < 1e-9);
  esp_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(trajectory), cmocka_unit_test(units), cmocka_unit_test(rotation),
                                     cmocka_unit_test(upstream), cmocka_unit_test(record)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

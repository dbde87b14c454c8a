/* Task hops: the nearest by cells are those found by looking at all, ties to the lower number; the answers are those of
 * following pointers by hand; rings are rings, pointers keep to their reach; the ladder of classical methods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "memory_maker.h"
#include "net/stack.h"
#include "tasks/hops/hops.h"

static const esp_hops_data plain = {.hops = 2, .dim = 2, .noise = 0.9, .seed = 5};

static int nearest(int n, int dim, const double *p, const double *at, int skip) {
  int best = -1;
  double least = INFINITY;
  for (int i = 0; i < n; i++) {
    double d2 = 0;
    for (int a = 0; a < dim; a++) d2 += (p[i * dim + a] - at[a]) * (p[i * dim + a] - at[a]);
    if (i != skip && d2 < least) best = i, least = d2;
  }
  return best;
}

/* Random places, some at one place, some far away; places on a lattice, where there are ties, and all at one. */
static void the_nearest(void **state) {
  (void)state;
  enum { MOST = 400 };
  double p[3 * MOST], at[3];
  static const int size[] = {0, 1, 2, 3, 50, MOST};
  for (int kind = 0; kind < 3; kind++)
    for (int dim = 1; dim <= 3; dim++)
      for (int s = 0; s < 6; s++) {
        const int n = size[s];
        esp_hops_grid grid;
        for (int k = 0; k < n * dim; k++) {
          const double x = esp_rng_uniform(1, (uint64_t)k, ESP_RNG_TEST, (uint32_t)kind);
          p[k] = kind == 2 ? 3 : kind == 1 ? floor(5 * x) : x * x * x - 7;
        }
        assert_int_equal(esp_hops_grid_create(n, dim, p, &grid), ESP_OK);
        for (int q = 0; q < 300; q++) {
          for (int a = 0; a < dim; a++) {
            const double x = esp_rng_uniform(2, (uint64_t)q, ESP_RNG_TEST, (uint32_t)a);
            at[a] = kind ? floor(10 * x) / 2 : 3 * x - 8;
          }
          if (n && q % 3 == 0) memcpy(at, p + q % n * dim, (size_t)dim * sizeof *at);
          const int skip = q % 2 && n ? q % n : -1, found = esp_hops_grid_find(&grid, at, skip, NULL);
          if (found != nearest(n, dim, p, at, skip))
            fail_msg("kind %d, %d places in %d dimensions, query %d: %d, not %d", kind, n, dim, q, found,
                     nearest(n, dim, p, at, skip));
        }
        esp_hops_grid_free(&grid);
      }
}

static memory_maker make(esp_hops_data data, int64_t n, int64_t number) {
  memory_maker made = memory_maker_new();
  const esp_backend backend = truth_backend();
  const esp_item item = {ESP_PART_TRAIN, n, number, number};
  const esp_plan plan = planned(&esp_task_hops, &data, item.part, n, 1);
  assert_int_equal(esp_task_hops.making->make(&data, &backend, &item, &made.maker), ESP_OK);
  assert_int_equal(made.count, 1);
  fits(&made.set[0], &esp_task_hops, &plan);
  return made;
}

static int next_of(const esp_set *set, int i) {
  double at[3];
  const int dim = set->width[ESP_HOPS_P];
  const double *p = set->value[ESP_HOPS_P], *u = set->value[ESP_HOPS_U];
  for (int a = 0; a < dim; a++) at[a] = p[i * dim + a] + u[i * dim + a];
  return nearest(set->n_home, dim, p, at, -1);
}

static void answers(void **state) {
  (void)state;
  static const int size[] = {0, 1, 2, 3, 64, 300};
  for (int k = 0; k < 6 * 3 * 3; k++) {
    esp_hops_data data = plain;
    data.dim = 1 + k / 6 % 3;
    data.hops = 1 << (k / 18);
    data.reach = k % 2 ? 0.4 : 0;
    memory_maker made = make(data, size[k % 6], 3);
    const esp_set *set = &made.set[0];
    const double *v = set->value[ESP_HOPS_V];
    int ups = 0;
    for (int i = 0; i < set->n_home; i++) {
      int at = i;
      for (int hop = 0; hop < data.hops; hop++) at = next_of(set, at);
      assert_true(set->value[ESP_HOPS_Y][i] == v[at]);
      assert_true(fabs(v[i]) == 1 && set->id[i] == i);
      ups += v[i] > 0;
    }
    if (set->n_home == 300) assert_in_range(ups, 100, 200);
    assert_true(set->about[ESP_HOPS_K].whole == data.hops && set->about[ESP_HOPS_REACH].real == data.reach);
    assert_true(set->about[ESP_HOPS_NOISE].real == 0.9 && set->about[ESP_HOPS_SEED].whole == 5);
    memory_maker_free(&made);
  }
}

/* Each particle is pointed at once; without a reach there is one ring of all. With one, pointers are no longer than it and its
 * noise, and a grid at another place has other rings. */
static void rings(void **state) {
  (void)state;
  enum { N = 500 };
  for (int limited = 0; limited < 2; limited++) {
    esp_hops_data data = plain;
    int heard[N] = {0}, ring = 0, noisy = 0;
    data.reach = limited ? 0.3 : 0;
    memory_maker made = make(data, N, 0);
    const esp_set *set = &made.set[0];
    const double *p = set->value[ESP_HOPS_P], *u = set->value[ESP_HOPS_U];
    for (int i = 0; i < N; i++) {
      const int to = next_of(set, i), other = nearest(N, 2, p, p + 2 * to, to);
      const double room = hypot(p[2 * to] - p[2 * other], p[2 * to + 1] - p[2 * other + 1]) / 2;
      const double off = hypot(p[2 * i] + u[2 * i] - p[2 * to], p[2 * i + 1] + u[2 * i + 1] - p[2 * to + 1]);
      assert_true(off <= 0.9 * room * (1 + 1e-9));
      noisy += off > 0.3 * room;
      assert_int_equal(heard[to]++, 0);
      if (limited) assert_true(hypot(u[2 * i], u[2 * i + 1]) <= 0.3 + off);
    }
    assert_in_range(noisy, N / 4, N);
    for (int at = next_of(set, 0); at; at = next_of(set, at)) ring++;
    if (limited)
      assert_in_range(ring + 1, 2, 45); /* a cell holds 22 on average */
    else
      assert_int_equal(ring + 1, N);
    memory_maker_free(&made);
  }
}

static void sets_differ(void **state) {
  (void)state;
  memory_maker one = make(plain, 64, 0), two = make(plain, 64, 1), again = make(plain, 64, 0);
  for (int c = ESP_HOPS_P; c <= ESP_HOPS_Y; c++) {
    same_rows(&one.set[0], c, again.set[0].value[c]);
    assert_true(memcmp(one.set[0].value[c], two.set[0].value[c], 64 * sizeof(double)) != 0);
  }
  memory_maker_free(&one);
  memory_maker_free(&two);
  memory_maker_free(&again);
}

/* ---- the ladder ---- */

static memory_maker taught;

static int get(void *context, int s, const esp_set **set) {
  (void)context;
  *set = &taught.set[s];
  return ESP_OK;
}

/* Figures of a method on the only set there is. */
static void figures_of(const char *name, const void *fitted, const esp_model *model, double *value) {
  const esp_showing *showing = esp_task_hops.showing;
  const esp_backend backend = truth_backend();
  const esp_set *set = &taught.set[0];
  const esp_method *method = showing->method;
  double *y;
  esp_cost cost = {0};
  esp_tally tally;
  int use = 1;
  while (strcmp(method->name, name)) assert_non_null((++method)->name);
  assert_int_equal(ESP_ALLOC(y, set->n_home), ESP_OK);
  assert_int_equal(method->predict(NULL, fitted, model, &backend, set, y, &cost, &use), ESP_OK);
  assert_true(use);
  assert_int_equal(esp_tally_create(showing->figure, &tally), ESP_OK);
  assert_int_equal(showing->judge(NULL, &backend, set, y, NAN, &tally), ESP_OK);
  assert_int_equal(esp_tally_value(backend.comm, &tally, showing->figure, value), ESP_OK);
  esp_tally_free(&tally);
  ESP_FREE(y);
}

static void ladder(void **state) {
  (void)state;
  const esp_showing *showing = esp_task_hops.showing;
  const esp_backend backend = truth_backend();
  double value[3];
  for (int hops = 1; hops <= 2; hops++) {
    esp_hops_data data = plain;
    data.hops = hops;
    taught = make(data, 400, 0);
    const esp_sets sets = {.sets = 1, .get = get};
    const esp_model model = {.sizes.width = {[ESP_INPUT] = 4, [ESP_SENT] = 1, [ESP_TARGET] = 1}};
    void *fitted = NULL;
    assert_int_equal(showing->fit(NULL, &model, &backend, &sets, &fitted), ESP_OK);
    figures_of("mean of the answers", fitted, &model, value);
    assert_true(fabs(value[0] - 1) < 1e-9 && isnan(value[1])); /* of its own set; nothing differs */
    figures_of("linear least squares", fitted, &model, value);
    assert_true(value[0] < 1 && value[0] > 0.95 && fabs(value[1] - 1) < 0.05);
    figures_of("own value", fitted, &model, value);
    assert_true(fabs(value[0] - 2) < 0.3 && fabs(value[1] - 1) < 0.05);
    figures_of("value one hop on", fitted, &model, value);
    assert_true(hops == 1 ? value[0] == 0 && isnan(value[1]) : fabs(value[0] - 2) < 0.3 && fabs(value[1] - 1) < 0.05);
    showing->unfit(&fitted);
    memory_maker_free(&taught);
  }
}

/* The ratio of a prediction that is the answer plus noise, over all pairs by hand. */
static void the_ratio(void **state) {
  (void)state;
  enum { N = 70 };
  const esp_showing *showing = esp_task_hops.showing;
  const esp_backend backend = truth_backend();
  memory_maker made = make(plain, N, 0);
  const double *answer = made.set[0].value[ESP_HOPS_Y];
  double y[N], sum[2] = {0}, pairs[2] = {0}, value[3];
  esp_tally tally;
  for (int i = 0; i < N; i++) y[i] = 5 + answer[i] + esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      const int differ = answer[i] != answer[j];
      if (j != i) sum[differ] += (y[i] - y[j]) * (y[i] - y[j]), pairs[differ]++;
    }
  assert_int_equal(esp_tally_create(showing->figure, &tally), ESP_OK);
  assert_int_equal(showing->judge(NULL, &backend, &made.set[0], y, 0.5, &tally), ESP_OK);
  assert_int_equal(esp_tally_value(backend.comm, &tally, showing->figure, value), ESP_OK);
  assert_true(fabs(value[1] - sqrt(sum[1] / pairs[1] / (sum[0] / pairs[0]))) < 1e-9);
  assert_true(value[1] > 1.3 && value[2] == 0.5);
  esp_tally_free(&tally);
  memory_maker_free(&made);
}

static void predictions_are_targets(void **state) {
  (void)state;
  memory_maker made = make(plain, 3, 0);
  const double y[3] = {1, 2, 3};
  double elapsed;
  assert_int_equal(esp_task_hops.output(&plain, y, 1, &made.set[0], &elapsed), ESP_OK);
  same_rows(&made.set[0], ESP_HOPS_Y, y);
  assert_true(elapsed == 0);
  memory_maker_free(&made);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_nearest),
                                     cmocka_unit_test(answers),
                                     cmocka_unit_test(rings),
                                     cmocka_unit_test(sets_differ),
                                     cmocka_unit_test(ladder),
                                     cmocka_unit_test(the_ratio),
                                     cmocka_unit_test(predictions_are_targets)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

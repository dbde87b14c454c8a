/* The truth of a sample: so many particles as asked for, drawn by id among those that are scored; their targets are
 * those of the whole truth, and nobody else has any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "feature_columns.h"

static esp_relation_start some(int kind, int64_t n) {
  esp_relation_start s = {.kind = (esp_relation_kind)kind,
                          .n = n,
                          .features = 9,
                          .hidden = 3,
                          .values = 2,
                          .h = 0.4,
                          .seed = 5,
                          .draw = 7,
                          .truth = ESP_TRUTH_BY_SIZE};
  if (kind == ESP_RELATION_UPSTREAM) s.features = 4, s.hidden = 2, s.h = 0.055;
  return s;
}

static esp_set make(const esp_relation_start *start) {
  esp_set set;
  if (esp_relation_make(esp_comm_self(), start, &set)) fail_msg("%s", esp_error_message());
  return set;
}

static int scored(const esp_set *set) {
  int count = 0;
  for (int i = 0; i < set->n_home; i++) count += set->value[W] ? set->value[W][i] == 1 : 1;
  return count;
}

static void compare(const esp_set *whole, const esp_set *part) {
  const size_t n = (size_t)whole->n_home, T = (size_t)whole->width[Y];
  assert_true(part->width[Y] == whole->width[Y] && part->value[W] && T > 0);
  assert_memory_equal(part->value[X], whole->value[X], n * (size_t)whole->width[X] * sizeof(double));
  assert_memory_equal(part->value[V], whole->value[V], n * (size_t)whole->width[V] * sizeof(double));
  for (size_t i = 0; i < n; i++) {
    const int kept = part->value[W][i] == 1;
    assert_true(kept || part->value[W][i] == 0);
    assert_true(!kept || !whole->value[W] || whole->value[W][i] == 1);
    for (size_t c = 0; c < T; c++) assert_true(part->value[Y][i * T + c] == (kept ? whole->value[Y][i * T + c] : 0));
  }
}

static void equals_the_whole_truth(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 7, 300}, samples[] = {1, 2, 50, 299, 300, 1000};
  for (int kind = 0; kind < ESP_RELATION_KINDS; kind++) {
    for (int k = 0; k < 3 * 6 * 2; k++) {
      esp_relation_start s = some(kind, sizes[k % 3]);
      s.truth = k / 18 ? ESP_TRUTH_WITHIN_REACH : ESP_TRUTH_BY_SIZE;
      esp_set whole = make(&s);
      s.sample = samples[k / 3 % 6];
      esp_set part = make(&s);
      compare(&whole, &part);
      assert_int_equal(scored(&part), esp_imin((int)s.sample, scored(&whole)));
      esp_set_free(&whole);
      esp_set_free(&part);
    }
  }
}

/* One more keeps those that were there; another draw is another sample; low ids are not preferred. */
static void drawn_by_id(void **state) {
  (void)state;
  esp_relation_start s = some(ESP_RELATION_SUBSPACE, 3000);
  double mean = 0, common = 0;
  s.sample = 400;
  esp_set few = make(&s);
  s.sample = 401;
  esp_set more = make(&s);
  s.draw++;
  esp_set other = make(&s);
  for (int i = 0; i < 3000; i++) {
    assert_true(more.value[W][i] >= few.value[W][i]);
    mean += few.value[W][i] * (i + 0.5) / (400.0 * 3000);
    common += few.value[W][i] * other.value[W][i];
  }
  assert_true(scored(&few) == 400 && scored(&more) == 401);
  /* standard deviations 0.014 and 6.4 about 0.5 and 53.5 */
  assert_true(fabs(mean - 0.5) < 0.05 && common > 25 && common < 85);
  esp_set_free(&few);
  esp_set_free(&more);
  esp_set_free(&other);
}

/* However large the set: over all pairs, unless told otherwise. */
static void over_all_pairs(void **state) {
  (void)state;
  esp_relation_start s = some(ESP_RELATION_SUBSPACE, ESP_RELATION_DIRECT + 100);
  s.hidden = 2, s.h = 0.125, s.sample = 20;
  assert_true(esp_relation_all_pairs(&s));
  esp_set by_size = make(&s);
  s.truth = ESP_TRUTH_ALL_PAIRS;
  esp_set all = make(&s);
  s.truth = ESP_TRUTH_WITHIN_REACH;
  assert_false(esp_relation_all_pairs(&s));
  esp_set reach = make(&s);
  const size_t bytes = (size_t)(s.n * s.values) * sizeof(double);
  assert_memory_equal(by_size.value[Y], all.value[Y], bytes);
  assert_true(memcmp(reach.value[Y], all.value[Y], bytes));
  for (int64_t i = 0; i < s.n * s.values; i++) assert_true(fabs(reach.value[Y][i] - all.value[Y][i]) < 1e-8);
  esp_set_free(&by_size);
  esp_set_free(&all);
  esp_set_free(&reach);
}

static void refuse(esp_relation_start s, const char *what) {
  esp_set set;
  assert_int_equal(esp_relation_make(esp_comm_self(), &s, &set), ESP_ERR_CONFIG);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  esp_error_clear();
}

static void nothing_and_nonsense(void **state) {
  (void)state;
  for (int kind = 0; kind < ESP_RELATION_KINDS; kind++) {
    esp_relation_start s = some(kind, 0);
    s.sample = 3;
    esp_set set = make(&s);
    assert_int_equal(set.n_home, 0);
    esp_set_free(&set);
    s.sample = -1;
    refuse(s, "a sample of -1 targets");
    s.sample = 3, s.truth = ESP_TRUTH_NONE;
    refuse(s, "a sample of 3 targets of no truth");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_and_nonsense),
      cmocka_unit_test(equals_the_whole_truth),
      cmocka_unit_test(drawn_by_id),
      cmocka_unit_test(over_all_pairs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

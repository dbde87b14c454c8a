/* Made relations are as defined: orthonormal hidden maps, hidden coordinates, distributions, weights; targets are the
 * sums written out plainly, and within reach nothing that is seen is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "feature_columns.h"
#include "tasks/relation/relation_truth.h"

static esp_relation_start some(esp_relation_kind kind, int64_t n) {
  esp_relation_start s = {
      .kind = kind, .n = n, .features = 9, .hidden = 3, .values = 2, .h = 0.4, .seed = 5, .draw = 7};
  if (kind == ESP_RELATION_UPSTREAM) s.features = 4, s.hidden = 2, s.h = 0.055;
  if (kind == ESP_RELATION_COMPARE) s.values = 3;
  s.truth = ESP_TRUTH_BY_SIZE;
  return s;
}

static void assert_finite(const double *value, int64_t count) {
  for (int64_t i = 0; i < count && value; i++) assert_true(isfinite(value[i]));
}

static esp_set make(const esp_relation_start *start) {
  esp_set set;
  if (esp_relation_make(esp_comm_self(), start, &set)) fail_msg("%s", esp_error_message());
  assert_finite(set.value[X], set.n * set.width[X]);
  assert_finite(set.value[V], set.n * set.width[V]);
  assert_finite(set.value[Y], set.n * set.width[Y]);
  assert_finite(set.value[Z], set.n * set.width[Z]);
  assert_true(set.n == start->n && set.n_home == start->n && set.first == 0);
  assert_true(set.width[X] == start->features && set.width[V] == start->values);
  return set;
}

static void map_is_orthonormal(void **state) {
  (void)state;
  for (int D = 4; D <= 64; D += 20) {
    esp_relation_start s = some(ESP_RELATION_CIRCLES, 1);
    double map[64 * 64], other[64 * 64];
    s.features = D, s.hidden = D / 2;
    assert_int_equal(esp_relation_map(&s, map), ESP_OK);
    for (int a = 0; a < D; a++) {
      for (int b = 0; b < D; b++) {
        double dot = 0;
        for (int k = 0; k < D; k++) dot += map[a * D + k] * map[b * D + k];
        assert_true(fabs(dot - (a == b)) < 1e-14);
      }
    }
    size_t bytes = sizeof(double) * (size_t)(D * D);
    s.draw = 99, s.n = 5;
    assert_int_equal(esp_relation_map(&s, other), ESP_OK);
    assert_memory_equal(map, other, bytes);
    s.seed++;
    assert_int_equal(esp_relation_map(&s, other), ESP_OK);
    assert_true(memcmp(map, other, bytes));
  }
}

/* The numbers a network of the same seed may start from are not those of the map: rows must not be parallel. */
static void map_is_not_a_network_start(void **state) {
  (void)state;
  enum { D = 32 };
  esp_relation_start s = some(ESP_RELATION_SUBSPACE, 1);
  double map[D];
  s.features = D, s.hidden = 1;
  assert_int_equal(esp_relation_map(&s, map), ESP_OK);
  for (uint64_t stream = 0; stream < 200; stream++) {
    double dot = 0, norm = 0;
    for (uint32_t k = 0; k < D; k++) {
      const double w = esp_rng_normal(s.seed, stream, ESP_RNG_WEIGHT, k);
      dot += w * map[k];
      norm += w * w;
    }
    assert_true(fabs(dot) < 0.9 * sqrt(norm));
  }
}

static void hidden_coordinates(void **state) {
  (void)state;
  for (int kind = ESP_RELATION_SUBSPACE; kind < ESP_RELATION_KINDS; kind++) {
    if (kind == ESP_RELATION_UPSTREAM) continue;
    esp_relation_start s = some((esp_relation_kind)kind, 4000);
    s.values = 2;
    const int circles = kind == ESP_RELATION_CIRCLES, columns = kind == ESP_RELATION_TWICE ? 6 : 3;
    double map[6 * 9], mean = 0, square = 0, value = 0;
    s.truth = ESP_TRUTH_NONE;
    esp_set set = make(&s);
    assert_true(set.width[Y] == 0 && !set.value[Y] && !set.value[W] && set.width[Z] == columns);
    assert_int_equal(esp_relation_map(&s, map), ESP_OK);
    for (int i = 0; i < set.n_home; i++) {
      const double *x = set.value[X] + 9 * i;
      assert_int_equal(set.id[i], i);
      for (int a = 0; a < columns; a++) {
        double u[2] = {0, 0};
        for (int k = 0; k < 9; k++) {
          u[0] += map[(circles ? 2 * a : a) * 9 + k] * x[k];
          u[1] += circles ? map[(2 * a + 1) * 9 + k] * x[k] : 0;
        }
        assert_true(fabs(set.value[Z][columns * i + a] - (circles ? hypot(u[0], u[1]) : u[0])) < 1e-13);
      }
      for (int k = 0; k < 9; k++) mean += x[k] / 36000, square += x[k] * x[k] / 36000;
      value += (set.value[V][2 * i] * set.value[V][2 * i] + set.value[V][2 * i + 1] * set.value[V][2 * i + 1]) / 8000;
    }
    assert_true(fabs(mean) < 0.03 && fabs(square - 1) < 0.04 && fabs(value - 1) < 0.08);
    esp_set_free(&set);
  }
}

static void upstream_is_as_defined(void **state) {
  (void)state;
  esp_relation_start s = some(ESP_RELATION_UPSTREAM, 3000);
  s.truth = ESP_TRUTH_NONE;
  esp_set set = make(&s);
  double scored = 0, mean[2] = {0, 0};
  assert_true(set.width[Z] == 4 && set.value[W]);
  for (int i = 0; i < set.n_home; i++) {
    const double *x = set.value[X] + 4 * i, *z = set.value[Z] + 4 * i, far = hypot(x[2], x[3]);
    assert_true(far > 0.2 - 1e-15 && far < 0.4 + 1e-15);
    int inside = 1;
    for (int k = 0; k < 2; k++) {
      assert_true(x[k] > 0 && x[k] < 1 && z[k] == x[k] && z[2 + k] == x[k] - x[2 + k]);
      inside &= z[2 + k] >= 0 && z[2 + k] <= 1;
      mean[k] += x[2 + k] / 3000;
    }
    assert_true(set.value[W][i] == inside);
    scored += set.value[W][i] / 3000;
  }
  /* a shift of length s with random direction stays inside with 1 - 4 s / pi + s^2 / pi: 0.647 for s in [0.2, 0.4] */
  assert_true(fabs(scored - 0.647) < 0.03 && fabs(mean[0]) < 0.02 && fabs(mean[1]) < 0.02);
  esp_set_free(&set);
}

/* Sums over the columns from..from + r - 1 (receivers: to..) of the hidden coordinates, written out: y [n][T] of v [n][F];
 * u: marks of receivers. */
static void sums_written_out(const esp_relation_start *s, const esp_set *set, int from, int to, const double *v,
                             const double *u, int average, double *y) {
  const int self = s->kind == ESP_RELATION_UPSTREAM, F = s->values, T = u ? F - 1 : F, columns = set->width[Z];
  for (int i = 0; i < set->n_home; i++) {
    double num[4] = {0}, den = 0;
    for (int j = 0; j < set->n_home; j++) {
      double d2 = 0;
      for (int a = 0; a < s->hidden; a++) {
        const double d = set->value[Z][j * columns + from + a] - set->value[Z][i * columns + to + a];
        d2 += d * d;
      }
      if (j == i && !self) continue;
      const double g = exp(-d2 / (2 * s->h * s->h)), t = u ? v[j * F + F - 1] - u[i] : 0;
      for (int c = 0; c < T; c++) {
        const double w = v[j * F + c], least = fmin(fabs(w), fabs(t));
        num[c] += g * (u ? (w * t < 0 ? -least : least) : w);
      }
      den += g;
    }
    for (int c = 0; c < T; c++) y[i * T + c] = average ? num[c] / (den + 0.3) : num[c];
  }
}

/* Largest error of the targets over their rms. */
static double against_definition(const esp_relation_start *s, const esp_set *set, int average) {
  const int r = s->hidden, D = s->features, n = set->n_home, T = set->width[Y];
  double map[10 * 9], worst = 0, square = 0;
  double *y = malloc(sizeof(double) * (size_t)(n * T + 1)), *a = malloc(sizeof(double) * (size_t)(n * T + 1));
  double *u = malloc(sizeof(double) * (size_t)(n + 1));
  if (s->kind == ESP_RELATION_COMPARE) {
    assert_int_equal(esp_relation_map(s, map), ESP_OK);
    for (int i = 0; i < n; i++) {
      u[i] = 0;
      for (int k = 0; k < D; k++) u[i] += map[r * D + k] * set->value[X][i * D + k];
    }
    sums_written_out(s, set, 0, 0, set->value[V], u, average, y);
  } else if (s->kind == ESP_RELATION_TWICE) {
    sums_written_out(s, set, 0, 0, set->value[V], NULL, average, a);
    sums_written_out(s, set, r, r, a, NULL, average, y);
  } else {
    sums_written_out(s, set, 0, s->kind == ESP_RELATION_UPSTREAM ? r : 0, set->value[V], NULL, average, y);
  }
  for (int k = 0; k < n * T; k++) {
    worst = fmax(worst, fabs(y[k] - set->value[Y][k]));
    square += y[k] * y[k] / (n * T);
  }
  free(y), free(a), free(u);
  return square > 0 ? worst / sqrt(square) : worst;
}

static void targets_are_the_sums(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 2, 7, 8, 9, 300};
  for (int kind = 0; kind < ESP_RELATION_KINDS; kind++) {
    for (int k = 0; k < 6 * 2; k++) {
      esp_relation_start s = some((esp_relation_kind)kind, sizes[k / 2]);
      s.average = k % 2;
      esp_set set = make(&s);
      assert_int_equal(set.width[Y], 2);
      const double error = against_definition(&s, &set, s.average || kind == 2);
      if (!(error < 2e-13)) fail_msg("kind %d, n %d, average %d: error %g", kind, (int)sizes[k / 2], k % 2, error);
      esp_set_free(&set);
    }
  }
}

/* One axis, two, three; narrow, wide, and wider than the set. */
static void within_reach_is_enough(void **state) {
  (void)state;
  static const double width[] = {0.02, 0.125, 30};
  for (int kind = 0; kind < ESP_RELATION_KINDS; kind++) {
    for (int k = 0; k < 9; k++) {
      esp_relation_start s = some((esp_relation_kind)kind, 1500);
      if (kind != ESP_RELATION_UPSTREAM) s.hidden = 1 + k / 3;
      s.h = width[k % 3] * (kind == 2 ? 0.5 : 1);
      s.truth = ESP_TRUTH_WITHIN_REACH;
      esp_set set = make(&s);
      const double error = against_definition(&s, &set, kind == 2);
      if (!(error < 1e-10)) fail_msg("kind %d, h %g: error %g", kind, s.h, error);
      esp_set_free(&set);
    }
  }
}

/* Something is left out, or the grid would be for nothing: a gate beyond reach and all cells it meets. */
static void beyond_reach_is_left_out(void **state) {
  (void)state;
  double k[40], v[20], sum[40];
  for (int i = 0; i < 20; i++) k[2 * i] = i, k[2 * i + 1] = -i, v[i] = 1;
  esp_truth_law law = {.axes = 2, .values = 1, .h = 3, .reach = 0, .self = 0};
  assert_int_equal(esp_truth_sums(esp_comm_self(), &law, 20, k, k, v, sum), ESP_OK);
  double all = 0;
  for (int j = 1; j < 20; j++) all += exp(-j * j / 9.0);
  assert_true(fabs(sum[0] - all) < 1e-14 && sum[0] == sum[1]);
  law.reach = 4;
  assert_int_equal(esp_truth_sums(esp_comm_self(), &law, 20, k, k, v, sum), ESP_OK);
  assert_true(sum[0] < all - exp(-64 / 9.0) && sum[0] > exp(-1 / 9.0) + exp(-4 / 9.0) - 1e-14);
}

static void size_decides(void **state) {
  (void)state;
  esp_relation_start s = some(ESP_RELATION_SUBSPACE, ESP_RELATION_DIRECT);
  assert_true(esp_relation_all_pairs(&s));
  s.n++;
  assert_false(esp_relation_all_pairs(&s));
  s.truth = ESP_TRUTH_ALL_PAIRS;
  assert_true(esp_relation_all_pairs(&s));
}

/* Another draw is another set; another size is the same particles. */
static void draws_differ(void **state) {
  (void)state;
  esp_relation_start s = some(ESP_RELATION_SUBSPACE, 100);
  s.truth = ESP_TRUTH_NONE;
  esp_set first = make(&s);
  s.n = 150;
  esp_set longer = make(&s);
  s.draw++;
  esp_set other = make(&s);
  assert_memory_equal(first.value[X], longer.value[X], 900 * sizeof(double));
  assert_memory_equal(first.value[V], longer.value[V], 200 * sizeof(double));
  for (int i = 0; i < 900; i++) assert_true(first.value[X][i] != other.value[X][i]);
  esp_set_free(&first);
  esp_set_free(&longer);
  esp_set_free(&other);
}

static void refuse(esp_relation_start s, const char *what) {
  esp_set set;
  assert_int_equal(esp_relation_make(esp_comm_self(), &s, &set), ESP_ERR_CONFIG);
  if (!strstr(esp_error_message(), what)) fail_msg("'%s' is not in: %s", what, esp_error_message());
  assert_null(set.value[X]);
  esp_error_clear();
}

static void nothing_and_nonsense(void **state) {
  (void)state;
  for (int kind = 0; kind < ESP_RELATION_KINDS; kind++) {
    esp_relation_start s = some((esp_relation_kind)kind, 0);
    esp_set set = make(&s);
    s.truth = ESP_TRUTH_WITHIN_REACH;
    esp_set_free(&set);
    set = make(&s);
    esp_set_free(&set);
    s.n = -1;
    refuse(s, "-1 particles");
    s = some((esp_relation_kind)kind, 3);
    s.h = 0;
    refuse(s, "width h of the gate is 0");
    s = some((esp_relation_kind)kind, 3);
    s.values = kind == ESP_RELATION_COMPARE;
    refuse(s, kind == ESP_RELATION_COMPARE ? "1 values a particle, must be >= 2" : "0 values");
  }
  esp_relation_start s = some(ESP_RELATION_CIRCLES, 3);
  s.features = 5;
  refuse(s, "5 features, must be >= 6 for 3 hidden");
  s = some(ESP_RELATION_TWICE, 3), s.features = 5;
  refuse(s, "5 features, must be >= 6 for 3 hidden");
  s = some(ESP_RELATION_COMPARE, 3), s.features = 3;
  refuse(s, "3 features, must be >= 4 for 3 hidden");
  s = some(ESP_RELATION_SUBSPACE, 3), s.features = 2;
  refuse(s, "2 features, must be >= 3");
  s = some(ESP_RELATION_UPSTREAM, 3), s.features = 5;
  refuse(s, "it has 4");
  s = some(ESP_RELATION_SUBSPACE, 3), s.draw = -2;
  refuse(s, "draw -2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_and_nonsense),
      cmocka_unit_test(map_is_orthonormal),
      cmocka_unit_test(map_is_not_a_network_start),
      cmocka_unit_test(hidden_coordinates),
      cmocka_unit_test(upstream_is_as_defined),
      cmocka_unit_test(targets_are_the_sums),
      cmocka_unit_test(within_reach_is_enough),
      cmocka_unit_test(beyond_reach_is_left_out),
      cmocka_unit_test(size_decides),
      cmocka_unit_test(draws_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

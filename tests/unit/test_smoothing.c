/* Proves that the measure of smoothing is what plain loops over pairs give, for answers of two values and for others, that a
 * sample is of so many particles, and that visitors of a network see the states before its layers, whatever holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/smoothing.h"
#include "relation_train_case.h"

enum { N = 60, D = 5, F = 2, WIDE = 3 };

static double number(int stream, int k) {
  return esp_rng_normal(11, (uint64_t)stream, ESP_RNG_TEST, (uint32_t)k);
}

static void measure(const esp_set *set, int samples, int width, const double *rows, double *ratio, double *spread) {
  esp_smoothing *s;
  OK(esp_smoothing_create(esp_comm_self(), set, samples, 1, &s));
  OK(esp_smoothing_of(s, width, rows, ratio, spread));
  esp_smoothing_free(&s);
  assert_null(s);
}

static void close_to(double value, double expected) {
  if (!(fabs(value - expected) <= 1e-12 * fabs(expected))) fail_msg("%.17g, expected %.17g", value, expected);
}

/* ---- the measure ---- */

static double apart(int width, const double *rows, int i, int j) {
  double sum = 0;
  for (int c = 0; c < width; c++) sum += pow(rows[i * width + c] - rows[j * width + c], 2);
  return sum;
}

/* Particles that count [n]; targets over their spread. */
static void plain(const int *counts, int targets, const double *target, const double *rows, double *ratio,
                  double *spread) {
  double mean = 0, sum[2] = {0}, pairs[2] = {0}, squares = 0, all = 0;
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N && counts[i]; j++)
      if (i != j && counts[j]) mean += apart(targets, target, i, j), all++;
  }
  mean /= all;
  for (int i = 0; i < N; i++) {
    for (int j = 0; j < N && counts[i]; j++) {
      if (i == j || !counts[j]) continue;
      const int differ = apart(targets, target, i, j) > mean;
      sum[differ] += apart(WIDE, rows, i, j), pairs[differ]++;
    }
    for (int c = 0; c < WIDE && counts[i]; c++) squares += rows[i * WIDE + c] * rows[i * WIDE + c];
  }
  double n = 0;
  for (int i = 0; i < N; i++) n += counts[i];
  *ratio = sqrt(sum[1] / pairs[1] / (sum[0] / pairs[0]));
  *spread = sqrt((sum[0] + sum[1]) / all / (2 * squares / n));
}

/* Targets: +1 and -1, twice the same; any, the second a thousand times the first in size. */
static void is_the_plain_loops(void **state) {
  (void)state;
  for (int holes = 0; holes < 2; holes++)
    for (int two = 0; two < 2; two++) {
      esp_set set = relation_case_set(N, D, F, 0.5, holes, 8);
      double rows[N * WIDE], even[N * F], ratio, spread, expected[2];
      int counts[N], scored = 0;
      for (int i = 0; i < N; i++) scored += counts[i] = !holes || i % 5 != 3;
      for (int i = 0; i < N * WIDE; i++) rows[i] = 1 + number(1, i);
      for (int i = 0; i < N * F; i++) set.value[Y][i] = i % 2 ? 1e3 * number(2, i) : number(2, i);
      for (int i = 0; i < N * F && two; i++) set.value[Y][i] = number(3, i / 2) > 0 ? 1 : -1;
      for (int c = 0; c < F; c++) {
        double mean = 0, square = 0;
        for (int i = 0; i < N; i++) mean += counts[i] * set.value[Y][i * F + c] / scored;
        for (int i = 0; i < N; i++) square += counts[i] * pow(set.value[Y][i * F + c] - mean, 2) / scored;
        for (int i = 0; i < N; i++) even[i * F + c] = set.value[Y][i * F + c] / sqrt(square);
      }
      for (int i = 0; i < N && two; i++) rows[i * WIDE] += 2 * set.value[Y][i * F];
      plain(counts, F, even, rows, &expected[0], &expected[1]);
      measure(&set, N, WIDE, rows, &ratio, &spread);
      close_to(ratio, expected[0]);
      close_to(spread, expected[1]);
      assert_true(two ? ratio > 1.5 : ratio > 0.8 && ratio < 1.2);
      assert_true(spread > 0.3 && spread < 1);
      esp_set_free(&set);
    }
}

/* Of fewer, and of all that there are; none, one; the same answers, the same rows. */
static void samples_and_what_they_cannot_tell(void **state) {
  (void)state;
  esp_set set = relation_case_set(N, D, F, 0.5, 0, 8);
  double rows[N * WIDE], ratio[2], spread;
  for (int i = 0; i < N * WIDE; i++) rows[i] = number(1, i);
  for (int samples = 1; samples < 2 * N; samples += N / 2) {
    esp_smoothing *s;
    OK(esp_smoothing_create(esp_comm_self(), &set, samples, 1, &s));
    assert_int_equal(esp_smoothing_samples(s), samples < N ? samples : N);
    esp_smoothing_free(&s);
  }
  measure(&set, N, WIDE, rows, &ratio[0], &spread);
  measure(&set, N / 2, WIDE, rows, &ratio[1], &spread);
  assert_true(ratio[0] != ratio[1] && fabs(ratio[0] - ratio[1]) < 0.3);
  measure(&set, 1, WIDE, rows, ratio, &spread);
  assert_true(isnan(ratio[0]) && isnan(spread));
  for (int i = 0; i < N * WIDE; i++) rows[i] = 2;
  measure(&set, N, WIDE, rows, ratio, &spread);
  assert_true(isnan(ratio[0]) && spread == 0);
  for (int i = 0; i < N * WIDE; i++) rows[i] = number(1, i);
  for (int i = 0; i < N * F; i++) set.value[Y][i] = 3;
  measure(&set, N, WIDE, rows, ratio, &spread);
  assert_true(isnan(ratio[0]) && spread > 0.9);
  esp_set_free(&set);
  set = relation_case_set(0, D, F, 0.5, 0, 8);
  measure(&set, N, WIDE, rows, ratio, &spread);
  assert_true(isnan(ratio[0]) && isnan(spread));
  esp_set_free(&set);
}

/* ---- the states that it is shown of ---- */

enum { LAYERS = 4, H = 6 };
typedef struct {
  int n, seen;
  double state[LAYERS][N * H];
} note;

static int note_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)context, (void)l, (void)dom, (void)key, (void)query;
  return ESP_OK;
}

static int note_state(void *context, int l, int width, const double *s) {
  note *to = context;
  assert_true(l == to->seen++ && l < LAYERS && width == H);
  memcpy(to->state[l], s, sizeof(double) * (size_t)(to->n * H));
  return ESP_OK;
}

static esp_stack_param deep(int depth) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.8);
  p.layers = LAYERS, p.width = H, p.depth = depth, p.groups = 2,
  p.damping = esp_depths[depth]->implicit ? 0 : 0.5; /* 1 / 2 */
  return p;
}

static void pass(const esp_model *r, const esp_set *set, note *to) {
  const esp_backend b = esp_backend_self();
  const esp_visit visit = {.layer = note_layer, .context = to, .state = note_state};
  double y[N * F];
  to->n = set->n_home, to->seen = 0;
  OK(esp_model_predict(r, &b, set, &visit, y, NULL));
}

static double *group_of(const esp_model *r, int layer, int part, int grouped, const char *end) {
  char name[64];
  if (grouped)
    snprintf(name, sizeof name, "layer%d.%d.update.%s", layer, part, end);
  else
    snprintf(name, sizeof name, "layer%d.update.%s", layer, end);
  return model_group(r, name);
}

/* Layers whose output is a constant c: the first state is the lift, the others follow from the row of depth, damped. */
static void visitors_see_states(void **state) {
  (void)state;
  esp_set set = relation_case_set(N, D, F, 0.5, 0, 8), none = relation_case_set(0, D, F, 0.5, 0, 8);
  for (int depth = 0; esp_depths[depth]; depth++) {
    const esp_stack_param p = deep(depth);
    const int grouped = esp_depths[depth]->grouped, G = grouped ? 2 : 1, w = H / G;
    const int plain = !strcmp(esp_depths[depth]->name, "plain");
    const int injected = !strcmp(esp_depths[depth]->name, "injected");
    esp_model r = relation_case_network(&p);
    static note seen;
    for (int l = 0; l < LAYERS - 1; l++)
      for (int g = 0; g < G; g++) {
        memset(group_of(&r, l, g, grouped, "R2"), 0, sizeof(double) * (size_t)(w * p.hidden));
        for (int c = 0; c < w; c++) group_of(&r, l, g, grouped, "c")[c] = ldexp(l + 1, -(g * w + c));
      }
    pass(&r, &set, &seen);
    assert_int_equal(seen.seen, LAYERS);
    const double *weight = model_group(&r, "lift.W"), *bias = model_group(&r, "lift.b");
    for (int i = 0; i < N * H; i++) {
      double s = bias[i % H];
      for (int k = 0; k < D; k++) s += weight[i % H * (D + F) + k] * set.value[X][i / H * D + k];
      for (int k = 0; k < F; k++) s += weight[i % H * (D + F) + D + k] * set.value[V][i / H * F + k];
      const double first = s, damped = pow(LAYERS, -p.damping);
      for (int l = 0; l < LAYERS; l++) {
        assert_true(fabs(seen.state[l][i] - s) < 1e-11);
        s = (plain ? 0 : injected ? first : s) + damped * ldexp(l + 1, -(i % H));
      }
    }
    pass(&r, &none, &seen);
    assert_int_equal(seen.seen, LAYERS);
    esp_model_free(&r);
  }
  esp_set_free(&set);
  esp_set_free(&none);
}

/* One layer has no state, and who does not look at states is shown none. */
static void no_states(void **state) {
  (void)state;
  esp_set set = relation_case_set(N, D, F, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.8);
  esp_model r = relation_case_network(&p);
  static note seen;
  pass(&r, &set, &seen);
  assert_int_equal(seen.seen, 0);
  esp_model_free(&r);
  esp_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(is_the_plain_loops),
                                     cmocka_unit_test(samples_and_what_they_cannot_tell),
                                     cmocka_unit_test(visitors_see_states), cmocka_unit_test(no_states)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

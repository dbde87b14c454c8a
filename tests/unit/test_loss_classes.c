/* Proves that cross-entropy is the one written as plain loops, with the gradient of central differences; that particles without a
 * class or a weight count for nothing; and what it validates by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "net/loss.h"

enum { N = 37, K = 5, T = 0, WEIGHT, VALIDATION };

static const esp_column columns[] = {{.name = "t", .role = ESP_TARGET, .width = K},
                                     {.name = "w", .role = ESP_WEIGHT, .width = 1, .optional = 1},
                                     {.name = "v", .role = ESP_VALIDATION, .width = 1, .optional = 1},
                                     {0}};
static const esp_number none[] = {{0}};
static const esp_layout layout = {columns, none, ""};

typedef struct {
  esp_set set;
  double t[N][K], weight[N], judged[N], y[N][K];
} classes;

/* Every seventh has no class; weights 0 to 3. */
static void fill(classes *c, int n) {
  *c = (classes){.set = {.n = n, .n_home = n, .layout = &layout, .width = {K, 1, 1}}};
  c->set.value[T] = c->t[0];
  c->set.value[WEIGHT] = c->weight;
  c->set.value[VALIDATION] = c->judged;
  for (int i = 0; i < N; i++) {
    const uint64_t u = (uint64_t)i;
    if (i % 7 != 3) c->t[i][esp_rng_below(1, u, ESP_RNG_TEST, 0, K)] = 1;
    c->weight[i] = i % 4;
    c->judged[i] = i % 4 == 0;
    for (uint32_t k = 0; k < K; k++) c->y[i][k] = 2 * esp_rng_normal(2, u, ESP_RNG_TEST, k);
  }
}

static double value_of(const classes *c, double factor, double *dy) {
  const esp_backend host = esp_backend_host(esp_comm_self());
  double part;
  assert_int_equal(esp_loss_cross_entropy.value(NULL, &host, &c->set, c->y[0], factor, dy, &part), ESP_OK);
  return part;
}

static void plain_loops(void **state) {
  (void)state;
  classes c;
  double sum = 0, whole = 0;
  fill(&c, N);
  for (int i = 0; i < N; i++) {
    double all = 0, own = 0;
    if (i % 7 == 3) continue;
    for (int k = 0; k < K; k++) all += exp(c.y[i][k]);
    for (int k = 0; k < K; k++) own += c.t[i][k] * log(exp(c.y[i][k]) / all);
    sum -= c.weight[i] * own;
    whole += c.weight[i];
  }
  assert_true(fabs(value_of(&c, 1, NULL) - sum / whole) < 1e-14 * sum / whole);
  c.set.value[WEIGHT] = NULL, c.set.width[WEIGHT] = 0;
  const double equal = value_of(&c, 1, NULL);
  for (int i = 0; i < N; i++) c.weight[i] = 0.5;
  c.set.value[WEIGHT] = c.weight, c.set.width[WEIGHT] = 1;
  assert_true(fabs(value_of(&c, 1, NULL) - equal) < 1e-14);
}

static void gradient(void **state) {
  (void)state;
  const double step = 1e-4;
  classes c;
  double dy[N][K];
  fill(&c, N);
  value_of(&c, 0.25, dy[0]);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < K; k++) {
      const double middle = c.y[i][k];
      c.y[i][k] = middle + step;
      const double up = value_of(&c, 1, NULL);
      c.y[i][k] = middle - step;
      const double down = value_of(&c, 1, NULL);
      c.y[i][k] = middle;
      assert_true(fabs(0.25 * (up - down) / (2 * step) - dy[i][k]) < 1e-10);
      if (i % 7 == 3 || i % 4 == 0) assert_true(dy[i][k] == 0);
    }
}

/* None, one of no class, predictions beyond what exponentials can hold. */
static void degenerate(void **state) {
  (void)state;
  const esp_backend host = esp_backend_host(esp_comm_self());
  classes c;
  double dy[K] = {7, 7, 7, 7, 7}, part;
  fill(&c, 0);
  assert_true(value_of(&c, 1, NULL) == 0);
  fill(&c, 1);
  memset(c.t, 0, sizeof c.t);
  c.weight[0] = 1;
  assert_true(value_of(&c, 1, dy) == 0);
  for (int k = 0; k < K; k++) assert_true(dy[k] == 0);
  c.t[0][1] = 1;
  c.y[0][0] = 3000, c.y[0][1] = -3000;
  assert_true(value_of(&c, 1, dy) == 6000);
  assert_true(dy[0] == 1 && dy[1] == -1);
  c.y[0][2] = NAN;
  assert_true(isnan(value_of(&c, 1, NULL)));
  c.set.width[T] = 0;
  assert_int_equal(esp_loss_cross_entropy.value(NULL, &host, &c.set, c.y[0], 1, NULL, &part), ESP_ERR_ARG);
  esp_error_clear();
}

static void validates(void **state) {
  (void)state;
  const esp_backend host = esp_backend_host(esp_comm_self());
  classes c;
  double right = 0, whole = 0, value[2];
  fill(&c, N);
  for (int i = 0; i < N; i += 8)
    for (int k = 0; k < K; k++) c.y[i][k] += 9 * c.t[i][k];
  for (int k = 0; k < K; k++) c.y[12][k] = 1, c.t[12][k] = k == 0; /* all equal: the first of them counts */
  for (int i = 0; i < N; i += 4) {
    int most = 0;
    if (i % 7 == 3) continue;
    for (int k = 1; k < K; k++)
      if (c.y[i][k] > c.y[i][most]) most = k;
    right += c.t[i][most];
    whole += 1;
  }
  assert_true(right > 0 && right < whole);
  assert_int_equal(esp_loss_cross_entropy.validate(NULL, &host, &c.set, c.y[0], value), ESP_OK);
  assert_true(value[0] == right / whole);
  memcpy(c.weight, c.judged, sizeof c.weight);
  assert_true(value[1] == -value_of(&c, 1, NULL));
  memset(c.judged, 0, sizeof c.judged); /* nobody to choose by: no accuracy of 0 that looks like one */
  assert_int_equal(esp_loss_cross_entropy.validate(NULL, &host, &c.set, c.y[0], value), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "set train_validate 0"));
  c.set.width[VALIDATION] = 0, c.set.value[VALIDATION] = NULL;
  assert_int_equal(esp_loss_cross_entropy.validate(NULL, &host, &c.set, c.y[0], value), ESP_ERR_ARG);
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(plain_loops), cmocka_unit_test(gradient),
                                     cmocka_unit_test(degenerate), cmocka_unit_test(validates)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves: a layer gives every particle the same bits in any home order and any order of blocks; it keeps momentum and
 * is blind to shifts; no particle, one particle and forbidden values are handled. */
#include "net_case.h"

static net_case c, d;
static double a[MOST][3], b[MOST][3], da[MOST][3], db[MOST][3];
static double weight[8 * 7];

/* The law, of 8 units. */
static void learn(esp_layer_param *param) {
  for (int p = 0; p < 8 * 7; p++) weight[p] = 0.3 * esp_rng_normal(31, (uint64_t)p, ESP_RNG_WEIGHT, 0);
  param->form.message = &esp_message_law;
  param->form.channels = 8;
  param->form.mean = 0.6;
}

static void run(const net_case *k, const esp_layer_param *param, double (*out)[3], double (*dy)[3], int64_t *acc) {
  const esp_backend backend = esp_backend_self();
  esp_layer layer;
  MUST(case_forward(&backend, param, k, weight, out, &layer));
  MUST(case_backward(&backend, &layer, k, dy, acc));
  assert_true(layer.seconds_build >= 0 && layer.seconds_forward >= 0 && layer.seconds_backward >= 0);
  esp_layer_free(&layer);
  assert_null(layer.dom);
}

static void empty(void **state) {
  (void)state;
  int64_t acc[8 * 7 * ESP_EXACT_FULL_WORDS] = {0};
  for (int n = 0; n < 2; n++) {
    case_fill(&c, n, 3, 4, 0, 32);
    esp_layer_param param = case_param(8, 32, 3, 0.7, 0.1);
    learn(&param);
    run(&c, &param, a, da, acc);
    for (int k = 0; k < 3 * n; k++) assert_true(a[0][k] == 0 && da[0][k] == 0);
  }
  for (int p = 0; p < 8 * 7; p++) assert_true(esp_exact_value(&ESP_EXACT_FULL, acc + p * ESP_EXACT_FULL_WORDS) == 0);
}

static void home_order(void **state) {
  (void)state;
  static int64_t acc[2][8 * 7 * ESP_EXACT_FULL_WORDS];
  case_fill(&c, 700, 3, 9, 1, 33);
  d = c;
  for (int i = 0; i < c.n; i++) {
    const int to = (i * 53 + 5) % c.n;
    memcpy(d.y[to], c.y[i], sizeof c.y[i]);
    memcpy(d.g[to], c.g[i], sizeof c.g[i]);
    d.mu[to] = c.mu[i];
    d.id[to] = c.id[i];
  }
  esp_layer_param param = case_param(5, 23, 3, 0.8, 0.1);
  learn(&param);
  memset(acc, 0, sizeof acc);
  run(&c, &param, a, da, acc[0]);
  run(&d, &param, b, db, acc[1]);
  for (int i = 0; i < c.n; i++) {
    const int to = (i * 53 + 5) % c.n;
    assert_memory_equal(a[i], b[to], sizeof a[i]);
    assert_memory_equal(da[i], db[to], sizeof a[i]);
  }
  for (int p = 0; p < 8 * 7; p++)
    assert_true(esp_exact_value(&ESP_EXACT_FULL, acc[0] + p * ESP_EXACT_FULL_WORDS) ==
                esp_exact_value(&ESP_EXACT_FULL, acc[1] + p * ESP_EXACT_FULL_WORDS));
}

/* Blocks one by one from the last to the first, with scratch that has seen other blocks. */
static void block_order(void **state) {
  (void)state;
  const esp_backend backend = esp_backend_self();
  const esp_kernels *kernels = backend.device->kernels(&esp_message_newton);
  case_fill(&c, 777, 3, 9, 1, 34);
  const esp_layer_param param = case_param(5, 40, 3, 0.8, 0.1);
  esp_layer layer;
  esp_scratch *scratch;
  MUST(case_forward(&backend, &param, &c, NULL, a, &layer));
  esp_domain *dom = layer.dom;
  const esp_pairs pairs = esp_layer_pairs(&layer);
  MUST(kernels->begin(&layer.param.form, dom, &scratch));
  for (int k = dom->tree.n_block - 1; k >= 0; k--) kernels->forward(&pairs, 1, &k, (double *)db, scratch);
  MUST(dom->ops->to_home(dom, sizeof *b, db, b));
  assert_memory_equal(a, b, (size_t)c.n * sizeof *a);
  kernels->end(&scratch);
  assert_null(scratch);
  esp_layer_free(&layer);
}

static void invariants(void **state) {
  (void)state;
  for (int t = 0; t < 2; t++) {
    double momentum[3] = {0}, slope[3] = {0}, size = 0, steep = 0;
    case_fill(&c, 500, 3, 8, 1, 35);
    const esp_layer_param param = case_param(5, 23, 3, t ? 0.7 : 0, 0.1);
    run(&c, &param, a, da, NULL);
    for (int i = 0; i < c.n; i++)
      for (int k = 0; k < 3; k++) {
        momentum[k] += c.mu[i] * a[i][k];
        slope[k] += da[i][k];
        size += fabs(c.mu[i] * a[i][k]);
        steep += fabs(da[i][k]);
      }
    for (int k = 0; k < 3; k++) {
      if (!t) assert_true(fabs(momentum[k]) < 1e-6 * size);
      assert_true(fabs(slope[k]) < 1e-6 * steep);
    }
    d = c;
    for (int i = 0; i < c.n; i++) d.y[i][1] += 1024; /* a far origin costs no precision: differences are float64 */
    run(&d, &param, b, db, NULL);
    assert_true(case_distance(c.n, b, a) < 1e-6 && case_distance(c.n, db, da) < 1e-5);
  }
}

static void refuse(const char *word, esp_code code, const esp_layer_param *param) {
  const esp_backend backend = esp_backend_self();
  esp_layer layer;
  esp_error_clear();
  assert_int_equal(case_forward(&backend, param, &c, NULL, a, &layer), code);
  if (!strstr(esp_error_message(), word)) fail_msg("no \"%s\" in: %s", word, esp_error_message());
  assert_null(layer.dom);
  esp_error_clear();
}

static void forbidden(void **state) {
  (void)state;
  esp_layer_param param = case_param(5, 23, 3, 0.7, 0.1);
  case_fill(&c, 20, 3, 8, 0, 36);
  c.mu[4] = -1;
  refuse("19", ESP_ERR_VALUE, &param); /* the id */
  c.mu[4] = INFINITY;
  refuse("19", ESP_ERR_VALUE, &param);
  c.mu[4] = 1;
  c.y[4][2] = NAN;
  refuse("19", ESP_ERR_VALUE, &param);
  c.y[4][2] = 0;
  c.y[4][0] = INFINITY;
  refuse("19", ESP_ERR_VALUE, &param);
  c.y[4][0] = 0;
  c.id[4] = c.id[5];
  refuse("22", ESP_ERR_VALUE, &param);
  c.id[4] = 19;
  param.domain.dim = 5;
  refuse("5", ESP_ERR_CONFIG, &param);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(empty), cmocka_unit_test(home_order),
                                     cmocka_unit_test(block_order), cmocka_unit_test(invariants),
                                     cmocka_unit_test(forbidden)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

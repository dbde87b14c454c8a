/* Proves that the device's messages of bodies give the CPU's bits: sums, gradients and parameters' gradients of a layer, near
 * and far, open and periodic, at every ragged size. ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "cuda/kernels.h"
#include "tests/unit/net_case.h"

enum { HIDDEN = 5, COUNT = 7 * HIDDEN, WORDS = ESP_EXACT_FULL_WORDS };

static net_case c;

typedef struct {
  double a[MOST][3], dy[MOST][3], slope[COUNT];
  int64_t acc[COUNT * WORDS], far;
} result;
static result host, device;

static void run(const esp_device *by, const esp_layer_param *param, const double *weight, result *r) {
  const esp_backend backend = case_backend(by);
  esp_layer layer;
  memset(r, 0, sizeof *r);
  MUST(case_forward(&backend, param, &c, weight, r->a, &layer));
  MUST(case_backward(&backend, &layer, &c, r->dy, r->acc));
  r->far = layer.dom->lists.far_pairs;
  for (int k = 0; k < COUNT; k++) r->slope[k] = esp_exact_value(&ESP_EXACT_FULL, r->acc + k * WORDS);
  esp_layer_free(&layer);
}

static void same(const char *what, const double *a, const double *b, int count) {
  for (int k = 0; k < count; k++)
    if (!(a[k] == b[k])) fail_msg("%s %d: %.17g on the host, %.17g on the device (n %d)", what, k, a[k], b[k], c.n);
}

static int64_t compare(const esp_message *message, int n, int leaf, int block, double theta, double period) {
  static double weight[COUNT];
  esp_layer_param param = case_param(leaf, block, 3, theta, 0.05);
  param.form.message = message;
  param.form.channels = message == &esp_message_newton ? 0 : HIDDEN;
  param.form.mean = 0.6;
  for (int a = 0; a < 3; a++) param.form.period[a] = period;
  for (int k = 0; k < COUNT; k++) weight[k] = 0.3 * esp_rng_normal(31, (uint64_t)k, ESP_RNG_WEIGHT, 0);
  case_fill(&c, n, 3, 4, 1, 32 + (uint64_t)n);
  run(&esp_device_cpu32, &param, weight, &host);
  run(&esp_device_cuda32, &param, weight, &device);
  same("sum", host.a[0], device.a[0], 3 * n);
  same("gradient", host.dy[0], device.dy[0], 3 * n);
  same("parameter", host.slope, device.slope, COUNT);
  return host.far;
}

static void sizes(const esp_message *message, int most) {
  static const int n[] = {0, 1, 7, 31, 32, 33, 100, 600};
  int64_t far = 0;
  for (size_t k = 0; k < sizeof n / sizeof *n && n[k] <= most; k++) {
    far += compare(message, n[k], 8, 64, 0.7, 0);
    far += compare(message, n[k], 3, 5, 0.9, 0);
    compare(message, n[k], 4, 33, 0.8, 4);
  }
  assert_true(far > 0); /* of cells there were some */
}

static void newton(void **state) {
  (void)state;
  sizes(&esp_message_newton, 600);
  compare(&esp_message_newton, MOST, 64, 300, 0.7, 0); /* several warps, more than a chunk */
  assert_true(compare(&esp_message_newton, MOST, 4, 40, 1.4, 0) > 0);
}

static void learned(void **state) {
  (void)state;
  sizes(&esp_message_newton_mlp, 100);
  sizes(&esp_message_correction, 33);
  sizes(&esp_message_law, 100);
  compare(&esp_message_law, 600, 16, 40, 0, 0);                   /* more than a chunk */
  assert_true(compare(&esp_message_law, 400, 4, 40, 1.4, 0) > 0); /* cells on several sixteens of bodies */
}

/* A block of more bodies than a device takes is refused, with the keys that help: a leaf is a block, too, where it is
 * the larger. */
static void large(void **state) {
  (void)state;
  const esp_backend backend = case_backend(&esp_device_cuda32);
  const esp_layer_param param = case_param(1024, 1024, 3, 0.7, 0.05);
  esp_layer layer;
  case_fill(&c, 600, 3, 4, 0, 5);
  esp_error_clear();
  assert_int_equal(case_forward(&backend, &param, &c, NULL, host.a, &layer), ESP_ERR_LIMIT);
  assert_non_null(strstr(esp_error_message(), "tree_block and tree_leaf"));
  esp_error_clear();
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(newton), cmocka_unit_test(learned), cmocka_unit_test(large)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

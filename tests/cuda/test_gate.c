/* Proves that the device's gated messages give the CPU's bits: sums, gradients, the words of cells' and parameters' sums, near
 * and far, of one tree and of two, at every ragged size, where all is heard and where little is. ESPALIER_MODEL_ORDER: of the
 * model (tests/cuda/model). */
#include <inttypes.h>

#include "tests/unit/gate_case.h"

#include "cuda/kernels.h"

static gate_case c;

enum { SUM, QUERY, SOURCE, CELL, PARAM, RESULTS };
static const char *const name[RESULTS] = {"sum", "query", "source", "cell", "parameter"};

/* Results as words of 8 bytes: in the device's memory, on the host. */
typedef struct {
  size_t count[RESULTS];
  void *there[RESULTS];
  int64_t *host[RESULTS];
} result;

static void *put(const esp_device *device, const void *host, size_t count) {
  void *there = NULL;
  MUST(device->alloc(&there, count * 8));
  MUST(device->put(there, host, count * 8));
  return there;
}

static void start(const esp_device *device, result *r) {
  const size_t n = (size_t)c.n, cells = (size_t)c.dom->tree.row_count * (size_t)c.g.width.adjoint;
  const size_t count[RESULTS] = {n * (size_t)c.sum_width, n * (size_t)c.query_width, n * (size_t)c.source_width,
                                 cells * ESP_EXACT_CELL_WORDS, (size_t)c.params * ESP_EXACT_FULL_WORDS};
  memcpy(r->count, count, sizeof count);
  for (int k = 0; k < RESULTS; k++) {
    r->host[k] = NULL;
    MUST(ESP_ALLOC(r->host[k], count[k]));
    for (size_t i = 0; i < count[k] && k <= SOURCE; i++) ((double *)r->host[k])[i] = 0.5; /* gradients are added */
    r->there[k] = put(device, r->host[k], count[k]);
  }
}

static double *receivers_rows(void) {
  const size_t qw = (size_t)c.query_width, W = (size_t)c.sum_width;
  double *row = case_doubles((size_t)c.n * (qw + W));
  for (size_t i = 0; i < (size_t)c.n; i++) {
    memcpy(row + i * (qw + W), c.query + i * qw, qw * sizeof *row);
    memcpy(row + i * (qw + W) + qw, c.gradient + i * W, W * sizeof *row);
  }
  return row;
}

static void run(const esp_device *device, result *r) {
  const size_t n = (size_t)c.n, blocks = (size_t)c.dom->tree.n_block;
  const esp_kernels *kernels = device->kernels(c.g.form.message);
  esp_scratch *scratch;
  double *rows = receivers_rows();
  esp_pairs p = c.g;
  p.param = put(device, c.param, (size_t)c.params);
  p.query = put(device, c.query, n * (size_t)c.query_width);
  p.source = put(device, c.source, n * (size_t)c.source_width);
  p.cell = put(device, c.cell, (size_t)c.dom->tree.row_count * (size_t)c.cell_width);
  void *gradient = put(device, c.gradient, n * (size_t)c.sum_width);
  void *receiver = put(device, rows, n * (size_t)(c.query_width + c.sum_width));
  start(device, r);
  MUST(kernels->begin(&c.g.form, c.dom, &scratch));
  const int half = (int)blocks / 2;
  const int *order = c.dom->block_order, *senders = c.dom->sender_block_order;
  MUST(kernels->forward(&p, half, order, r->there[SUM], scratch));
  MUST(kernels->forward(&p, (int)blocks - half, order + half, r->there[SUM], scratch));
  MUST(kernels->receivers(&p, (int)blocks, order, gradient, r->there[QUERY], r->there[CELL], r->there[PARAM], scratch));
  MUST(kernels->senders(&p, (int)blocks, senders, receiver, r->there[SOURCE], r->there[PARAM], scratch));
  kernels->end(&scratch);
  for (int k = 0; k < RESULTS; k++) {
    MUST(device->get(r->host[k], r->there[k], r->count[k] * 8));
    device->free(&r->there[k]);
  }
  void *all[] = {(void *)p.param, (void *)p.query, (void *)p.source, (void *)p.cell, gradient, receiver};
  for (int k = 0; k < 6; k++) device->free(&all[k]);
  ESP_FREE(rows);
}

static int same(const double *a, const double *b) {
  return *a == *b || (isnan(*a) && isnan(*b));
}

static unsigned still; /* of the comparisons */

/* Returns how many cells were met. */
static int64_t compare(esp_form form, int n, int leaf, int block, double theta, double scale, int two_trees) {
  result host, device;
  case_make(&c, form, n, leaf, block, theta, scale, two_trees);
  c.g.still = still;
  run(&esp_device_cpu32, &host);
  run(&esp_device_cuda32, &device);
  for (int k = 0; k < RESULTS; k++)
    for (size_t i = 0; i < host.count[k]; i++) {
      const int64_t a = host.host[k][i], b = device.host[k][i];
      if (a != b && !(k <= SOURCE && same((double *)&host.host[k][i], (double *)&device.host[k][i])))
        fail_msg("%s: %s, number %zu: %" PRIx64 " on the host, %" PRIx64
                 " on the device (d %d, C %d, den %d, order %d, n %d, leaf %d, block %d, theta %g, scale %g, trees %d, "
                 "still %u)",
                 form.message->name, name[k], i, a, b, form.dim, form.channels, form.den, form.order, n, leaf, block,
                 theta, scale, 1 + two_trees, still);
    }
  for (int k = 0; k < RESULTS; k++) {
    ESP_FREE(host.host[k]);
    ESP_FREE(device.host[k]);
  }
  const int64_t far = c.dom->lists.far_pairs;
  case_free(&c);
  return far;
}

static esp_form form_of(const esp_message *message, int dim, int channels, int den, int order) {
  return (esp_form){.message = message, .dim = dim, .channels = channels, .den = den, .order = order};
}

static void sizes(const esp_message *message, const int (*shape)[3], int shapes) {
  static const int n[] = {0, 1, 7, 31, 33, 64};
  int64_t far = 0;
  for (int k = 0; k < shapes; k++)
    for (int m = 0; m < 6; m++) {
      const esp_form form = form_of(message, shape[k][0], shape[k][1], (k + m) % 2, shape[k][2]);
      far += compare(form, n[m], 8, 64, 0.6, 0.4, 0);
      far += compare(form, n[m], 2, 5, 0.9, 0.4, 1);
      compare(form, n[m], 3, 33, 0.8, 0.05, m % 2); /* most of it is too far to be heard */
    }
  assert_true(far > 1000);
}

static void gate(void **state) {
  (void)state;
  static const int shape[][3] = {{1, 1, 2}, {2, 1, 3}, {3, 1, 1}, {4, 1, 2}, {8, 1, 1},
                                 {5, 3, 0}, {2, 2, 2}, {4, 5, 3}, {8, 2, 2}, {6, 1, 2}};
  sizes(&esp_message_gate, shape, 10);
}

/* Over a chunk of senders, several warps of lanes, over as many cells as are summed at once. */
static void large(void **state) {
  (void)state;
  compare(form_of(&esp_message_gate, 2, 1, 1, 1), 700, 8, 64, 0, 1, 0);
  compare(form_of(&esp_message_gate, 3, 3, 0, 1), 600, 16, 300, 0, 0.1, 1);
  assert_true(compare(form_of(&esp_message_gate, 2, 1, 1, 2), 700, 2, 40, 0.8, 0.5, 0) > 1000);
  assert_true(compare(form_of(&esp_message_gate, 4, 2, 1, 2), 400, 2, 9, 1.2, 0.5, 1) > 1000);
}

static void learned(void **state) {
  (void)state;
  static const int shape[][3] = {{1, 1, 0}, {2, 5, 0}, {4, 8, 0}, {9, 17, 0}};
  sizes(&esp_message_gate_mlp, shape, 4);
  compare(form_of(&esp_message_gate_mlp, 2, 3, 1, 0), 400, 16, 100, 0, 1, 1);
}

/* Where keys, or values, are constants on the way back. */
static void constants(void **state) {
  (void)state;
  for (still = ESP_STILL_KEYS; still <= (ESP_STILL_KEYS | ESP_STILL_VALUES); still++)
    for (int one = 0; one < 2; one++) {
      assert_true(compare(form_of(&esp_message_gate, 3, one ? 1 : 5, 1, 2), 200, 2, 9, 0.9, 0.5, one) > 1000);
      assert_true(compare(form_of(&esp_message_gate, 8, one ? 1 : 33, 1, 0), 200, 4, 4, 2, 1, 0) > 1000);
    }
  still = 0;
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(gate), cmocka_unit_test(large), cmocka_unit_test(learned),
                                     cmocka_unit_test(constants)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

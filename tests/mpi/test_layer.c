/* Proves that a layer of a cloud that lies on several ranks gives, bit by bit, the A, dy and parameter gradient of one
 * rank: open and periodic, with and without the learned message, with zero masses and coincident particles; and that where the
 * device of one rank fails, all of them fail alike, whichever of its calls it is, and nothing is left under way.
 * ranks: 1 2 3 4 5 7 */
#include "case.h"

#include "domain/domain.h"
#include "message/law.h"
#include "net/layer.h"

enum { HIDDEN = 8, PARAMS = HIDDEN * 7 };

/* Rows of a cloud or of a share of it. index NULL: all. */
typedef struct {
  int n;
  double (*y)[3], *mu, (*g)[3], (*a)[3], (*dy)[3];
  int64_t *id, acc[PARAMS * ESP_EXACT_FULL_WORDS];
} rows;

static rows *rows_make(const cloud *c, int n, const int *index) {
  rows *r = calloc(1, sizeof *r);
  r->n = n;
  r->y = calloc((size_t)n + 1, sizeof *r->y);
  r->g = calloc((size_t)n + 1, sizeof *r->g);
  r->a = calloc((size_t)n + 1, sizeof *r->a);
  r->dy = calloc((size_t)n + 1, sizeof *r->dy);
  r->mu = calloc((size_t)n + 1, sizeof *r->mu);
  r->id = calloc((size_t)n + 1, sizeof *r->id);
  for (int k = 0; k < n; k++) {
    const int i = index ? index[k] : k;
    for (int a = 0; a < 3; a++) {
      r->y[k][a] = a < c->dim ? 9 * c->z[i * c->dim + a] : 0;
      r->g[k][a] = case_uniform((uint64_t)(i * 3 + a) + 77777) - 0.5;
    }
    r->mu[k] = i % 7 ? case_uniform((uint64_t)i + 99) : 0;
    r->id[k] = c->id[i];
  }
  return r;
}

static void rows_free(rows *r) {
  free(r->y);
  free(r->g);
  free(r->a);
  free(r->dy);
  free(r->mu);
  free(r->id);
  free(r);
}

static void pass(const esp_backend *backend, const esp_layer_param *param, const double *learned, rows *r) {
  esp_layer layer;
  const esp_layer_input input = {.id = r->id, .key = (const double *)r->y, .value = r->mu};
  const esp_layer_gradient to = {.dkey = (double *)r->dy};
  esp_form_wrap(&param->form, r->n, (double *)r->y);
  if (esp_layer_forward(backend, param, r->n, &input, learned, (double *)r->a, &layer))
    fail_msg("%s", esp_error_message());
  if (esp_layer_backward(backend, &layer, (const double *)r->g, &to, learned ? r->acc : NULL, NULL))
    fail_msg("%s", esp_error_message());
  assert_int_equal(esp_device_sum(backend->device, backend->comm, r->acc, learned ? PARAMS : 0), ESP_OK);
  esp_layer_free(&layer);
}

static void compare(const cloud *c, const esp_layer_param *param, const esp_device *device, const double *learned) {
  esp_backend one = esp_backend_self(), many = {.comm = comm, .build = esp_domain_build_mpi, .device = device};
  rows *whole = rows_make(c, c->n, NULL), *mine = rows_make(c, c->n_home, c->home_index);
  one.device = device;
  pass(&one, param, learned, whole);
  pass(&many, param, learned, mine);
  for (int k = 0; k < mine->n; k++) {
    assert_memory_equal(mine->a[k], whole->a[c->home_index[k]], sizeof mine->a[k]);
    assert_memory_equal(mine->dy[k], whole->dy[c->home_index[k]], sizeof mine->dy[k]);
  }
  for (int p = 0; p < PARAMS; p++) {
    const double got = esp_exact_value(&ESP_EXACT_FULL, mine->acc + p * ESP_EXACT_FULL_WORDS);
    const double wanted = esp_exact_value(&ESP_EXACT_FULL, whole->acc + p * ESP_EXACT_FULL_WORDS);
    assert_memory_equal(&got, &wanted, sizeof got);
  }
  rows_free(whole);
  rows_free(mine);
}

static esp_layer_param param_of(int dim, double theta, double box) {
  esp_layer_param param = {.domain = {.leaf = 8, .block = 32, .dim = dim, .lists = {.theta = theta}},
                           .form = {.message = &esp_message_newton, .dim = 3, .softening = 0.05}};
  for (int a = 0; a < dim; a++) param.form.period[a] = box;
  return param;
}

static void newton(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 3, 40, 600};
  for (int s = 0; s < 5; s++)
    for (int kind = 0; kind < KEYS_KINDS; kind++) {
      cloud c = cloud_make(sizes[s], 2 + (s + kind) % 2, kind, kind % SHARE_KINDS);
      esp_layer_param open = param_of(c.dim, 0.7, 0), periodic = param_of(c.dim, 0.7, 9);
      compare(&c, &open, kind % 2 ? &esp_device_cpu32 : &esp_device_cpu64, NULL);
      compare(&c, &periodic, &esp_device_cpu32, NULL);
      cloud_free(&c);
    }
}

static void all_pairs_and_budget(void **state) {
  (void)state;
  cloud c = cloud_make(900, 3, KEYS_PLUMMER, SHARE_CYCLIC);
  esp_layer_param param = param_of(3, 0, 0);
  compare(&c, &param, &esp_device_cpu32, NULL);
  param.domain.lists.pairs_per_particle = 120;
  compare(&c, &param, &esp_device_cpu32, NULL);
  cloud_free(&c);
}

static void learned(void **state) {
  (void)state;
  double theta[PARAMS];
  for (int p = 0; p < PARAMS; p++) theta[p] = case_uniform((uint64_t)p + 4242) - 0.5;
  cloud c = cloud_make(500, 3, KEYS_BALL, SHARE_EVEN);
  const esp_message *const uses[] = {&esp_message_newton_mlp, &esp_message_law};
  for (int use = 0; use < 2; use++) {
    esp_layer_param param = param_of(3, 0.8, 0);
    param.form.message = uses[use];
    param.form.channels = HIDDEN;
    param.form.mean = 0.43;
    compare(&c, &param, &esp_device_cpu32, theta);
    compare(&c, &param, &esp_device_cpu64, theta);
  }
  cloud_free(&c);
}

/* The CPU with memory of its own. The last rank's device fails at call `last`. */
static int call, last;

static int fails(void) {
  ESP_CHECK(comm->rank < comm->size - 1 || call++ != last, ESP_ERR_INTERNAL, "call %d of the device", last);
  return ESP_OK;
}
static int failing_alloc(void **pointer, size_t bytes) {
  ESP_CALL(fails());
  return esp_device_cpu32.alloc(pointer, bytes);
}
static int failing_put(void *there, const void *host, size_t bytes) {
  ESP_CALL(fails());
  return esp_device_cpu32.put(there, host, bytes);
}
static int failing_get(void *host, const void *there, size_t bytes) {
  ESP_CALL(fails());
  return esp_device_cpu32.get(host, there, bytes);
}

static void device_fails(void **state) {
  (void)state;
  esp_device device = esp_device_cpu32;
  device.shared = 0, device.alloc = failing_alloc, device.put = failing_put, device.get = failing_get;
  double theta[PARAMS];
  for (int p = 0; p < PARAMS; p++) theta[p] = case_uniform((uint64_t)p + 4242) - 0.5;
  cloud c = cloud_make(300, 3, KEYS_BALL, SHARE_EVEN);
  rows *r = rows_make(&c, c.n_home, c.home_index);
  const esp_backend backend = {.comm = comm, .build = esp_domain_build_mpi, .device = &device};
  const esp_layer_input input = {.id = r->id, .key = (const double *)r->y, .value = r->mu};
  const esp_layer_gradient to = {.dkey = (double *)r->dy};
  esp_layer_param param = param_of(3, 0.8, 0);
  param.form.message = &esp_message_law, param.form.channels = HIDDEN, param.form.mean = 0.43;
  int rc = 1;
  for (last = 0; rc; last++) {
    esp_layer layer;
    call = 0;
    rc = esp_layer_forward(&backend, &param, r->n, &input, theta, (double *)r->a, &layer);
    if (!rc) rc = esp_layer_backward(&backend, &layer, (const double *)r->g, &to, r->acc, NULL);
    esp_layer_free(&layer);
    assert_int_equal(sum_over_ranks(rc), (int64_t)rc * comm->size);
    if (rc) assert_non_null(strstr(esp_error_message(), "of the device"));
    esp_error_clear();
  }
  assert_true(last > 20);
  last = -1; /* never */
  compare(&c, &param, &device, theta);
  rows_free(r);
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(newton), cmocka_unit_test(all_pairs_and_budget), cmocka_unit_test(learned),
          cmocka_unit_test(device_fails))

#include "net/norms.h"

#include <math.h>

#include "net/norm.h"

static const esp_norm none = {.name = "none", .help = "the state as it is"};

static int layer_forward(const esp_backend *backend, int n, int H, const double *gain, const double *bias,
                         const double *s, double *y) {
  backend->device->rows->state->norm(n, H, gain, bias, s, y);
  return ESP_OK;
}

static int layer_backward(const esp_backend *backend, int n, int H, const double *gain, const double *s,
                          const double *dy, double *ds, int64_t *gain_acc, int64_t *bias_acc) {
  backend->device->rows->state->norm_back(n, H, gain, s, dy, ds, gain_acc, bias_acc);
  return ESP_OK;
}

static const esp_norm layer = {.name = "layer",
                               .help = "a particle's numbers less their mean, over their spread",
                               .forward = layer_forward,
                               .backward = layer_backward};

/* ---- over all particles of the set ---- */

/* In the device's memory: rows of H. */
typedef struct {
  double *mean, *inverse, *first, *second;
  int64_t *acc;  /* [2][H] */
  double *value; /* [2][H] what they are; */
  double *here;  /* the same in the host's memory */
  double particles;
} batch;

static int batch_create(const esp_backend *backend, int n, int H, batch *b) {
  const esp_device *device = backend->device;
  const size_t wide = (size_t)H;
  int64_t all = n;
  int rc = ESP_THERE(device, b->value, 4 * wide);
  if (!rc) rc = ESP_THERE(device, b->acc, 2 * wide * ESP_EXACT_FULL_WORDS);
  if (!rc) rc = ESP_ALLOC(b->here, 2 * wide);
  ESP_AGREE(backend->comm, rc);
  ESP_CALL(backend->comm->sum_i64(backend->comm, &all, 1));
  b->particles = (double)(all > 0 ? all : 1);
  b->mean = b->value, b->inverse = b->value + wide, b->first = b->value + 2 * wide, b->second = b->value + 3 * wide;
  return ESP_OK;
}

static void batch_free(const esp_device *device, batch *b) {
  ESP_THERE_FREE(device, b->value);
  ESP_THERE_FREE(device, b->acc);
  ESP_FREE(b->here);
}

/* `count` sums over all ranks become means, or 1 / sqrt(mean + floor), in the device's memory. */
static int settle(const esp_backend *backend, batch *b, int count, int inverse, double *to) {
  const esp_device *device = backend->device;
  const size_t all = (size_t)count;
  ESP_CALL(esp_device_sum(device, backend->comm, b->acc, all));
  device->rows->exact_value(&ESP_EXACT_FULL, b->acc, all, to);
  int rc = device->get(b->here, to, all * sizeof *to);
  for (size_t c = 0; c < all; c++) {
    b->here[c] /= b->particles;
    if (inverse) b->here[c] = 1 / sqrt(b->here[c] + ESP_NORM_FLOOR);
  }
  if (!rc) rc = device->put(to, b->here, all * sizeof *to);
  device->rows->zero(all * ESP_EXACT_FULL_WORDS, (double *)b->acc);
  return esp_device_agree(device, backend->comm, rc);
}

static int shape(const esp_backend *backend, int n, int H, const double *s, batch *b) {
  const esp_rows_state *rows = backend->device->rows->state;
  rows->spread(n, H, NULL, s, b->acc);
  ESP_CALL(settle(backend, b, H, 0, b->mean));
  rows->spread(n, H, b->mean, s, b->acc);
  return settle(backend, b, H, 1, b->inverse);
}

static int batch_forward(const esp_backend *backend, int n, int H, const double *gain, const double *bias,
                         const double *s, double *y) {
  batch b = {0};
  int rc;
  ESP_TRY(batch_create(backend, n, H, &b));
  ESP_TRY(shape(backend, n, H, s, &b));
  backend->device->rows->state->scale(n, H, b.mean, b.inverse, gain, bias, s, y);
  ESP_TRY(esp_device_agree(backend->device, backend->comm, ESP_OK));
done:
  batch_free(backend->device, &b);
  return rc;
}

static int batch_backward(const esp_backend *backend, int n, int H, const double *gain, const double *s,
                          const double *dy, double *ds, int64_t *gain_acc, int64_t *bias_acc) {
  const esp_rows_state *rows = backend->device->rows->state;
  batch b = {0};
  int rc;
  ESP_TRY(batch_create(backend, n, H, &b));
  ESP_TRY(shape(backend, n, H, s, &b));
  rows->scale_terms(n, H, b.mean, b.inverse, s, dy, gain_acc, bias_acc);
  rows->scale_terms(n, H, b.mean, b.inverse, s, dy, b.acc + (size_t)H * ESP_EXACT_FULL_WORDS, b.acc);
  ESP_TRY(settle(backend, &b, 2 * H, 0, b.first));
  rows->scale_back(n, H, b.mean, b.inverse, gain, b.first, b.second, s, dy, ds);
  ESP_TRY(esp_device_agree(backend->device, backend->comm, ESP_OK));
done:
  batch_free(backend->device, &b);
  return rc;
}

static const esp_norm over_particles = {
    .name = "batch",
    .help = "each number less its mean over all particles of the set, over its spread",
    .forward = batch_forward,
    .backward = batch_backward};

const esp_norm *const esp_norms[] = {&none, &layer, &over_particles, NULL};

const char *esp_norm_name(int k) {
  return esp_norms[k] ? esp_norms[k]->name : NULL;
}

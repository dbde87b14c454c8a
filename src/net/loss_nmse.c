#include "base/exact_sum.h"
#include "net/loss.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* What the loss holds; but for own, mean and sum in the device's memory. */
typedef struct {
  esp_scored scored;
  double *own, *copy[2]; /* targets side by side, where they are several columns; copies of targets and weights */
  int64_t *acc;          /* [T + 1][WORDS], then [2][WORDS] */
  double *mean, *sum;    /* [T + 1] */
  double *there;         /* [T] the mean */
} held;

static int held_create(const esp_device *device, const esp_set *set, held *h) {
  const double *targets, *weight = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  const size_t n = (size_t)set->n_home, T = (size_t)esp_set_role_width(set, ESP_TARGET);
  h->scored = (esp_scored){.n = set->n_home, .row = (int)T, .width = (int)T};
  ESP_CALL(esp_set_rows(set, ESP_TARGET, &targets, &h->own));
  ESP_CALL(esp_device_bring(device, n * T, targets, &h->copy[0], &h->scored.targets));
  ESP_CALL(esp_device_bring(device, n, weight, &h->copy[1], &h->scored.weight));
  ESP_CALL(ESP_THERE(device, h->acc, (T + 3) * WORDS));
  ESP_CALL(ESP_THERE(device, h->there, T));
  ESP_CALL(ESP_ALLOC(h->mean, T + 1));
  return ESP_ALLOC(h->sum, T + 1);
}

static void held_free(const esp_device *device, held *h) {
  ESP_FREE(h->own);
  for (int k = 0; k < 2; k++) ESP_THERE_FREE(device, h->copy[k]);
  ESP_THERE_FREE(device, h->acc);
  ESP_THERE_FREE(device, h->there);
  ESP_FREE(h->mean);
  ESP_FREE(h->sum);
}

/* Weighted mean of each target; *size: sum weight |mean|^2. */
static int target_mean(const esp_backend *with, held *h, double *size) {
  const size_t T = (size_t)h->scored.width;
  with->device->rows->loss_mean(&h->scored, h->acc);
  ESP_CALL(esp_loss_sums(with, T + 1, h->acc, h->sum));
  const double whole = h->sum[T];
  for (size_t c = 0; c < T; c++) {
    h->mean[c] = whole > 0 ? h->sum[c] / whole : 0;
    *size += whole * h->mean[c] * h->mean[c];
  }
  return esp_device_agree(with->device, with->comm, esp_device_put(with->device, T, h->mean, h->there));
}

static int value(const void *param, const esp_backend *with, const esp_set *set, const double *y, double factor,
                 double *dy, double *part) {
  (void)param;
  const esp_device *device = with->device;
  held h = {0};
  double size = 0, sum[2];
  ESP_CHECK(esp_set_role_width(set, ESP_TARGET) > 0, ESP_ERR_ARG, "loss of a set without targets");
  int rc = held_create(device, set, &h);
  ESP_TRY(with->comm->agree(with->comm, rc));
  int64_t *squares = h.acc + (size_t)(h.scored.width + 1) * WORDS;
  ESP_TRY(target_mean(with, &h, &size));
  device->rows->loss_squares(&h.scored, y, device->shared ? h.mean : h.there, squares);
  ESP_TRY(esp_loss_sums(with, 2, squares, sum));
  if (sum[1] <= 1e-30 * size) sum[1] = 1; /* of constant targets nothing is left but the rounding of their mean */
  *part = sum[0] / sum[1];
  if (dy) device->rows->loss_slope(&h.scored, y, 2 * factor, sum[1], dy);
done:
  held_free(device, &h);
  return rc;
}

const esp_loss esp_loss_nmse = {
    .name = "nmse",
    .help = "mean square error over the variance of the set's targets",
    .parts = 1,
    .value = value,
};

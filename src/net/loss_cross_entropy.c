#include "base/exact_sum.h"
#include "net/loss.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, ENTROPY = 0, WEIGHT, RIGHT, SUMS };

/* What the loss holds, in the device's memory but for own. */
typedef struct {
  esp_scored scored;
  double *own, *copy[2]; /* targets side by side, where they are several columns; copies of targets and weights */
  int64_t *acc;          /* [SUMS][WORDS] */
} held;

static int held_create(const esp_device *device, const esp_set *set, const double *weight, held *h) {
  const double *targets;
  const size_t n = (size_t)set->n_home, K = (size_t)esp_set_role_width(set, ESP_TARGET);
  h->scored = (esp_scored){.n = set->n_home, .row = (int)K, .width = (int)K};
  ESP_CALL(esp_set_rows(set, ESP_TARGET, &targets, &h->own));
  ESP_CALL(esp_device_bring(device, n * K, targets, &h->copy[0], &h->scored.targets));
  ESP_CALL(esp_device_bring(device, n, weight, &h->copy[1], &h->scored.weight));
  return ESP_THERE(device, h->acc, SUMS * WORDS);
}

static void held_free(const esp_device *device, held *h) {
  ESP_FREE(h->own);
  for (int k = 0; k < 2; k++) ESP_THERE_FREE(device, h->copy[k]);
  ESP_THERE_FREE(device, h->acc);
}

/* sum [SUMS] over all ranks' particles. */
static int score(const esp_backend *with, const esp_set *set, const double *weight, const double *y, held *h,
                 double *sum) {
  ESP_CHECK(esp_set_role_width(set, ESP_TARGET) > 0, ESP_ERR_ARG, "loss of a set without targets");
  ESP_AGREE(with->comm, held_create(with->device, set, weight, h));
  with->device->rows->graph->classes(&h->scored, y, h->acc);
  return esp_loss_sums(with, SUMS, h->acc, sum);
}

static int value(const void *param, const esp_backend *with, const esp_set *set, const double *y, double factor,
                 double *dy, double *part) {
  (void)param;
  held h = {0};
  double sum[SUMS];
  int rc;
  ESP_TRY(score(with, set, esp_set_role(set, ESP_WEIGHT, 0, NULL), y, &h, sum));
  if (sum[WEIGHT] == 0) sum[WEIGHT] = 1;
  *part = sum[ENTROPY] / sum[WEIGHT];
  if (dy) with->device->rows->graph->classes_slope(&h.scored, y, factor, sum[WEIGHT], dy);
done:
  held_free(with->device, &h);
  return rc;
}

static int validate(const void *param, const esp_backend *with, const esp_set *set, const double *y, double value[2]) {
  (void)param;
  const double *weight = esp_set_role(set, ESP_VALIDATION, 0, NULL);
  held h = {0};
  double sum[SUMS];
  int rc;
  ESP_CHECK(esp_set_role_width(set, ESP_VALIDATION) > 0, ESP_ERR_ARG,
            "a set whose particles validate nothing: it has no such column");
  ESP_TRY(score(with, set, weight, y, &h, sum));
  ESP_NEED(
      sum[WEIGHT] > 0, ESP_ERR_VALUE,
      "no particle that has a class is one to choose among the steps by: give the data such, or set train_validate 0");
  value[0] = sum[RIGHT] / sum[WEIGHT];
  value[1] = -sum[ENTROPY] / sum[WEIGHT];
done:
  held_free(with->device, &h);
  return rc;
}

const esp_loss esp_loss_cross_entropy = {
    .name = "cross_entropy",
    .help = "minus the logarithm of the probability, by softmax, of a particle's class",
    .parts = 1,
    .value = value,
    .validate = validate,
};

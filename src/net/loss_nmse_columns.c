#include <math.h>

#include "base/exact_sum.h"
#include "net/loss.h"

enum { WORDS = ESP_EXACT_FULL_WORDS, COLUMNS = 2 };

/* What the loss holds, in the device's memory. */
typedef struct {
  esp_scored column[COLUMNS];
  double *copy[COLUMNS + 1]; /* of targets, of weights */
  int64_t *acc;              /* [COLUMNS][2][WORDS] error, target */
} held;

static int held_create(const esp_device *device, const esp_set *set, held *h) {
  const size_t n = (size_t)set->n_home;
  const double *weight = esp_set_role(set, ESP_WEIGHT, 0, NULL), *there;
  int at = 0;
  ESP_CALL(esp_device_bring(device, n, weight, &h->copy[COLUMNS], &there));
  for (int k = 0; k < COLUMNS; k++) {
    esp_scored *c = &h->column[k];
    int width = 0;
    const double *t = esp_set_role(set, ESP_TARGET, k, &width);
    *c = (esp_scored){set->n_home, esp_set_role_width(set, ESP_TARGET), at, width, NULL, there};
    ESP_CALL(esp_device_bring(device, n * (size_t)width, t, &h->copy[k], &c->targets));
    at += width;
  }
  return ESP_THERE(device, h->acc, 2 * COLUMNS * WORDS);
}

static void held_free(const esp_device *device, held *h) {
  for (int k = 0; k <= COLUMNS; k++) ESP_THERE_FREE(device, h->copy[k]);
  ESP_THERE_FREE(device, h->acc);
}

/* Two columns and no more. */
static int check(const esp_set *set) {
  int all = 0;
  for (int k = 0; k < COLUMNS; k++) {
    int width = 0;
    esp_set_role(set, ESP_TARGET, k, &width);
    ESP_CHECK(width > 0, ESP_ERR_ARG, "loss of a set with %d columns of targets; it is of %d", k, (int)COLUMNS);
    all += width;
  }
  ESP_CHECK(all == esp_set_role_width(set, ESP_TARGET), ESP_ERR_ARG,
            "loss of a set with more than %d columns of targets", (int)COLUMNS);
  return ESP_OK;
}

static void weights(const void *param, double *weight) {
  const esp_nmse_columns_param *p = param;
  weight[0] = 1;
  weight[1] = p->second;
}

static int value(const void *param, const esp_backend *with, const esp_set *set, const double *y, double factor,
                 double *dy, double *part) {
  const esp_device *device = with->device;
  held h = {0};
  double weight[COLUMNS], sum[2 * COLUMNS];
  int rc;
  ESP_CALL(check(set));
  ESP_TRY(with->comm->agree(with->comm, held_create(device, set, &h)));
  for (int k = 0; k < COLUMNS; k++) device->rows->loss_squares(&h.column[k], y, NULL, h.acc + 2 * k * WORDS);
  ESP_TRY(esp_loss_sums(with, 2 * COLUMNS, h.acc, sum));
  weights(param, weight);
  for (int k = 0; k < COLUMNS; k++) {
    const double norm = sum[2 * k + 1] == 0 ? 1 : sum[2 * k + 1];
    part[k] = sum[2 * k] / norm;
    if (dy) device->rows->loss_slope(&h.column[k], y, 2 * factor * weight[k] / norm, 1, dy);
  }
done:
  held_free(device, &h);
  return rc;
}

#define OF esp_nmse_columns_param
static const esp_options options = {
    sizeof(OF),
    (const esp_option[]){
        ESP_REAL_ROW(OF, second, "train_loss_k", "0.5", 0, INFINITY, "",
                     "weight of the second of two targets in the loss: of the velocity's part, where bodies move"),
        {0}},
    NULL};

const esp_loss esp_loss_nmse_columns = {
    .name = "nmse_columns",
    .help = "mean square of each of two targets over the mean square of what it should be",
    .options = &options,
    .parts = COLUMNS,
    .part = "nmse_",
    .weights = weights,
    .value = value,
};

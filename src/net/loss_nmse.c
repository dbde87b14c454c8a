#include "base/exact_sum.h"
#include "net/loss.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* What the loss sees of a set. */
typedef struct {
  size_t n, T;
  const double *y, *weight; /* [n][T] targets; [n], NULL: 1 */
} scored;

static double weight_of(const scored *s, size_t i) {
  return s->weight ? s->weight[i] : 1;
}

/* Weighted mean of each target; *size: sum weight |mean|^2. acc [T + 1][WORDS] scratch, zero. */
static int target_mean(const esp_comm *comm, const scored *s, int64_t *acc, double *mean, double *size) {
  const size_t T = s->T;
  for (size_t i = 0; i < s->n; i++) {
    const double weight = weight_of(s, i);
    for (size_t c = 0; c < T; c++) esp_exact_add(&ESP_EXACT_FULL, acc + c * WORDS, weight * s->y[i * T + c]);
    esp_exact_add(&ESP_EXACT_FULL, acc + T * WORDS, weight);
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, T + 1);
  ESP_CALL(comm->sum_i64(comm, acc, (T + 1) * WORDS));
  const double whole = esp_exact_value(&ESP_EXACT_FULL, acc + T * WORDS);
  for (size_t c = 0; c < T; c++) {
    const double sum = esp_exact_value(&ESP_EXACT_FULL, acc + c * WORDS);
    mean[c] = whole > 0 ? sum / whole : 0;
    *size += whole * mean[c] * mean[c];
  }
  return ESP_OK;
}

/* sum weight |y - y*|^2, sum weight |y* - mean|^2. */
static int squares(const esp_comm *comm, const scored *s, const double *y, const double *mean, double sum[2]) {
  int64_t acc[2 * WORDS] = {0};
  const size_t T = s->T;
  for (size_t i = 0; i < s->n; i++) {
    double error = 0, spread = 0;
    for (size_t c = 0; c < T; c++) {
      const double e = y[i * T + c] - s->y[i * T + c], d = s->y[i * T + c] - mean[c];
      error += e * e;
      spread += d * d;
    }
    esp_exact_add(&ESP_EXACT_FULL, acc, weight_of(s, i) * error);
    esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, weight_of(s, i) * spread);
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, 2);
  ESP_CALL(comm->sum_i64(comm, acc, 2 * WORDS));
  for (int k = 0; k < 2; k++) sum[k] = esp_exact_value(&ESP_EXACT_FULL, acc + k * WORDS);
  return ESP_OK;
}

static int value(const void *param, const esp_comm *comm, const esp_set *set, const double *y, double factor,
                 double *dy, double *part) {
  (void)param;
  scored s = {.n = (size_t)set->n_home, .T = (size_t)esp_set_role_width(set, ESP_TARGET)};
  int64_t *acc = NULL;
  double *mean = NULL, *own = NULL, size = 0, sum[2];
  ESP_CHECK(s.T > 0, ESP_ERR_ARG, "loss of a set without targets");
  int rc = esp_set_rows(set, ESP_TARGET, &s.y, &own);
  if (!rc) rc = ESP_ALLOC(acc, (s.T + 1) * WORDS);
  if (!rc) rc = ESP_ALLOC(mean, s.T);
  ESP_TRY(comm->agree(comm, rc));
  s.weight = esp_set_role(set, ESP_WEIGHT, 0, NULL);
  ESP_TRY(target_mean(comm, &s, acc, mean, &size));
  ESP_TRY(squares(comm, &s, y, mean, sum));
  if (sum[1] <= 1e-30 * size) sum[1] = 1; /* of constant targets nothing is left but the rounding of their mean */
  *part = sum[0] / sum[1];
  for (size_t i = 0; dy && i < s.n; i++) {
    const double scale = 2 * factor * weight_of(&s, i) / sum[1];
    for (size_t c = 0; c < s.T; c++) dy[i * s.T + c] = scale * (y[i * s.T + c] - s.y[i * s.T + c]);
  }
done:
  ESP_FREE(acc);
  ESP_FREE(mean);
  ESP_FREE(own);
  return rc;
}

const esp_loss esp_loss_nmse = {
    .name = "nmse",
    .help = "mean square error over the variance of the set's targets",
    .parts = 1,
    .value = value,
};

/* The loss of the learned relation: see relation.h. */
#include "base/exact_sum.h"
#include "net/relation.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

static double weight_of(const esp_feature_set *set, size_t i) {
  return set->weight ? set->weight[i] : 1;
}

/* Weighted mean of each target; *size: sum weight |mean|^2. acc [T + 1][WORDS] scratch, zero. */
static int target_mean(const esp_comm *comm, const esp_feature_set *set, int64_t *acc, double *mean, double *size) {
  const size_t T = (size_t)set->targets;
  for (size_t i = 0; i < (size_t)set->n_home; i++) {
    const double weight = weight_of(set, i);
    for (size_t c = 0; c < T; c++) esp_exact_add(&ESP_EXACT_FULL, acc + c * WORDS, weight * set->y[i * T + c]);
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
static int squares(const esp_comm *comm, const esp_feature_set *set, const double *y, const double *mean,
                   double sum[2]) {
  int64_t acc[2 * WORDS] = {0};
  const size_t T = (size_t)set->targets;
  for (size_t i = 0; i < (size_t)set->n_home; i++) {
    double error = 0, spread = 0;
    for (size_t c = 0; c < T; c++) {
      const double e = y[i * T + c] - set->y[i * T + c], d = set->y[i * T + c] - mean[c];
      error += e * e;
      spread += d * d;
    }
    esp_exact_add(&ESP_EXACT_FULL, acc, weight_of(set, i) * error);
    esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, weight_of(set, i) * spread);
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, 2);
  ESP_CALL(comm->sum_i64(comm, acc, 2 * WORDS));
  for (int s = 0; s < 2; s++) sum[s] = esp_exact_value(&ESP_EXACT_FULL, acc + s * WORDS);
  return ESP_OK;
}

int esp_relation_loss(const esp_comm *comm, const esp_feature_set *set, const double *y, double factor, double *gy,
                      double *nmse) {
  ESP_CHECK(set->targets > 0, ESP_ERR_ARG, "loss of a feature set without targets");
  const size_t T = (size_t)set->targets;
  int64_t *acc = NULL;
  double *mean = NULL, size = 0, sum[2];
  int rc = ESP_ALLOC(acc, (T + 1) * WORDS);
  if (!rc) rc = ESP_ALLOC(mean, T);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(target_mean(comm, set, acc, mean, &size));
  ESP_TRY(squares(comm, set, y, mean, sum));
  if (sum[1] <= 1e-30 * size) sum[1] = 1; /* of constant targets nothing is left but the rounding of their mean */
  *nmse = sum[0] / sum[1];
  for (size_t i = 0; gy && i < (size_t)set->n_home; i++) {
    const double scale = 2 * factor * weight_of(set, i) / sum[1];
    for (size_t c = 0; c < T; c++) gy[i * T + c] = scale * (y[i * T + c] - set->y[i * T + c]);
  }
done:
  ESP_FREE(acc);
  ESP_FREE(mean);
  return rc;
}

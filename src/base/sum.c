#include "base/sum.h"

#include <math.h>
#include <string.h>

void esp_sum_add(esp_sum *sum, int which, double term) {
  esp_exact_add(&ESP_EXACT_FULL, sum->acc[which], term);
}

int esp_sum_end(const esp_comm *comm, esp_sum *sum, int count, double *value) {
  ESP_CHECK(count >= 0 && count <= ESP_SUMS, ESP_ERR_ARG, "%d sums asked for, at most %d are held", count, ESP_SUMS);
  esp_exact_carry(&ESP_EXACT_FULL, sum->acc[0], (size_t)count);
  ESP_CALL(comm->sum_i64(comm, sum->acc[0], (size_t)count * ESP_EXACT_FULL_WORDS));
  for (int s = 0; s < count; s++) value[s] = esp_exact_value(&ESP_EXACT_FULL, sum->acc[s]);
  return ESP_OK;
}

/* The bits of a non-negative double order as the number does. */
static uint64_t bits_of(double value) {
  uint64_t bits;
  value += 0.0; /* -0 becomes +0 */
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

int esp_sum_select(const esp_comm *comm, int n_home, const double *value, int64_t k, double *out) {
  int rc = ESP_OK;
  for (int i = 0; i < n_home && !rc; i++) {
    if (!(value[i] >= 0)) rc = ESP_FAIL(ESP_ERR_VALUE, "selection: value %d is %g, must be >= 0", i, value[i]);
  }
  ESP_AGREE(comm, rc);
  int64_t all = n_home;
  ESP_CALL(comm->sum_i64(comm, &all, 1));
  ESP_CHECK(k >= 0 && k < all, ESP_ERR_ARG, "selection of element %lld of %lld", (long long)k, (long long)all);
  uint64_t prefix = 0;
  for (int shift = 56; shift >= 0; shift -= 8) {
    int64_t histogram[256] = {0};
    for (int i = 0; i < n_home; i++) {
      uint64_t bits = bits_of(value[i]);
      if (shift == 56 || bits >> (shift + 8) == prefix) histogram[bits >> shift & 255]++;
    }
    ESP_CALL(comm->sum_i64(comm, histogram, 256));
    int digit = 0;
    while (k >= histogram[digit]) k -= histogram[digit++];
    prefix = prefix << 8 | (uint64_t)digit;
  }
  memcpy(out, &prefix, sizeof prefix);
  return ESP_OK;
}

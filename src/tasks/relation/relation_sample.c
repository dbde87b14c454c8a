#include "tasks/relation/relation_sample.h"

#include "base/rng.h"

static int64_t count_up_to(const esp_feature_set *set, const uint64_t *number, uint64_t most) {
  int64_t count = 0;
  for (int i = 0; i < set->n_home; i++) count += set->weight[i] != 0 && number[i] <= most;
  return count;
}

/* The least number that k particles do not exceed, by halving: 64 counts, whatever the ranks hold. */
static int find_threshold(const esp_comm *comm, const esp_feature_set *set, const uint64_t *number, int64_t k,
                          uint64_t *threshold) {
  uint64_t low = 0, high = UINT64_MAX;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    int64_t count = count_up_to(set, number, middle);
    ESP_CALL(comm->sum_i64(comm, &count, 1));
    if (count >= k)
      high = middle;
    else
      low = middle + 1;
  }
  *threshold = low;
  return ESP_OK;
}

int esp_relation_sample(const esp_comm *comm, uint64_t seed, int64_t k, esp_feature_set *set) {
  uint64_t *number = NULL, threshold;
  int rc = ESP_OK;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(number, set->n_home)));
  for (int i = 0; i < set->n_home; i++) number[i] = esp_rng_bits(seed, (uint64_t)set->id[i], ESP_RNG_SAMPLE, 0);
  ESP_TRY(find_threshold(comm, set, number, k, &threshold));
  for (int i = 0; i < set->n_home; i++) {
    if (number[i] > threshold) set->weight[i] = 0;
  }
done:
  ESP_FREE(number);
  return rc;
}

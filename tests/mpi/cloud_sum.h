/* Are two clouds the same, however they lie over ranks? */
#ifndef TEST_MPI_CLOUD_SUM_H
#define TEST_MPI_CLOUD_SUM_H

#include "base/hash.h"
#include "base/particles.h"

/* A sum over ids, masses, places and velocities, free of order and ranks. */
static inline uint64_t cloud_sum(const esp_comm *who, const esp_cloud *cloud) {
  uint64_t total = 0;
  for (int i = 0; i < cloud->n_home; i++) {
    uint64_t hash = esp_hash_double(esp_hash_mix(0, (uint64_t)cloud->id[i]), cloud->m[i]);
    for (int c = 0; c < 3; c++) hash = esp_hash_double(esp_hash_double(hash, cloud->x[i][c]), cloud->v[i][c]);
    total += hash;
  }
  int64_t word = (int64_t)total;
  assert_int_equal(who->sum_i64(who, &word, 1), ESP_OK);
  return (uint64_t)word;
}

#endif

#include "domain/gradsync.h"

static int sum_comm(const esp_gradsync *sync, int64_t *acc, size_t count) {
  /* carried digits have 31 bits of headroom left, so that the plain integer sum over ranks cannot overflow */
  esp_exact_carry(&ESP_EXACT_FULL, acc, count);
  ESP_CALL(sync->comm->sum_i64(sync->comm, acc, count * ESP_EXACT_FULL_WORDS));
  return ESP_OK;
}

esp_gradsync esp_gradsync_comm(const esp_comm *comm) {
  return (esp_gradsync){.name = "comm", .comm = comm, .impl = 0, .sum = sum_comm};
}

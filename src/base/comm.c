#include "base/comm.h"

#include <string.h>

static int keep_i64(const esp_comm *comm, int64_t *value, size_t count) {
  (void)comm, (void)value, (void)count;
  return ESP_OK;
}
static int keep_f64(const esp_comm *comm, double *value, size_t count) {
  (void)comm, (void)value, (void)count;
  return ESP_OK;
}
static int exscan_i64(const esp_comm *comm, int64_t *value) {
  (void)comm;
  *value = 0;
  return ESP_OK;
}
static int broadcast(const esp_comm *comm, void *data, size_t bytes, int root) {
  (void)comm, (void)data, (void)bytes;
  ESP_CHECK(root == 0, ESP_ERR_ARG, "broadcast from rank %d of 1", root);
  return ESP_OK;
}
static int gather_all(const esp_comm *comm, const void *mine, size_t bytes, void **all, size_t *start) {
  (void)comm;
  char *copy;
  ESP_CALL(ESP_ALLOC(copy, bytes));
  if (bytes) memcpy(copy, mine, bytes);
  *all = copy;
  start[0] = 0;
  start[1] = bytes;
  return ESP_OK;
}
static int agree(const esp_comm *comm, int code) {
  (void)comm;
  return code;
}

static const esp_comm self = {.rank = 0, .size = 1, .sum_i64 = keep_i64, .max_i64 = keep_i64, .max_f64 = keep_f64,
                              .exscan_i64 = exscan_i64, .broadcast = broadcast, .gather_all = gather_all, .agree = agree};

const esp_comm *esp_comm_self(void) { return &self; }

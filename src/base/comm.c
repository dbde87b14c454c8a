#include "base/comm.h"

#include <string.h>

#include "base/directory.h"

static int self_reduce_i64(const esp_comm *comm, int64_t *value, size_t count) {
  (void)comm, (void)value, (void)count;
  return ESP_OK;
}

static int self_max_f64(const esp_comm *comm, double *value, size_t count) {
  (void)comm, (void)value, (void)count;
  return ESP_OK;
}

static int self_exscan_i64(const esp_comm *comm, int64_t *value) {
  (void)comm;
  *value = 0;
  return ESP_OK;
}

static int self_broadcast(const esp_comm *comm, void *data, size_t bytes, int root) {
  (void)comm, (void)data, (void)bytes;
  ESP_CHECK(root == 0, ESP_ERR_ARG, "broadcast from rank %d of 1", root);
  return ESP_OK;
}

static int self_gather_all(const esp_comm *comm, const void *mine, size_t bytes, void **all, size_t *start) {
  (void)comm;
  char *copy;
  ESP_CALL(ESP_ALLOC(copy, bytes));
  if (bytes) memcpy(copy, mine, bytes);
  *all = copy;
  start[0] = 0;
  start[1] = bytes;
  return ESP_OK;
}

static int self_agree(const esp_comm *comm, int code) {
  (void)comm;
  return code;
}

void esp_inbox_free(esp_inbox *inbox) {
  ESP_FREE(inbox->rank);
  ESP_FREE(inbox->start);
  ESP_FREE(inbox->row);
  inbox->count = 0;
}

static int self_scatter(const esp_comm *comm, int64_t n, const int *dest, size_t unit, const void *row,
                        esp_inbox *inbox) {
  int rc;
  (void)comm, (void)dest;
  *inbox = (esp_inbox){.count = n > 0};
  ESP_TRY(ESP_ALLOC(inbox->rank, 1));
  ESP_TRY(ESP_ALLOC(inbox->start, 2));
  ESP_TRY(esp_alloc(&inbox->row, (size_t)n, unit, __FILE__, __LINE__, __func__));
  inbox->start[inbox->count] = n;
  if (n) memcpy(inbox->row, row, (size_t)n * unit);
done:
  if (rc) esp_inbox_free(inbox);
  return rc;
}

struct esp_exchange {
  int n_wanted, *from; /* [n_wanted] the row that is wanted */
};

static void self_exchange_free(esp_exchange **exchange) {
  if (*exchange) ESP_FREE((*exchange)->from);
  ESP_FREE(*exchange);
}

static int self_exchange_create(const esp_comm *comm, int n_own, const int64_t *own, int n_wanted,
                                const int64_t *wanted, esp_exchange **exchange) {
  esp_directory_entry *entry = NULL;
  int rc;
  (void)comm;
  *exchange = NULL;
  ESP_TRY(ESP_ALLOC(*exchange, 1));
  ESP_TRY(ESP_ALLOC((*exchange)->from, n_wanted));
  ESP_TRY(ESP_ALLOC(entry, n_own));
  for (int i = 0; i < n_own; i++) entry[i] = (esp_directory_entry){own[i], 0, i};
  ESP_TRY(esp_directory_sort(n_own, entry));
  (*exchange)->n_wanted = n_wanted;
  for (int i = 0; i < n_wanted; i++) {
    const esp_directory_entry *found = esp_directory_find(n_own, entry, wanted[i]);
    if (!found) ESP_TRY(esp_directory_missing(wanted[i]));
    (*exchange)->from[i] = found->row;
  }
done:
  ESP_FREE(entry);
  if (rc) self_exchange_free(exchange);
  return rc;
}

static int self_exchange_begin(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got) {
  (void)comm, (void)exchange, (void)unit, (void)row, (void)got;
  return ESP_OK;
}

static int self_exchange_end(const esp_comm *comm, esp_exchange *exchange, size_t unit, const void *row, void *got) {
  (void)comm;
  for (int i = 0; i < exchange->n_wanted; i++)
    memcpy((char *)got + (size_t)i * unit, (const char *)row + (size_t)exchange->from[i] * unit, unit);
  return ESP_OK;
}

/* To oneself: at once. */
static int self_transfer_begin(const esp_comm *comm, int n_to, const esp_parcel *to, int n_from, const esp_parcel *from,
                               esp_transfer **transfer) {
  (void)comm;
  *transfer = NULL;
  ESP_CHECK(n_to == n_from, ESP_ERR_ARG, "%d parcels to oneself, %d from oneself", n_to, n_from);
  for (int i = 0; i < n_to; i++) {
    ESP_CHECK(to[i].bytes == from[i].bytes, ESP_ERR_ARG, "parcel %d: %zu bytes sent, %zu received", i, to[i].bytes,
              from[i].bytes);
    if (to[i].bytes) memcpy(from[i].data, to[i].data, to[i].bytes);
  }
  return ESP_OK;
}

static int self_transfer_end(const esp_comm *comm, esp_transfer **transfer) {
  (void)comm;
  *transfer = NULL;
  return ESP_OK;
}

const esp_comm *esp_comm_self(void) {
  static const esp_comm self = {.rank = 0,
                                .size = 1,
                                .impl = NULL,
                                .sum_i64 = self_reduce_i64,
                                .max_i64 = self_reduce_i64,
                                .max_f64 = self_max_f64,
                                .exscan_i64 = self_exscan_i64,
                                .broadcast = self_broadcast,
                                .gather_all = self_gather_all,
                                .agree = self_agree,
                                .scatter = self_scatter,
                                .exchange_create = self_exchange_create,
                                .exchange_begin = self_exchange_begin,
                                .exchange_end = self_exchange_end,
                                .exchange_free = self_exchange_free,
                                .transfer_begin = self_transfer_begin,
                                .transfer_end = self_transfer_end};
  return &self;
}

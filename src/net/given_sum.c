#include "net/given_sum.h"

/* Words of 8 bytes, whatever they are. */
static int bring_words(const esp_device *device, int64_t count, const int64_t *host, double **copy,
                       const int64_t **there) {
  const double *words = NULL;
  ESP_CALL(esp_device_bring(device, (size_t)count, (const double *)(const void *)host, copy, &words));
  *there = (const void *)words;
  return ESP_OK;
}

int esp_csr_bring(const esp_device *device, const esp_csr *csr, esp_csr_there *rows) {
  *rows = (esp_csr_there){0};
  const int64_t entries = csr->start[csr->rows];
  ESP_CALL(bring_words(device, csr->rows + (int64_t)1, csr->start, &rows->copy[0], &rows->start));
  ESP_CALL(bring_words(device, entries, csr->index, &rows->copy[1], &rows->index));
  return esp_device_bring(device, (size_t)entries, csr->value, &rows->copy[2], &rows->value);
}

void esp_csr_leave(const esp_device *device, esp_csr_there *rows) {
  for (int k = 0; k < 3; k++) ESP_THERE_FREE(device, rows->copy[k]);
  *rows = (esp_csr_there){0};
}

int esp_given_bring(const esp_device *device, const esp_given *given, esp_given_there *there) {
  *there = (esp_given_there){.given = given, .device = device};
  int rc = esp_csr_bring(device, &given->in, &there->in);
  if (!rc) rc = esp_csr_bring(device, &given->out, &there->out);
  if (rc) esp_given_leave(there);
  return rc;
}

void esp_given_leave(esp_given_there *there) {
  if (there->device) esp_csr_leave(there->device, &there->in);
  if (there->device) esp_csr_leave(there->device, &there->out);
  *there = (esp_given_there){0};
}

/* Rows on their way. */
typedef struct {
  double *all;        /* [n_home + fetched][width] in the device's memory */
  double *own, *host; /* own and fetched ones in the host's, where that is another */
} rows_of_all;

static int rows_create(const esp_given_there *t, int width, int fetched, rows_of_all *r) {
  const size_t wide = (size_t)width, own = (size_t)t->given->n_home * wide, others = (size_t)fetched * wide;
  ESP_CALL(ESP_THERE(t->device, r->all, own + others));
  if (t->device->shared) return ESP_OK;
  ESP_CALL(ESP_ALLOC(r->own, own));
  return ESP_ALLOC(r->host, others);
}

static void rows_free(const esp_device *device, rows_of_all *r) {
  ESP_THERE_FREE(device, r->all);
  ESP_FREE(r->own);
  ESP_FREE(r->host);
}

/* x [n_home][width], and what is fetched behind it. */
static int gather(const esp_given_there *t, esp_exchange *exchange, int width, int fetched, const double *x,
                  rows_of_all *r) {
  const esp_comm *comm = t->given->comm;
  const esp_device *device = t->device;
  const size_t own = (size_t)t->given->n_home * (size_t)width, others = (size_t)fetched * (size_t)width;
  const size_t unit = (size_t)width * sizeof *x;
  const double *from = device->shared ? x : r->own;
  double *to = device->shared ? r->all + own : r->host;
  if (!device->shared) ESP_AGREE(comm, esp_device_settled(device, esp_device_get(device, own, x, r->own)));
  ESP_CALL(comm->exchange_begin(comm, exchange, unit, from, to));
  device->rows->copy(own, x, r->all);
  ESP_CALL(comm->exchange_end(comm, exchange, unit, from, to));
  if (device->shared) return ESP_OK;
  return comm->agree(comm, esp_device_settled(device, esp_device_put(device, others, r->host, r->all + own)));
}

int esp_given_sum(const esp_given_there *t, int back, int width, int add, const double *x, double *y) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const esp_given *given = t->given;
  const esp_csr_there *side = back ? &t->out : &t->in;
  const int fetched = back ? given->fetched_out : given->fetched_in;
  rows_of_all rows = {0};
  int rc = ESP_OK;
  if (given->comm->size > 1) { /* nobody else has rows of one rank */
    ESP_TRY(given->comm->agree(given->comm, rows_create(t, width, fetched, &rows)));
    ESP_TRY(gather(t, back ? given->receivers : given->senders, width, fetched, x, &rows));
  }
  t->device->rows->graph->sparse(given->n_home, width, side->start, side->index, side->value, add,
                                 rows.all ? rows.all : x, y);
done:
  rows_free(t->device, &rows);
  return rc;
}

#include "base/features.h"

#include <string.h>

#include "base/exact_sum.h"
#include "base/rng.h"

/* Dense columns of the inputs, in order. */
static int dense_of(const esp_set *set) {
  int width = 0;
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->layout->column[k].role == ESP_INPUT && set->layout->column[k].lying == ESP_DENSE) width += set->width[k];
  return width;
}

int esp_features_of(const esp_set *set, esp_features *rows, double **own) {
  const size_t n = (size_t)set->n_home;
  const esp_csr *sparse = esp_set_csr(set, ESP_INPUT, ESP_SPARSE);
  *own = NULL;
  *rows = (esp_features){.n = set->n_home, .dense = dense_of(set), .id = set->id};
  if (sparse) rows->sparse = *sparse;
  if (!rows->dense) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*own, n * (size_t)rows->dense));
  rows->x = *own;
  size_t at = 0;
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_column *column = &set->layout->column[k];
    const size_t width = column->role == ESP_INPUT && column->lying == ESP_DENSE ? (size_t)set->width[k] : 0;
    for (size_t i = 0; i < n && width; i++)
      memcpy(*own + i * (size_t)rows->dense + at, set->value[k] + i * width, width * sizeof(double));
    at += width;
  }
  return ESP_OK;
}

int64_t esp_features_width(const esp_features *rows) {
  return rows->dense + (rows->sparse.start ? rows->sparse.columns : 0);
}

void esp_features_times(const esp_features *rows, int k, const double *V, double *y) {
  const size_t K = (size_t)k, dense = (size_t)rows->dense;
  const esp_csr *csr = &rows->sparse;
  memset(y, 0, (size_t)rows->n * K * sizeof *y);
  for (size_t i = 0; i < (size_t)rows->n; i++) {
    for (size_t j = 0; j < dense; j++) esp_add_times(K, rows->x[i * dense + j], V + j * K, y + i * K);
    for (int64_t e = csr->start ? csr->start[i] : 0; csr->start && e < csr->start[i + 1]; e++)
      esp_add_times(K, esp_csr_entry(csr, e), V + (dense + (size_t)csr->index[e]) * K, y + i * K);
  }
}

void esp_features_terms(const esp_features *rows, int k, const double *dy, double *term, int64_t *acc) {
  const size_t K = (size_t)k, dense = (size_t)rows->dense, n = (size_t)rows->n;
  const esp_csr *csr = &rows->sparse;
  for (size_t first = 0; first < n; first += ESP_GROUP)
    for (size_t j = 0; j < dense; j++) {
      memset(term, 0, K * sizeof *term);
      for (size_t i = first; i < n && i < first + ESP_GROUP; i++)
        esp_add_times(K, rows->x[i * dense + j], dy + i * K, term);
      esp_exact_add_row(&ESP_EXACT_FULL, acc + j * K * ESP_EXACT_FULL_WORDS, term, k);
    }
  for (size_t i = 0; csr->start && i < n; i++)
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++) {
      const double a = esp_csr_entry(csr, e);
      if (a == 0) continue;
      for (size_t c = 0; c < K; c++) term[c] = a * dy[i * K + c];
      esp_exact_add_row(&ESP_EXACT_FULL, acc + (dense + (size_t)csr->index[e]) * K * ESP_EXACT_FULL_WORDS, term, k);
    }
}

/* ---- half of them ---- */

static uint64_t stream_of(uint64_t seed, uint64_t draw) {
  return seed ^ (draw + 1) * 0x9e3779b97f4a7c15u;
}

int esp_features_hidden(uint64_t seed, uint64_t draw, int64_t id, int64_t feature) {
  return (int)(esp_rng_bits(stream_of(seed, draw), (uint64_t)id, ESP_RNG_SAMPLE, (uint32_t)feature) >> 63);
}

int esp_features_asked(uint64_t seed, uint64_t draw, int64_t id, int64_t count, int64_t n) {
  if (count >= n) return 1;
  return esp_rng_uniform(stream_of(seed, draw), (uint64_t)id, ESP_RNG_BATCH, 0) * (double)n < (double)count;
}

int esp_features_half_create(const esp_features *all, uint64_t seed, uint64_t draw, int hidden, esp_features *half) {
  const size_t n = (size_t)all->n, dense = (size_t)all->dense;
  const esp_csr *csr = &all->sparse;
  double *x = NULL, *value = NULL;
  int rc;
  *half = *all;
  half->x = NULL, half->sparse.value = NULL;
  ESP_TRY(ESP_ALLOC(x, n * dense));
  if (csr->start) ESP_TRY(ESP_ALLOC(value, (size_t)csr->start[n]));
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < dense; j++)
      if (esp_features_hidden(seed, draw, all->id[i], (int64_t)j) == hidden) x[i * dense + j] = all->x[i * dense + j];
    for (int64_t e = csr->start ? csr->start[i] : 0; csr->start && e < csr->start[i + 1]; e++)
      if (esp_features_hidden(seed, draw, all->id[i], all->dense + csr->index[e]) == hidden)
        value[e] = esp_csr_entry(csr, e);
  }
  half->x = x, half->sparse.value = value;
  x = value = NULL;
done:
  ESP_FREE(x);
  ESP_FREE(value);
  return rc;
}

void esp_features_half_free(esp_features *half) {
  double *x = (double *)half->x;
  ESP_FREE(x);
  if (half->sparse.start) ESP_FREE(half->sparse.value);
  *half = (esp_features){0};
}

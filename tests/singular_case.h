/* Features of known spread: dense columns and sparse ones, for tests of what is found in them at any number of ranks. */
#ifndef SINGULAR_CASE_H
#define SINGULAR_CASE_H

#include <stdlib.h>

#include "base/rng.h"
#include "base/singular.h"

typedef struct {
  esp_features rows;
  double *x;
  esp_csr sparse;
} singular_case;

/* Rows first .. first + n - 1 of any number: the j-th feature is worth decay^j; of sparse ones a third is there. */
static inline singular_case singular_case_make(int64_t first, int n, int dense, int sparse, double decay) {
  singular_case s = {.rows = {.n = n, .dense = dense}};
  s.x = calloc((size_t)n * (size_t)dense + 1, sizeof *s.x);
  s.sparse = (esp_csr){.rows = n, .columns = sparse};
  s.sparse.start = calloc((size_t)n + 1, sizeof *s.sparse.start);
  s.sparse.index = calloc((size_t)n * (size_t)sparse + 1, sizeof *s.sparse.index);
  s.sparse.value = calloc((size_t)n * (size_t)sparse + 1, sizeof *s.sparse.value);
  for (int i = 0; i < n; i++) {
    const uint64_t id = (uint64_t)(first + i);
    int64_t at = s.sparse.start[i];
    for (int j = 0; j < dense + sparse; j++) {
      const double x = pow(decay, j) * esp_rng_normal(8, id, ESP_RNG_TEST, (uint32_t)j);
      if (j < dense) s.x[(size_t)i * (size_t)dense + (size_t)j] = x;
      if (j < dense || esp_rng_below(9, id, ESP_RNG_TEST, (uint32_t)j, 3)) continue;
      s.sparse.index[at] = j - dense, s.sparse.value[at++] = x;
    }
    s.sparse.start[i + 1] = at;
  }
  s.rows.x = s.x;
  return s;
}

/* As it is now. */
static inline const esp_features *singular_case_rows(singular_case *s) {
  if (s->sparse.columns) s->rows.sparse = s->sparse;
  return &s->rows;
}

static inline void singular_case_free(singular_case *s) {
  free(s->x);
  free(s->sparse.start), free(s->sparse.index), free(s->sparse.value);
}

#endif

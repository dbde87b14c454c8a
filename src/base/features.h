/* Features of this rank's particles: dense columns, then sparse ones; linear maps of them. Local. */
#ifndef ESP_FEATURES_H
#define ESP_FEATURES_H

#include "base/set.h"

typedef struct {
  int n, dense;
  const int64_t *id; /* [n]; NULL where nobody asks */
  const double *x;   /* [n][dense] */
  esp_csr sparse;    /* borrowed; start NULL: there are none */
} esp_features;

/* All INPUT columns of a set. *own: to be freed by the caller, after the features; NULL where nothing had to be joined. Errors:
 * memory. */
int esp_features_of(const esp_set *set, esp_features *rows, double **own);
/* D, dense and sparse. Pure. */
int64_t esp_features_width(const esp_features *rows);
/* y [n][k] = rows V, V [D][k]: a row's numbers do not depend on the others. Pure. */
void esp_features_times(const esp_features *rows, int k, const double *V, double *y);
/* acc [D][k][ESP_EXACT_FULL_WORDS] += rows^T dy, dy [n][k]: one float64 term a (group, number) of dense columns, one an entry of
 * sparse ones. term [k] is room. */
void esp_features_terms(const esp_features *rows, int k, const double *dy, double *term, int64_t *acc);

/* Which features of a particle are hidden: a fair coin each, of (seed, draw, id, feature). Pure. */
int esp_features_hidden(uint64_t seed, uint64_t draw, int64_t id, int64_t feature);
/* Is a particle one of about `count` of n that are asked: of (seed, draw, id). All are where there are no more. Pure. */
int esp_features_asked(uint64_t seed, uint64_t draw, int64_t id, int64_t count, int64_t n);
/* The half of the features that are not hidden (hidden 0), or that are (1): the others are 0. Its arrays `x` and sparse.value are the
 * caller's (esp_features_half_free), the rest is that of `all`. Errors: memory. */
int esp_features_half_create(const esp_features *all, uint64_t seed, uint64_t draw, int hidden, esp_features *half);
void esp_features_half_free(esp_features *half);

static inline double esp_csr_entry(const esp_csr *csr, int64_t e) {
  return csr->value ? csr->value[e] : 1;
}
static inline void esp_add_times(size_t k, double a, const double *V, double *y) {
  for (size_t c = 0; c < k; c++) y[c] += a * V[c];
}

#endif

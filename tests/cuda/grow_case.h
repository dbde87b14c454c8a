/* Keys for the tests of the device's trees: clumps, ties and points that coincide, of any size and dimension. */
#ifndef TEST_GROW_CASE_H
#define TEST_GROW_CASE_H

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "cuda/grow.h"
#include "cuda/kernels.h"

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

enum { KEYS_BALL, KEYS_CLUMPS, KEYS_GRID, KEYS_POINT, KEYS_LINE, KEYS_KINDS };

static inline double grow_uniform(uint64_t seed, size_t i, int a) {
  return esp_rng_uniform(seed, i, ESP_RNG_TEST, (uint32_t)a);
}

/* Components in [-1, 1]; grid: many are alike, and zeros of both signs; line: along (1, 2, 3, ..). */
static inline double *grow_keys(int n, int dim, int kind, uint64_t seed) {
  double *z = NULL;
  MUST(ESP_ALLOC(z, (size_t)n * (size_t)dim));
  for (size_t i = 0; i < (size_t)n; i++)
    for (int a = 0; a < dim; a++) {
      const double u = 2 * grow_uniform(seed, i, a) - 1, clump = 2 * grow_uniform(seed + 1, i % 5, a) - 1;
      double *x = z + i * (size_t)dim + (size_t)a;
      *x = kind == KEYS_BALL ? u * grow_uniform(seed + 2, i, 0) : 0.3;
      if (kind == KEYS_CLUMPS) *x = i % 11 == 0 ? clump : 0.9 * clump + 0.01 * u;
      if (kind == KEYS_GRID) *x = trunc(3 * u) / 3;
      if (kind == KEYS_LINE) *x = (a + 1) * (2 * grow_uniform(seed, i, 0) - 1) / dim + 1e-3 * u;
    }
  return z;
}

/* Unique, in no order, some negative. */
static inline int64_t *grow_ids(int n) {
  int64_t *id = NULL;
  MUST(ESP_ALLOC(id, n));
  for (int i = 0; i < n; i++) id[i] = ((int64_t)i * 7919 + 13) % 1000003 - 500000;
  return id;
}

#endif

/* Small sets of keys for the tests of the tree: malloc'ed, fixed seed, a pure function of (n, dim, kind). */
#ifndef TEST_CLOUD_H
#define TEST_CLOUD_H

#include <stdint.h>
#include <stdlib.h>

enum { CLOUD_BALL, CLOUD_GRID, CLOUD_POINT, CLOUD_KINDS };

static inline double cloud_uniform(uint64_t k) {
  uint64_t x = (k + 1) * 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return (double)((x ^ x >> 31) >> 11) * 0x1p-53;
}

/* CLOUD_BALL: clustered toward 0, components in (0, 1). CLOUD_GRID: many equal components. CLOUD_POINT: all coincide.
 */
static inline double *cloud_keys(int n, int dim, int kind) {
  double *z = malloc(sizeof *z * (size_t)(n * dim + 1));
  for (int i = 0; i < n; i++) {
    double s = cloud_uniform((uint64_t)i * 977 + 5);
    for (int a = 0; a < dim; a++) {
      double u = cloud_uniform((uint64_t)(i * dim + a) * 31 + 7);
      z[i * dim + a] = kind == CLOUD_BALL ? s * u : kind == CLOUD_GRID ? (double)(int)(4 * u) / 4 : 0.3;
    }
  }
  return z;
}

/* Unique, in no order, some negative. */
static inline int64_t *cloud_ids(int n) {
  int64_t *id = malloc(sizeof *id * (size_t)(n + 1));
  for (int i = 0; i < n; i++) id[i] = ((int64_t)i * 7919 + 13) % 1000003 - 500000;
  return id;
}

#endif

/* Clouds for the tests and the benchmark of the multipole method: pure functions of (kind, n); and the errors of a force. */
#ifndef TEST_FMM_CASE_H
#define TEST_FMM_CASE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "fmm/fmm.h"

typedef enum {
  FMM_PLUMMER,   /* of scale 1, cut where it holds 99.9 % */
  FMM_PLUMMER95, /* 95 % */
  FMM_BALL,
  FMM_CLUMPS,   /* two Plummer spheres of scales 1 and 0.02, 20 apart */
  FMM_CORNER,   /* a Plummer sphere with 20 bodies within 1e-4 at a corner of its box */
  FMM_FAR,      /* one body 1e20 away */
  FMM_SHIFTED,  /* a Plummer sphere 1e6 of its sizes away */
  FMM_UNEQUAL,  /* masses from 1 to 1e9, evenly in the logarithm */
  FMM_MASSLESS, /* two in three without mass */
  FMM_TWINS,    /* every body at the place of the one before, in threes */
  FMM_GRID,     /* a cubic lattice: coordinates tie */
  FMM_CLOUDS
} fmm_kind;

static const char *const fmm_name[FMM_CLOUDS] = {"Plummer 99.9 %", "Plummer 95 %", "ball",    "two clumps",
                                                 "tight corner",   "far body",     "shifted", "mass ratio 1e9",
                                                 "massless",       "coincident",   "grid"};

typedef struct {
  int n;
  double (*x)[3], *m;
  int64_t *id;
} fmm_cloud;

static inline double fmm_uniform(int i, uint32_t k) {
  return esp_rng_uniform(11, (uint64_t)i, ESP_RNG_TEST, k);
}

/* A direction, times r. */
static inline void fmm_on_sphere(int i, double r, double *x) {
  const double z = 2 * fmm_uniform(i, 1) - 1, t = 6.283185307179586 * fmm_uniform(i, 2), s = r * sqrt(1 - z * z);
  x[0] = s * cos(t), x[1] = s * sin(t), x[2] = r * z;
}

/* Of scale 1, cut where it holds the share `most` of its mass. */
static inline void fmm_plummer(int i, double most, double *x) {
  fmm_on_sphere(i, 1 / sqrt(pow(most * fmm_uniform(i, 0), -2.0 / 3) - 1), x);
}

static inline void fmm_place(fmm_kind kind, int n, int i, double *x) {
  const int side = (int)ceil(cbrt(n));
  fmm_plummer(i, kind == FMM_PLUMMER95 ? 0.95 : 0.999, x);
  switch (kind) {
    case FMM_BALL:
      fmm_on_sphere(i, cbrt(fmm_uniform(i, 0)), x);
      break;
    case FMM_CLUMPS:
      for (int a = 0; a < 3 && i % 2; a++) x[a] = 0.02 * x[a] + (a == 0 ? 20 : 0);
      break;
    case FMM_CORNER:
      for (int a = 0; a < 3 && i < 20; a++) x[a] = 22.4 + 1e-4 * fmm_uniform(i, 3 + (uint32_t)a);
      break;
    case FMM_FAR:
      if (i == n / 2) x[0] = 1e20;
      break;
    case FMM_SHIFTED:
      for (int a = 0; a < 3; a++) x[a] = 1e-3 * x[a] + 2.2e4;
      break;
    case FMM_TWINS:
      fmm_plummer(i / 3, 0.999, x);
      break;
    case FMM_GRID:
      x[0] = i % side, x[1] = i / side % side, x[2] = i / side / side;
      break;
    default:
      break;
  }
}

/* Arrays by esp_alloc. Masses sum to about 1. ids: unique, in no order, unless `plain`. */
static inline int fmm_cloud_make(fmm_kind kind, int n, int plain, fmm_cloud *c) {
  *c = (fmm_cloud){.n = n};
  ESP_CALL(ESP_ALLOC(c->x, n));
  ESP_CALL(ESP_ALLOC(c->m, n));
  ESP_CALL(ESP_ALLOC(c->id, n));
  for (int i = 0; i < n; i++) {
    fmm_place(kind, n, i, c->x[i]);
    c->m[i] = 1.0 / n;
    if (kind == FMM_UNEQUAL) c->m[i] *= pow(1e9, fmm_uniform(i, 9));
    if (kind == FMM_MASSLESS && i % 3) c->m[i] = 0;
    c->id[i] = plain ? i : (int64_t)i * 7919 % 1000003 - 500000;
  }
  return ESP_OK;
}

static inline void fmm_cloud_free(fmm_cloud *c) {
  ESP_FREE(c->x);
  ESP_FREE(c->m);
  ESP_FREE(c->id);
}

/* Of |da|/|a| over the bodies with a != 0 in the truth. */
typedef struct {
  double rms, p50, p99, max;
} fmm_errors;

static inline int fmm_by_size(const void *a, const void *b) {
  const double p = *(const double *)a, q = *(const double *)b;
  return (p > q) - (p < q);
}

static inline fmm_errors fmm_compare(int n, const double (*a)[3], const double (*truth)[3]) {
  fmm_errors e = {0};
  double *error = malloc(sizeof *error * (size_t)(n + 1));
  int count = 0;
  for (int i = 0; i < n; i++) {
    double size = 0, off = 0;
    for (int k = 0; k < 3; k++) {
      size += truth[i][k] * truth[i][k];
      off += (a[i][k] - truth[i][k]) * (a[i][k] - truth[i][k]);
    }
    if (size > 0) error[count++] = sqrt(off / size);
    if (size > 0) e.rms += off / size;
    if (!(off == off)) e.max = NAN;
  }
  if (count && e.max == 0) {
    qsort(error, (size_t)count, sizeof *error, fmm_by_size);
    e = (fmm_errors){sqrt(e.rms / count), error[count / 2], error[(int)(0.99 * count)], error[count - 1]};
  }
  free(error);
  return e;
}

#endif

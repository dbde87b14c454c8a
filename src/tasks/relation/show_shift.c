#include <math.h>

#include "base/least_squares.h"
#include "tasks/relation/show.h"

enum { UPSTREAM = 4, COLUMNS = UPSTREAM + 1 };

/* Of key = value^T (p, u, 1): the place at rest that a query points at. */
static void centre(const double *value, int d, const double *q, double c[2]) {
  double aa = 0, ab = 0, bb = 0, a = 0, b = 0;
  for (int k = 0; k < d; k++) {
    const double ka = value[k], kb = value[d + k], r = q[k] - value[UPSTREAM * d + k];
    aa += ka * ka, ab += ka * kb, bb += kb * kb;
    a += ka * r, b += kb * r;
  }
  const double det = aa * bb - ab * ab; /* nothing but rounding: the keys do not tell all places apart */
  if (!(det > 1e-12 * aa * bb)) {
    c[0] = c[1] = NAN;
    return;
  }
  c[0] = (bb * a - ab * b) / det;
  c[1] = (aa * b - ab * a) / det;
}

/* The slope of c - p on u, one for both components, each with a mean of its own: one least-squares problem with columns
 * u and the component's constant. */
static int regress(const esp_comm *comm, const esp_least_squares *keys, int n_home, const double *x,
                   const double *query, int d, double *slope) {
  esp_least_squares fit = {0};
  double *X = NULL, *y = NULL;
  const size_t n = (size_t)n_home;
  int rc = ESP_ALLOC(X, 2 * n * 3);
  if (!rc) rc = ESP_ALLOC(y, 2 * n);
  if (!rc) rc = esp_least_squares_create(3, 1, &fit);
  ESP_TRY(comm->agree(comm, rc));
  /* component by component inside a group, so that groups of rows are groups of particles */
  for (size_t i = 0; i < n; i++) {
    const double *at = x + i * UPSTREAM;
    double c[2];
    centre(keys->value, d, query + i * (size_t)d, c);
    for (size_t a = 0; a < 2; a++) {
      double *row = X + (2 * i + a) * 3;
      row[0] = at[2 + a], row[1] = a == 0, row[2] = a == 1;
      y[2 * i + a] = c[a] - at[a];
    }
  }
  esp_least_squares_add(&fit, 2 * n_home, X, y, NULL);
  ESP_TRY(esp_least_squares_solve(comm, &fit));
  *slope = fit.value[0];
done:
  esp_least_squares_free(&fit);
  ESP_FREE(X);
  ESP_FREE(y);
  return rc;
}

int esp_upstream_shift(const esp_comm *comm, int n_home, const double *x, int d, const double *key, const double *query,
                       double *slope) {
  const size_t n = (size_t)n_home;
  esp_least_squares keys = {0};
  double *X = NULL;
  int rc = ESP_ALLOC(X, n * COLUMNS);
  if (!rc) rc = esp_least_squares_create(COLUMNS, d, &keys);
  ESP_TRY(comm->agree(comm, rc));
  for (size_t i = 0; i < n; i++) {
    for (size_t a = 0; a < UPSTREAM; a++) X[i * COLUMNS + a] = x[i * UPSTREAM + a];
    X[i * COLUMNS + UPSTREAM] = 1;
  }
  esp_least_squares_add(&keys, n_home, X, key, NULL);
  ESP_TRY(esp_least_squares_solve(comm, &keys));
  ESP_TRY(regress(comm, &keys, n_home, x, query, d, slope));
done:
  esp_least_squares_free(&keys);
  ESP_FREE(X);
  return rc;
}

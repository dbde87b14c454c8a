/* Linear least squares over particles on any number of ranks: y = X c, by the normal equations, whose sums are exact
 * over groups of particles (base/set.h). The classical methods of a learned relation's ladder are fitted with
 * it. */
#ifndef ESP_LEAST_SQUARES_H
#define ESP_LEAST_SQUARES_H

#include "base/comm.h"

typedef struct {
  int p, t;      /* columns of X, of y */
  int64_t *acc;  /* [p][p + t][ESP_EXACT_FULL_WORDS] */
  double *sum;   /* [p][p + t] X^T X, X^T y; of all ranks after solve */
  double *value; /* [p][t] the solution */
} esp_least_squares;

/* Local. Memory p (p + t) 568 bytes. */
int esp_least_squares_create(int p, int t, esp_least_squares *fit);
void esp_least_squares_free(esp_least_squares *fit);
/* Adds rows X [n][p], y [n][t], weight [n] (NULL: 1): whole groups of the set's order. Local. */
void esp_least_squares_add(esp_least_squares *fit, int n, const double *X, const double *y, const double *weight);
/* The solution, the same bits on every rank; columns that depend on others (pivot below 1e-10 of its start) get 0.
 * Once. Collective. */
int esp_least_squares_solve(const esp_comm *comm, esp_least_squares *fit);
/* y [n][t] = X [n][p] value. Local. */
void esp_least_squares_apply(const esp_least_squares *fit, int n, const double *X, double *y);

#endif

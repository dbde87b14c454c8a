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
/* The same with a penalty (ridge; A. Hoerl, R. Kennard, Technometrics 12 (1970) 55): added is lambda times the square of each
 * coefficient in units of its column's variance, all but that of column `ones`, which is 1 in every row. For each column of y
 * that lambda of 0, 1e-5, 1e-4 ... 10 is taken with which what was fitted on `fit` is best on the rows of `held`; these are then
 * added, and all is solved with it. Once. Collective. */
int esp_least_squares_solve_ridge(const esp_comm *comm, esp_least_squares *fit, esp_least_squares *held, int ones);
/* y [n][t] = X [n][p] value. Local. */
void esp_least_squares_apply(const esp_least_squares *fit, int n, const double *X, double *y);

#endif

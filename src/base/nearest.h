/* The nearest particles in the space of their numbers, found by looking at all: the graph that a classical method would
 * take. */
#ifndef ESP_NEAREST_H
#define ESP_NEAREST_H

#include "base/comm.h"

typedef struct {
  int n_home, k, values; /* k: neighbours a particle has, at most n - 1 */
  double *distance2;     /* [n_home][k] ascending */
  int *index;            /* [n_home][k] numbers in the global order */
  double *value;         /* [n][values] of all particles */
} esp_nearest;

/* Of this rank's particles, numbers first .. first + n_home - 1 in the global order of n (rank after rank), at x
 * [n_home][dim], with value v [n_home][values], among all, themselves left out; ties to the lower number. Time O(n_home n
 * dim), memory O(n (dim + values)). n = 0 is fine; ESP_ERR_LIMIT above 2^31 - 1 particles. Collective. Free with
 * esp_nearest_free, also after a failure. */
int esp_nearest_find(const esp_comm *comm, int64_t n, int64_t first, int n_home, int dim, const double *x, int values,
                     const double *v, int neighbours, esp_nearest *nearest);
void esp_nearest_free(esp_nearest *nearest);
/* sum [n_home][values (+ 1)]: sum over the neighbours, nearest first, of exp(-d^2 / 2 s^2) v, and of the weights if
 * `average`; own [n_home][values]: what a particle adds of itself, with weight 1, or NULL. Local. */
void esp_nearest_sum(const esp_nearest *nearest, double s, int average, const double *own, double *sum);

#endif

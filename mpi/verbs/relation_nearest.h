/* The nearest particles in the raw features, found by looking at all: the graph that a classical method would take. */
#ifndef ESP_RELATION_NEAREST_H
#define ESP_RELATION_NEAREST_H

#include "base/feature_set.h"

typedef struct {
  int n_home, k, values; /* k: neighbours a particle has, at most n - 1 */
  double *distance2;     /* [n_home][k] ascending */
  int *index;            /* [n_home][k] numbers in the set's global order */
  double *value;         /* [n][values] of all particles */
} esp_nearest;

/* Of this rank's particles among all, themselves left out; ties to the lower number. Time O(n_home n D), memory O(n (D
 * + F)). Collective. Free with esp_nearest_free, also after a failure. */
int esp_nearest_find(const esp_comm *comm, const esp_feature_set *set, int neighbours, esp_nearest *nearest);
void esp_nearest_free(esp_nearest *nearest);
/* sum [n_home][F (+ 1)]: sum over the neighbours, nearest first, of exp(-d^2 / 2 s^2) v, and of the weights if
 * `average`; own [n_home][F]: what a particle adds of itself, with weight 1, or NULL. Local. */
void esp_nearest_sum(const esp_nearest *nearest, double s, int average, const double *own, double *sum);

#endif

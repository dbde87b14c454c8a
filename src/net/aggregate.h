/* The table of aggregates: what a receiver makes of what it heard. A row is a const esp_aggregate in a file of its own,
 * listed in net/aggregates.c. Rows of one particle; pure, local. */
#ifndef ESP_AGGREGATE_H
#define ESP_AGGREGATE_H

#include "net/heard.h"

typedef struct {
  const char *name, *help;
  int den;      /* 1: it takes the sum of weights, too */
  double start; /* standard deviation with which the outputs of a new network begin */
  /* sum [C], then den where it is heard -> A [C]. */
  void (*hear)(int C, const double *sum, double *A);
  /* dA = dLoss/dA -> dsum [C] = dLoss/dsum; returns dLoss/dden. A: of hear. */
  double (*hear_back)(int C, const double *sum, const double *A, const double *dA, double *dsum);
} esp_aggregate;

extern const esp_aggregate *const esp_aggregates[]; /* NULL behind the last */
extern const esp_aggregate esp_aggregate_sum, esp_aggregate_average;
const char *esp_aggregate_name(int k); /* of the k-th; NULL behind the last */

#endif

/* The table of aggregates: what a receiver makes of what it heard. A row is a const esp_aggregate in a file of its own,
 * listed in net/aggregates.c. Rows of one particle; pure, local. */
#ifndef ESP_AGGREGATE_H
#define ESP_AGGREGATE_H

#include "net/heard.h"

typedef struct {
  const char *name, *help;
  int den;      /* 1: it takes the sum of weights, too */
  int says;     /* numbers a channel that senders say: 1, v; 2, w v and then w, w = exp(beta v), beta learned a channel
                   (net/heard.h). C below is all of them */
  double start; /* standard deviation with which the outputs of a new network begin */
  /* sum [C], then den where it is heard -> A [C / says]. */
  void (*hear)(int C, const double *sum, double *A);
  /* dA [C / says] = dLoss/dA -> dsum [C] = dLoss/dsum; returns dLoss/dden. A: of hear. */
  double (*hear_back)(int C, const double *sum, const double *A, const double *dA, double *dsum);
} esp_aggregate;

extern const esp_aggregate *const esp_aggregates[]; /* NULL behind the last */
extern const esp_aggregate esp_aggregate_sum, esp_aggregate_average, esp_aggregate_softmax;
const char *esp_aggregate_name(int k); /* of the k-th; NULL behind the last */

#endif

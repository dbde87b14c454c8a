/* Sums and order statistics over particles that depend neither on their order nor on the number of ranks.
 * Collective over comm; no particle and one rank are fine. */
#ifndef ESP_SUM_H
#define ESP_SUM_H

#include "base/comm.h"
#include "base/exact_sum.h"

enum { ESP_SUMS = 8 };

/* Up to ESP_SUMS sums at once, in the full exact format. Zero-initialise (`= {0}`), add terms with
 * esp_sum_add (local), then end once. */
typedef struct {
  int64_t acc[ESP_SUMS][ESP_EXACT_FULL_WORDS];
} esp_sum;

void esp_sum_add(esp_sum *sum, int which, double term);
/* value [count]: the sums over all ranks, each rounded once. NaN where a term was NaN. */
int esp_sum_end(const esp_comm *comm, esp_sum *sum, int count, double *value);

/* The element of rank k (0 = smallest) of the values [n_home] >= 0 of all ranks together; exact: a radix selection on
 * the bits by integer histograms. 0 <= k < number of values, else ESP_ERR_ARG; ESP_ERR_VALUE for a NaN or negative. */
int esp_sum_select(const esp_comm *comm, int n_home, const double *value, int64_t k, double *out);

#endif

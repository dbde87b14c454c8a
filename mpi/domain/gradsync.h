/* Parameter gradients over ranks: exact accumulators [count][ESP_EXACT_FULL_WORDS] are brought into range and added
 * word by word, so that the sum is the same bits for any number of ranks and any order. A table of one function, so
 * that a library that adds on the device can take its place. */
#ifndef ESP_MPI_GRADSYNC_H
#define ESP_MPI_GRADSYNC_H

#include "base/comm.h"
#include "base/exact_sum.h"

typedef struct esp_gradsync esp_gradsync;
struct esp_gradsync {
  const char *name;
  const esp_comm *comm; /* borrowed */
  void *impl;
  /* acc [count][ESP_EXACT_FULL_WORDS], each the sum of at most 2^30 terms of this rank, becomes the sum over ranks on
   * every rank. Collective. count = 0 and one rank are fine. Errors: ESP_ERR_COMM. */
  int (*sum)(const esp_gradsync *sync, int64_t *acc, size_t count);
};

/* Sums through comm->sum_i64: one all-reduce. Local; nothing to free. */
esp_gradsync esp_gradsync_comm(const esp_comm *comm);

#endif

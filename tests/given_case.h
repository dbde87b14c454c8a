/* A graph with all that may be awkward, the same on every rank: hubs, particles without edges, edges with themselves, edges of one
 * direction, weights of 0. */
#ifndef TEST_GIVEN_CASE_H
#define TEST_GIVEN_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/set.h"
#include "net/given_sum.h"

/* Does j say something to i? Directed; number 3 hears all, all hear number 5, from 7 on every 11th has no edges. */
static inline int given_case_edge(int i, int j) {
  if (i % 11 == 7 || j % 11 == 7) return 0;
  if (i == 3 || j == 5) return 1;
  return esp_rng_uniform(4, (uint64_t)i << 32 | (uint64_t)j, ESP_RNG_TEST, 0) < 0.03 || (i == j && i % 9 == 0);
}

static inline double given_case_weight(int i, int j) {
  const uint64_t bits = (uint64_t)i << 32 | (uint64_t)j;
  return bits % 13 == 0 ? 0 : 3 * esp_rng_uniform(5, bits, ESP_RNG_TEST, 0);
}

/* Edges of receivers first .. first + rows - 1 of n. */
static inline esp_csr given_case_edges(int n, int first, int rows, int weighted) {
  esp_csr csr;
  int64_t entries = 0;
  for (int i = first; i < first + rows; i++)
    for (int j = 0; j < n; j++) entries += given_case_edge(i, j);
  if (esp_csr_create(rows, n, entries, weighted, &csr)) fail_msg("%s", esp_error_message());
  entries = 0;
  for (int i = first; i < first + rows; i++) {
    for (int j = 0; j < n; j++) {
      if (!given_case_edge(i, j)) continue;
      if (weighted) csr.value[entries] = given_case_weight(i, j);
      csr.index[entries++] = j;
    }
    csr.start[i - first + 1] = entries;
  }
  return csr;
}

static inline double given_case_number(int i, int c) {
  return esp_rng_normal(6, (uint64_t)i, ESP_RNG_TEST, (uint32_t)c);
}

#endif

/* A set for gate regression: particles of groups, whose features are noisy about their group's. For any number of ranks; needs
 * cmocka. */
#ifndef REGRESSION_CASE_H
#define REGRESSION_CASE_H

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "net/gate_regression.h"

enum { REGRESSION_DENSE = 6, REGRESSION_WORDS = 40, REGRESSION_GROUPS = 4, REGRESSION_C = 5 };

static const esp_column regression_column[] = {
    {.name = "x", .role = ESP_INPUT, .optional = 1, .min = -INFINITY},
    {.name = "words", .role = ESP_INPUT, .optional = 1, .min = -INFINITY, .lying = ESP_SPARSE},
    {.name = "said", .role = ESP_SENT, .optional = 1, .min = -INFINITY},
    {.name = "told", .role = ESP_TARGET, .optional = 1, .min = -INFINITY},
    {0}};
static const esp_number regression_number[] = {{0}};
static const esp_layout regression_layout = {regression_column, regression_number, "none"};

/* A word of a particle's: likely where its group's are. */
static inline int regression_has(int64_t id, int word) {
  const double u = esp_rng_uniform(3, (uint64_t)id, ESP_RNG_TEST, 100 + (uint32_t)word);
  return u < (word % REGRESSION_GROUPS == id % REGRESSION_GROUPS ? 0.5 : 0.1);
}

/* The share of `rank` of n particles; what 0 .. 3 has no features at all. said = told = some numbers. */
static inline esp_set regression_set(int64_t n, int rank, int size, int dense, int words) {
  esp_set set = {.n = n, .layout = &regression_layout, .ready = 1};
  int64_t count, at = 0;
  esp_set_share(n, rank, size, &set.first, &count);
  set.n_home = (int)count;
  set.width[0] = dense ? REGRESSION_DENSE : 0, set.width[1] = words ? REGRESSION_WORDS : 0;
  set.width[2] = set.width[3] = REGRESSION_C;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  if (words) {
    esp_csr_free(&set.csr[1]);
    assert_int_equal(esp_csr_create(set.n_home, REGRESSION_WORDS, count * REGRESSION_WORDS, 1, &set.csr[1]), ESP_OK);
  }
  for (int i = 0; i < set.n_home; i++) {
    const int64_t id = set.first + i;
    set.id[i] = id;
    for (int j = 0; dense && j < REGRESSION_DENSE; j++)
      set.value[0][i * REGRESSION_DENSE + j] =
          id < 4 ? 0
                 : (j % REGRESSION_GROUPS == id % REGRESSION_GROUPS) +
                       0.3 * esp_rng_normal(4, (uint64_t)id, ESP_RNG_TEST, (uint32_t)j);
    for (int j = 0; words && id >= 4 && j < REGRESSION_WORDS; j++)
      if (regression_has(id, j)) set.csr[1].index[at] = j, set.csr[1].value[at++] = 0.4 + 0.01 * j;
    if (words) set.csr[1].start[i + 1] = at;
    for (int c = 0; c < REGRESSION_C; c++)
      set.value[2][i * REGRESSION_C + c] = set.value[3][i * REGRESSION_C + c] =
          esp_rng_normal(5, (uint64_t)id, ESP_RNG_TEST, (uint32_t)c);
  }
  return set;
}

static inline esp_gate_shape regression_shape(double theta) {
  esp_gate_shape shape = {.dim = 3, .far = 1, .order = 1, .seed = 11, .domain = {.leaf = 4, .block = 8, .dim = 3}};
  shape.domain.lists.theta = theta;
  return shape;
}

#endif

/* For tests of routines that a device has as the host has them: numbers to try them with, and a comparison of every word. */
#ifndef TEST_CUDA_TWIN_H
#define TEST_CUDA_TWIN_H

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/exact_sum.h"
#include "base/rng.h"
#include "cuda/device.h"
#include "cuda/memory.h"
#include "cuda/settled.h"

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

/* One array twice, of words of 8 bytes. */
typedef struct {
  size_t count;
  double *host;
  void *there;
} twin;

/* Made of words; one more on the host, so that it is never empty. */
static inline twin twin_of(const void *words, size_t count) {
  twin t = {.count = count};
  MUST(ESP_ALLOC(t.host, count + 1));
  if (count) memcpy(t.host, words, count * sizeof *t.host);
  MUST(esp_cuda_alloc(&t.there, count * sizeof *t.host));
  MUST(esp_cuda_put(t.there, t.host, count * sizeof *t.host));
  return t;
}

static inline void twin_free(twin *t) {
  esp_cuda_free(&t->there);
  ESP_FREE(t->host);
}

/* Normal numbers; awkward: every fifth of them is one at an end of what there is. */
static inline twin twin_draw(size_t count, uint64_t seed, int awkward) {
  static const double end[] = {0, -0., 5e-324, -1e-310, 1e300, -1e300, 1e-300, INFINITY, -1e150, 740, -740, NAN};
  enum { ENDS = sizeof end / sizeof *end };
  double *x = NULL;
  MUST(ESP_ALLOC(x, count + 1));
  for (size_t k = 0; k < count; k++) {
    x[k] = esp_rng_normal(seed, (uint64_t)k, ESP_RNG_TEST, 0);
    const size_t which = (size_t)(ENDS * esp_rng_uniform(seed, (uint64_t)k, ESP_RNG_TEST, 5));
    if (awkward && esp_rng_uniform(seed, (uint64_t)k, ESP_RNG_TEST, 6) < 0.2) x[k] = end[which % ENDS];
  }
  const twin t = twin_of(x, count);
  ESP_FREE(x);
  return t;
}

/* Accumulators in the middle of a sum. */
static inline twin twin_acc(size_t count, size_t words, uint64_t seed) {
  int64_t *acc = NULL;
  MUST(ESP_ALLOC(acc, count * words + 1));
  for (size_t k = 0; k < count * words; k++)
    if (k % words) acc[k] = (int64_t)(1e9 * esp_rng_normal(seed, (uint64_t)k, ESP_RNG_TEST, 0));
  const twin t = twin_of(acc, count * words);
  ESP_FREE(acc);
  return t;
}

/* Every word: of numbers, where any NaN is as good as another. */
static inline void twin_same(const char *what, const twin *t, int numbers) {
  int64_t *got = NULL;
  MUST(ESP_ALLOC(got, t->count + 1));
  MUST(esp_cuda_get(got, t->there, t->count * sizeof *got));
  for (size_t k = 0; k < t->count; k++) {
    int64_t want;
    double number;
    memcpy(&want, &t->host[k], sizeof want);
    memcpy(&number, &got[k], sizeof number);
    if (got[k] != want && !(numbers && isnan(number) && isnan(t->host[k])))
      fail_msg("%s, number %zu: %" PRIx64 " (%g) on the device, %" PRIx64 " (%g) on the host", what, k, got[k], number,
               want, t->host[k]);
  }
  ESP_FREE(got);
}

/* What a test's main begins with: 0, or the code with which it ends where there is no device. */
static inline int twin_begin(void) {
  int devices = 0;
  if (esp_device_count(&devices)) return 1;
  if (devices > 0) return 0;
  printf("no device here: skipped\n");
  return 77;
}

#endif

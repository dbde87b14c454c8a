/* Proves that shuffles of every width, votes, reductions and counting barriers give what CUDA says they give: on a device,
 * and under the model of one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cuda/device.h"
#include "tests/cuda/warp.h"

/* The lane whose value lane `self` gets. */
static int source(warp_shuffle how, int self, int width, int argument) {
  const int first = self / width * width, last = first + width - 1;
  switch (how) {
    case WARP_LANE:
      return first + argument % width;
    case WARP_UP:
      return self - argument < first ? self : self - argument;
    case WARP_DOWN:
      return self + argument > last ? self : self + argument;
    default:
      return (self ^ argument) > last ? self : self ^ argument;
  }
}

static void shuffles(void **state) {
  (void)state;
  static const int arguments[] = {0, 1, 3, 8, 17, 31};
  double a[WARP_THREADS], b[WARP_THREADS];
  for (int t = 0; t < WARP_THREADS; t++) a[t] = 3 * t + 1;
  for (int halves = 0; halves < 2; halves++)
    for (int width = 1; width <= (halves ? 16 : 32); width *= 2)
      for (size_t k = 0; k < sizeof arguments / sizeof *arguments; k++)
        for (warp_shuffle how = 0; how < WARP_SHUFFLES; how++) {
          const int argument = arguments[k];
          if (halves && argument >= 16 && how == WARP_XOR) continue; /* of the other half */
          if (warp_shuffles(how, halves, width, argument, a, b)) fail_msg("%s", esp_error_message());
          for (int t = 0; t < WARP_THREADS; t++) {
            const double right = 1001001001 * a[t / 32 * 32 + source(how, t % 32, width, argument)];
            if (b[t] != right)
              fail_msg("shuffle %d, halves %d, width %d, argument %d, thread %d: %g, not %g", (int)how, halves, width,
                       argument, t, b[t], right);
          }
        }
}

/* What thread t finds, from the values of its warp or block. */
static void expect(const int *value, int least, int t, unsigned right[WARP_VOTES]) {
  const int *warp = value + t / 32 * 32;
  int all = 1, min = warp[0], max = warp[0];
  memset(right, 0, WARP_VOTES * sizeof *right);
  right[WARP_AND] = ~0u;
  for (int k = 0; k < 32; k++) {
    const unsigned bits = (unsigned)warp[k];
    right[WARP_BALLOT] |= (unsigned)(warp[k] >= least) << k;
    right[WARP_MATCH] |= (unsigned)(warp[k] == value[t]) << k;
    all &= warp[k] >= least;
    min = warp[k] < min ? warp[k] : min;
    max = warp[k] > max ? warp[k] : max;
    right[WARP_ADD] += bits;
    right[WARP_AND] &= bits;
    right[WARP_OR] |= bits;
    right[WARP_BITS_XOR] ^= bits;
  }
  right[WARP_ANY] = right[WARP_BALLOT] != 0;
  right[WARP_ALL] = (unsigned)all;
  right[WARP_MIN] = (unsigned)min;
  right[WARP_MAX] = (unsigned)max;
  for (int k = 0; k < WARP_THREADS; k++) right[BLOCK_COUNT] += value[k] >= least;
  right[BLOCK_AND] = right[BLOCK_COUNT] == WARP_THREADS;
  right[BLOCK_OR] = right[BLOCK_COUNT] > 0;
}

static void votes(void **state) {
  (void)state;
  int value[WARP_THREADS], out[WARP_VOTES * WARP_THREADS];
  for (int t = 0; t < WARP_THREADS; t++) value[t] = (t * 37 % 19 - 9) * 1000003;
  for (int k = 0; k < 32; k++) value[k] |= 1 << 20;
  for (int least = -10; least <= 10; least += 5) {
    if (warp_votes(value, least * 1000003, out)) fail_msg("%s", esp_error_message());
    for (int t = 0; t < WARP_THREADS; t++) {
      unsigned right[WARP_VOTES];
      expect(value, least * 1000003, t, right);
      for (int k = 0; k < WARP_VOTES; k++)
        if ((unsigned)out[k * WARP_THREADS + t] != right[k])
          fail_msg("vote %d, least %d, thread %d: %x, not %x", k, least, t, (unsigned)out[k * WARP_THREADS + t],
                   right[k]);
    }
  }
}

int main(void) {
  int count = 0;
  if (esp_device_count(&count)) return 1;
  if (count == 0) {
    printf("no device here: skipped\n");
    return 77;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(shuffles), cmocka_unit_test(votes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

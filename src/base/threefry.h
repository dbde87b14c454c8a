/* The generator of base/rng.h for every processor: Threefry-2x64-20 (Salmon et al., SC11), the first word of its output. The bits
 * of Random123's. Pure. */
#ifndef ESP_THREEFRY_H
#define ESP_THREEFRY_H

#include <stdint.h>

#include "base/inline.h"

/* As esp_rng_bits. */
ESP_INLINE uint64_t esp_threefry(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  const uint64_t key[3] = {seed, purpose, UINT64_C(0x1BD11BDAA9FC1A22) ^ seed ^ purpose};
  const int turn[8] = {16, 42, 12, 31, 16, 32, 24, 21};
  uint64_t a = id + key[0], b = k + key[1];
  for (int round = 0; round < 20; round++) {
    const int by = turn[round % 8], next = round / 4 + 1;
    a += b;
    b = (b << by | b >> (64 - by)) ^ a;
    if (round % 4 < 3) continue;
    a += key[next % 3];
    b += key[(next + 1) % 3] + (uint64_t)next;
  }
  return a;
}

/* As esp_rng_uniform, of those bits. */
ESP_INLINE double esp_threefry_unit(uint64_t bits) {
  return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

#endif

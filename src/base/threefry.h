/* The generator of base/rng.h in kernels of any processor: Threefry-2x64-20 (Salmon et al., SC11) of Random123, whose functions are
 * a device's, too. Pure. */
#ifndef ESP_THREEFRY_H
#define ESP_THREEFRY_H

#include <stdint.h>

#include <Random123/threefry.h>

#include "base/inline.h"

/* Both words of a draw. */
ESP_INLINE threefry2x64_ctr_t esp_threefry(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  const threefry2x64_ctr_t counter = {{id, k}};
  const threefry2x64_key_t key = {{seed, purpose}};
  return threefry2x64_R(20, counter, key);
}

/* Odd multiples of 2^-53: symmetric about 1/2, and neither end can be reached by rounding. */
ESP_INLINE double esp_open_unit(uint64_t bits) {
  return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

/* As esp_rng_uniform. */
ESP_INLINE double esp_threefry_unit(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  return esp_open_unit(esp_threefry(seed, id, purpose, k).v[0]);
}

#endif

#include "base/rng.h"

#include <Random123/threefry.h>
#include <math.h>

static threefry2x64_ctr_t draw(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  threefry2x64_ctr_t counter = {{id, k}};
  threefry2x64_key_t key = {{seed, purpose}};
  return threefry2x64_R(20, counter, key);
}

/* Odd multiples of 2^-53: symmetric about 1/2, and neither end can be reached by rounding. */
static double open_unit(uint64_t bits) {
  return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

uint64_t esp_rng_bits(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  return draw(seed, id, purpose, k).v[0];
}

double esp_rng_uniform(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  return open_unit(draw(seed, id, purpose, k).v[0]);
}

double esp_rng_normal(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  threefry2x64_ctr_t bits = draw(seed, id, purpose, k);
  return sqrt(-2.0 * log(open_unit(bits.v[0]))) * cos(2.0 * 3.14159265358979323846 * open_unit(bits.v[1]));
}

uint64_t esp_rng_below(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k, uint64_t bound) {
  return (uint64_t)(((unsigned __int128)draw(seed, id, purpose, k).v[0] * bound) >> 64);
}

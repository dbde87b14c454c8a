#include "base/rng.h"

#include <math.h>

#include "base/threefry.h"

uint64_t esp_rng_bits(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  return esp_threefry(seed, id, purpose, k).v[0];
}

double esp_rng_uniform(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  return esp_threefry_unit(seed, id, purpose, k);
}

double esp_rng_normal(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k) {
  threefry2x64_ctr_t bits = esp_threefry(seed, id, purpose, k);
  return sqrt(-2.0 * log(esp_open_unit(bits.v[0]))) * cos(2.0 * 3.14159265358979323846 * esp_open_unit(bits.v[1]));
}

uint64_t esp_rng_below(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k, uint64_t bound) {
  return (uint64_t)(((unsigned __int128)esp_threefry(seed, id, purpose, k).v[0] * bound) >> 64);
}

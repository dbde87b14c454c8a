/* Counter-based random numbers: a pure function of (seed, id, purpose, k). No state, so every rank draws the same
 * number for the same particle whatever it owns. Generator: Threefry-2x64-20 of Random123 (Salmon et al., SC11).
 * `k` numbers the draws within one purpose. Everything here is local and cannot fail. */
#ifndef ESP_RNG_H
#define ESP_RNG_H

#include <stdint.h>

typedef enum {
  ESP_RNG_MASS = 1,
  ESP_RNG_POSITION,
  ESP_RNG_VELOCITY,
  ESP_RNG_CLOUD,
  ESP_RNG_WEIGHT,
  ESP_RNG_BATCH,
  ESP_RNG_SAMPLE,
  ESP_RNG_TEST,
  ESP_RNG_DROP
} esp_rng_purpose;

/* 64 random bits. */
uint64_t esp_rng_bits(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k);
/* Uniform in the open interval (0,1), 53 bits: never 0, never 1. */
double esp_rng_uniform(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k);
/* Standard Gaussian (Box-Muller; draw k uses the generator's outputs of counter k only). */
double esp_rng_normal(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k);
/* Uniform in [0, bound), bound >= 1, without modulo bias beyond 2^-64 * bound. */
uint64_t esp_rng_below(uint64_t seed, uint64_t id, uint32_t purpose, uint32_t k, uint64_t bound);

#endif

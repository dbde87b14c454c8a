/* Fingerprints: hashes of numbers in a given order, to be added modulo 2^64 over particles. Local, pure. */
#ifndef ESP_HASH_H
#define ESP_HASH_H

#include <stdint.h>
#include <string.h>

/* splitmix64's finaliser (Steele, Lea, Flood, OOPSLA 2014): every bit of the input reaches every bit of the output. */
static inline uint64_t esp_hash_mix(uint64_t state, uint64_t value) {
  uint64_t z = (state ^ value) + UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

/* By the bits: 0 and -0 differ. */
static inline uint64_t esp_hash_double(uint64_t state, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return esp_hash_mix(state, bits);
}

#endif

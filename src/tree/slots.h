/* The arithmetic of slots and centres (tree/tree.h), for host and device: which slots a node has, how a key is compared, what a
 * node's centre is. Valid C and C++. */
#ifndef ESP_SLOTS_H
#define ESP_SLOTS_H

#include <stdint.h>
#include <string.h>

#include "base/inline.h"

/* First slot and number of slots of node k of `level` of a tree of n. */
ESP_INLINE void esp_slots_node(int64_t n, int level, int64_t k, int64_t *offset, int64_t *count) {
  int64_t first = 0, m = n;
  for (int bit = level - 1; bit >= 0; bit--) {
    const int64_t left = m / 2;
    if (k >> bit & 1) {
      first += left;
      m -= left;
    } else {
      m = left;
    }
  }
  *offset = first;
  *count = m;
}

/* The node of `level` that holds `slot`. */
ESP_INLINE int64_t esp_slots_find(int64_t n, int level, int64_t slot) {
  int64_t k = 0, first = 0, m = n;
  for (int l = 0; l < level; l++) {
    const int64_t left = m / 2, right = slot >= first + left;
    k = 2 * k + right;
    first += right ? left : 0;
    m = right ? m - left : left;
  }
  return k;
}

/* A finite number as an unsigned integer of the same order; -0 as 0. And back. */
ESP_INLINE uint64_t esp_slots_image(double x) {
  uint64_t bits;
  x += 0.0;
  memcpy(&bits, &x, sizeof bits);
  return bits ^ ((uint64_t)((int64_t)bits >> 63) | (uint64_t)1 << 63);
}
ESP_INLINE double esp_slots_number(uint64_t image) {
  const uint64_t bits = image >> 63 ? image ^ (uint64_t)1 << 63 : ~image;
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
ESP_INLINE uint64_t esp_slots_image_id(int64_t id) {
  return (uint64_t)id ^ (uint64_t)1 << 63;
}

/* esp_split_score. */
ESP_INLINE double esp_slots_score(int dim, const double *direction, const double *z) {
  double score = direction[0] * z[0];
  for (int a = 1; a < dim; a++) score += direction[a] * z[a];
  return score;
}

/* A leaf's centre along axis a of keys z [count][dim]; a node's from its children's, along one axis. */
ESP_INLINE double esp_slots_mean(int dim, int a, int count, const double *z) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += z[(size_t)i * (size_t)dim + (size_t)a];
  return count > 0 ? sum / count : 0;
}
ESP_INLINE double esp_slots_join(double m1, double c1, double m2, double c2) {
  const double m = m1 + m2;
  return m > 0 ? (m1 * c1 + m2 * c2) / m : 0;
}

#endif

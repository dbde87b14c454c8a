/* One row's norm, its way back, what is dropped, and a state in fixed point: formulas for every processor (net/rows.h). */
#ifndef ESP_NORM_H
#define ESP_NORM_H

#include <math.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/threefry.h"

#define ESP_NORM_FLOOR 1e-5 /* added to the variance */

/* Mean and 1 / sqrt(variance + floor) of s [width]. */
ESP_INLINE void esp_norm_of(int width, const double *s, double *mean, double *inverse) {
  double sum = 0, square = 0;
  for (int c = 0; c < width; c++) sum += s[c];
  const double middle = sum / width;
  for (int c = 0; c < width; c++) square += (s[c] - middle) * (s[c] - middle);
  *mean = middle;
  *inverse = 1 / sqrt(square / width + ESP_NORM_FLOOR);
}

/* ds [width] += the way back of dy [width]. */
ESP_INLINE void esp_norm_back_of(int width, const double *gain, const double *s, const double *dy, double *ds) {
  double mean, inverse, first = 0, second = 0;
  esp_norm_of(width, s, &mean, &inverse);
  for (int c = 0; c < width; c++) {
    const double d = dy[c] * gain[c];
    first += d;
    second += d * ((s[c] - mean) * inverse);
  }
  first /= width;
  second /= width;
  for (int c = 0; c < width; c++) ds[c] += inverse * (dy[c] * gain[c] - first - (s[c] - mean) * inverse * second);
}

/* What is heard at the length of what is seen: A [own] becomes gain |s| A / |A|, lengths with a floor. */
#define ESP_LENGTH_FLOOR 1e-6 /* added to a sum of squares */
ESP_INLINE double esp_length_of(int width, const double *x) {
  double square = 0;
  for (int c = 0; c < width; c++) square += x[c] * x[c];
  return sqrt(square + ESP_LENGTH_FLOOR);
}
/* The way back of row d [own, then, where `seen`, state]: of the result and of s -> of A and of s; the gain's term is returned. */
ESP_INLINE double esp_level_back_of(int own, int state, int seen, double gain, const double *A, const double *s,
                                    double *d) {
  const double heard = esp_length_of(own, A), length = esp_length_of(state, s);
  double dot = 0;
  for (int c = 0; c < own; c++) dot += d[c] * A[c];
  const double term = dot / heard;
  for (int c = 0; c < own; c++) d[c] = gain * (length / heard) * (d[c] - A[c] * (term / heard));
  for (int c = 0; c < state && seen; c++) d[own + c] += gain * term * (s[c] / length);
  return length * term;
}

/* Of dropout: what unit `unit` of a particle is multiplied by. */
ESP_INLINE double esp_drop_of(uint64_t seed, int64_t id, uint32_t unit, double p) {
  return esp_threefry_unit(seed, (uint64_t)id, ESP_RNG_DROP, unit) < p ? 0 : 1 / (1 - p);
}

/* Whether it is below the limit, and what x is then. */
ESP_INLINE int esp_fixed_step(double scale, double sign, double o, double limit, int64_t x, int64_t *after) {
  if (!(fabs(o) < limit)) return 0;
  const int64_t step = llrint(o * scale);
  *after = (int64_t)((uint64_t)x + (uint64_t)(sign > 0 ? step : -step));
  return fabs((double)*after) < limit * scale;
}

#endif

/* The cross-entropy of one row of predictions, for rows of any device (net/rows.h). Sums by class, in order. Pure. */
#ifndef ESP_ENTROPY_H
#define ESP_ENTROPY_H

#include "base/functions.h"

/* What a softmax over y [K] is made of: exp(y_c - top) / sum. */
typedef struct {
  double top, sum;
  int first; /* the first of its largest */
} esp_softmax;

ESP_INLINE esp_softmax esp_softmax_of(int K, const double *y) {
  esp_softmax s = {y[0], 0, 0};
  for (int c = 1; c < K; c++)
    if (y[c] > s.top) s.top = y[c], s.first = c;
  for (int c = 0; c < K; c++) s.sum += esp_exp64(y[c] - s.top);
  return s;
}

/* sum_c t_c: 0 of a row without a class. */
ESP_INLINE double esp_class_weight(int K, const double *t) {
  double sum = 0;
  for (int c = 0; c < K; c++) sum += t[c];
  return sum;
}

/* -sum_c t_c ln p_c. */
ESP_INLINE double esp_entropy_of(const esp_softmax *s, int K, const double *y, const double *t) {
  const double log_sum = esp_log64(s->sum);
  double sum = 0;
  for (int c = 0; c < K; c++)
    if (t[c] != 0) sum += t[c] * (log_sum - (y[c] - s->top));
  return sum;
}

/* Its slope by y_c; whole: sum_c t_c. */
ESP_INLINE double esp_entropy_slope(const esp_softmax *s, double y, double t, double whole) {
  return whole * (esp_exp64(y - s->top) / s->sum) - t;
}

#endif

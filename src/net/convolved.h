/* What a receiver makes of what it heard through a gate in graph convolution, for rows of any device. */
#ifndef ESP_CONVOLVED_H
#define ESP_CONVOLVED_H

#include "base/inline.h"

/* a x / den: of its sums, and of a slope by what it made of them. 0 where the weights of all that it heard are less than `least`, or
 * no number. */
ESP_INLINE double esp_convolved(double a, double least, double x, double den) {
  return den >= least ? a * x / den : 0;
}

/* The slope by those weights: sum [C + 1], the weights last; dy [C]. */
ESP_INLINE double esp_convolved_weight(int C, double a, double least, const double *sum, const double *dy) {
  double all = 0;
  for (int c = 0; c < C; c++) all += esp_convolved(a, least, dy[c], sum[C]) * sum[c];
  return -esp_convolved(1, least, all, sum[C]);
}

#endif

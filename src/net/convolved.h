/* What a receiver makes of what it heard through a gate in graph convolution, for rows of any device. */
#ifndef ESP_CONVOLVED_H
#define ESP_CONVOLVED_H

#include "base/inline.h"

/* a x / den: of its sums, and of a slope by what it made of them. 0 where the weights of all that it heard are less than `least`, or
 * no number. */
ESP_INLINE double esp_convolved(double a, double least, double x, double den) {
  return den >= least ? a * x / den : 0;
}

#endif

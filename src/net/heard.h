/* What an aggregate (net/aggregate.h) makes of one number that was heard, and the way back; by every processor. */
#ifndef ESP_HEARD_H
#define ESP_HEARD_H

#include "base/functions.h"

#define ESP_AGGREGATE_FLOOR 0.3 /* weight of silence beside the senders' */

/* The average: A of num and den. */
ESP_INLINE double esp_average_of(double num, double den) {
  return num / (den + ESP_AGGREGATE_FLOOR);
}
/* dLoss/dnum of dA = dLoss/dA; *dden -= what goes through the weight. */
ESP_INLINE double esp_average_back(double A, double den, double dA, double *dden) {
  const double dnum = dA / (den + ESP_AGGREGATE_FLOOR);
  *dden -= dnum * A;
  return dnum;
}

/* The softmax: a sender's weight exp(x), x = beta v, and its slope by x. Beyond some 10 it levels off, at exp(16): sums of weights
 * keep their digits in float32, and no weight is so small, or large, that others vanish beside it. */
#define ESP_SOFTMAX_MOST 16.0
ESP_INLINE double esp_softmax_weight(double x, double *slope) {
  const double e = esp_exp64(2 * x / ESP_SOFTMAX_MOST), t = 1 - 2 / (e + 1); /* tanh(x / most) */
  const double weight = esp_exp64(ESP_SOFTMAX_MOST * t);
  *slope = weight * (1 - t * t);
  return weight;
}
/* Of w v and w: their gradients -> that by v, returned, and by beta, added. */
ESP_INLINE double esp_softmax_back(double beta, double v, double dnum, double dweight, double *dbeta) {
  double slope;
  const double weight = esp_softmax_weight(beta * v, &slope), through = (dnum * v + dweight) * slope;
  *dbeta += through * v;
  return dnum * weight + through * beta;
}

#endif

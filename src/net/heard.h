/* What an aggregate (net/aggregate.h) makes of one number that was heard, and the way back; by every processor. */
#ifndef ESP_HEARD_H
#define ESP_HEARD_H

#include "base/inline.h"

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

#endif

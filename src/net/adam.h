/* One number of Adam's step (net/optim.h), by every processor. */
#ifndef ESP_ADAM_H
#define ESP_ADAM_H

#include <math.h>

#include "base/inline.h"

/* beta1 and epsilon are fixed; correct: 1 - beta^step of each moment. */
typedef struct {
  double rate, beta1, beta2, epsilon, correct1, correct2;
} esp_adam_rates;

ESP_INLINE void esp_adam_number(const esp_adam_rates *r, double g, double *m, double *v, double *value) {
  *m = r->beta1 * *m + (1 - r->beta1) * g;
  *v = r->beta2 * *v + (1 - r->beta2) * g * g;
  *value -= r->rate * (*m / r->correct1) / (sqrt(*v / r->correct2) + r->epsilon);
}

#endif

/* Adam with warm-up, cosine decay and norm clipping, on flat blocks.
 *
 * Method: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, with bias correction; beta 0.9, 0.999;
 * epsilon 1e-12, because blocks are float64 and gradients near the end are small. Every rank holds the same blocks and
 * makes the same step. Local. */
#ifndef ESP_OPTIM_H
#define ESP_OPTIM_H

#include <stdint.h>

#include "base/base.h"

typedef struct {
  int count;
  int64_t step;  /* steps made */
  double *m, *v; /* [count] first and second moment */
} esp_adam;

int esp_adam_create(int count, esp_adam *adam);
void esp_adam_free(esp_adam *adam);
/* value [count] -= rate * m^ / (sqrt(v^) + 1e-12). */
void esp_adam_step(esp_adam *adam, double rate, const double *gradient, double *value);

/* Rate of step s (0-based) of `steps`: linear from rate/warmup to rate over the first `warmup` steps, then by half a
 * cosine to 0 after the last. steps <= 0 gives rate. */
double esp_rate_cosine(double rate, int64_t step, int64_t warmup, int64_t steps);
/* Scales gradient so that its norm is at most `limit` (limit <= 0: leaves it). Returns the norm before. */
double esp_clip_norm(double limit, int count, double *gradient);

#endif

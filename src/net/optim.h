/* Adam, schedules of its rate, and norm clipping, on flat blocks.
 *
 * Method: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, with bias correction; beta1 0.9;
 * epsilon 1e-12, because blocks are float64 and gradients near the end are small. Every rank holds the same blocks and
 * makes the same step. Local. */
#ifndef ESP_OPTIM_H
#define ESP_OPTIM_H

#include <stdint.h>

#include "net/best.h"

typedef struct {
  int count;
  int64_t step;  /* steps made */
  double *m, *v; /* [count] first and second moment */
  esp_best best; /* of the steps, where somebody looks for it (net/train.h) */
} esp_adam;

int esp_adam_create(int count, esp_adam *adam);
void esp_adam_free(esp_adam *adam);
/* value [count] -= rate * m^ / (sqrt(v^) + 1e-12). beta2 in (0, 1): 0.999 is usual; 0.99 forgets sooner. */
void esp_adam_step(esp_adam *adam, double rate, double beta2, const double *gradient, double *value);

/* Rate of step s (0-based) of S: linear from rate/warmup to rate over the first `warmup` steps, then
 *   cosine   by half a cosine to 0 after the last;
 *   hold     rate until S/2, then linearly to a tenth of it after the last.
 * S <= 0 gives rate. */
typedef enum { ESP_SCHEDULE_COSINE, ESP_SCHEDULE_HOLD } esp_schedule;
double esp_rate(esp_schedule schedule, double rate, int64_t step, int64_t warmup, int64_t steps);
/* Scales gradient so that its norm is at most `limit` (limit <= 0: leaves it). Returns the norm before. */
double esp_clip_norm(double limit, int count, double *gradient);

#endif

/* What a training does beside its network, on a device, with the CPU's bits: sums and gradients of losses (net/loss_nmse.c,
 * net/loss_nmse_columns.c), clipping and Adam's step (net/optim.h). All arrays in the device's memory. Local; they return when the
 * work is given to the device, but for the norm, which is waited for. Errors: what the device reports; memory. */
#ifndef ESP_CUDA_TRAIN_H
#define ESP_CUDA_TRAIN_H

#ifdef __cplusplus
extern "C" {
#endif
#include "base/exact_sum.h"
#include "net/optim.h"

/* What a loss sees of n rows: targets t [n][width], predicted by the numbers from `at` on of rows [n][row]; weight [n], NULL: 1. */
typedef struct {
  int n, row, at, width;
  const double *t, *weight;
} esp_cuda_scored;

/* acc [width + 1][ESP_EXACT_FULL_WORDS] += weight t of each target; weight. */
int esp_cuda_loss_mean(const esp_cuda_scored *s, int64_t *acc);
/* acc [2][ESP_EXACT_FULL_WORDS] += weight |y - t|^2, weight |t - mean|^2 of each row; mean [width], NULL: 0. */
int esp_cuda_loss_squares(const esp_cuda_scored *s, const double *y, const double *mean, int64_t *acc);
/* dy = a weight / over (y - t), of the scored numbers of its rows. */
int esp_cuda_loss_slope(const esp_cuda_scored *s, const double *y, double a, double over, double *dy);

/* As esp_clip_norm; *norm in the host's memory. */
int esp_cuda_clip_norm(double limit, int count, double *gradient, double *norm);
/* As esp_adam_step, of all its numbers. */
int esp_cuda_adam_step(const esp_adam_rates *rates, int count, const double *gradient, double *m, double *v,
                       double *value);

#ifdef __cplusplus
}
#endif
#endif

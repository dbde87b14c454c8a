/* Home rows on a device: net/rows.h with the CPU's bits. Local; the routines return when the work is given to the device, but for
 * `finite`, which waits; what cannot be begun is kept (cuda/settled.h). */
#ifndef ESP_CUDA_ROWS_H
#define ESP_CUDA_ROWS_H

#ifdef __cplusplus
extern "C" {
#endif
#include "net/rows.h"

extern const esp_rows esp_rows_cuda;

/* cuda/rows_heard.cu: hear and hear_back of the table. */
void esp_cuda_hear(const esp_heard *h, int n, int state, const double *gain, const double *sum, const double *s,
                   double *joint);
void esp_cuda_hear_back(const esp_heard *h, int n, int state, const double *gain, const double *sum,
                        const double *djoint, double *dsum, double *ds, int64_t *gain_acc);
/* cuda/rows_loss.cu: losses of the table. */
void esp_cuda_loss_mean(const esp_scored *s, int64_t *acc);
void esp_cuda_loss_squares(const esp_scored *s, const double *y, const double *mean, int64_t *acc);
void esp_cuda_loss_slope(const esp_scored *s, const double *y, double a, double over, double *dy);
/* cuda/rows_state.cu: fixed_add (waits where `bad` is given), fixed_value, norm, norm_back, spread, scale, scale_terms, scale_back, weigh,
 * weigh_back of the table. */
void esp_cuda_fixed_add(size_t count, int bits, double sign, const double *o, double limit, int64_t *x, int64_t *bad);
void esp_cuda_fixed_value(size_t count, int bits, const int64_t *x, int add, double *y);
void esp_cuda_norm(int n, int width, const double *gain, const double *bias, const double *s, double *y);
void esp_cuda_norm_back(int n, int width, const double *gain, const double *s, const double *dy, double *ds,
                        int64_t *gain_acc, int64_t *bias_acc);
void esp_cuda_spread(int n, int width, const double *mean, const double *s, int64_t *acc);
void esp_cuda_scale(int n, int width, const double *mean, const double *inverse, const double *gain, const double *bias,
                    const double *s, double *y);
void esp_cuda_scale_terms(int n, int width, const double *mean, const double *inverse, const double *s,
                          const double *dy, int64_t *gain_acc, int64_t *bias_acc);
void esp_cuda_scale_back(int n, int width, const double *mean, const double *inverse, const double *gain,
                         const double *first, const double *second, const double *s, const double *dy, double *ds);
void esp_cuda_weigh(int n, int C, const double *beta, const double *v, double *said);
void esp_cuda_weigh_back(int n, int C, const double *beta, const double *v, const double *dsaid, double *dv,
                         int64_t *beta_acc);
/* cuda/rows_heard.cu: centre_back_sum of the table. */
void esp_cuda_centre_back_sum(int n, int C, const double *offset, double *dsum);

#ifdef __cplusplus
}
#endif
#endif

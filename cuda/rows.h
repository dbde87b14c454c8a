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
/* cuda/rows_graph.cu. */
extern const esp_rows_graph esp_rows_graph_cuda;
/* cuda/rows_state.cu; fixed_add waits where `bad` is given. */
extern const esp_rows_state esp_rows_state_cuda;
/* cuda/rows_heard.cu: centre_back_sum of the table. */
void esp_cuda_centre_back_sum(int n, int C, const double *offset, double *dsum);

#ifdef __cplusplus
}
#endif
#endif

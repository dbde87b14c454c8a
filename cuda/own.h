/* Particles and themselves on a device: launchers of cuda/own.cu, for esp_own_message of the gated messages (message/message.h).
 * Arrays in the device's memory. Local; they return when the work is given to the device; what cannot be begun is kept
 * (cuda/settled.h). */
#ifndef ESP_CUDA_OWN_H
#define ESP_CUDA_OWN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of the form: numbers of a key, channels, whether the weight is heard; of its rows: numbers each. */
typedef struct {
  int learned; /* 1: gate_mlp, 0: gate */
  int dim, channels, den;
  int query, source;
} esp_cuda_own;

void esp_cuda_own_take(const esp_cuda_own *o, const double *param, int n, const double *query, const double *source,
                       double *sum);
void esp_cuda_own_take_back(const esp_cuda_own *o, const double *param, int n, const double *query,
                            const double *source, const double *dsum, double *dquery, double *dsource,
                            int64_t *param_acc);

#ifdef __cplusplus
}
#endif
#endif

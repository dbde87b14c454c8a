/* The messages of bodies on a device: launchers of cuda/body.cu. A block of receivers (or senders) is a block of threads, one
 * each; chunks, lanes and orders of sums are those of message/cpu/body_kernels.h, and so are the bits. Local; they return when
 * the work is given to the device. Errors: what the device reports. */
#ifndef ESP_CUDA_BODY_H
#define ESP_CUDA_BODY_H

#include "cuda/lists.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What src/ calls ESP_BODY, ESP_MASS_CELL, ESP_MASS_ADJOINT and ESP_LAW_GAIN. */
enum { ESP_CUDA_BODY = 4, ESP_CUDA_MASS_CELL = 10, ESP_CUDA_MASS_ADJOINT = 9, ESP_CUDA_LAW_GAIN = 32 };
enum { ESP_CUDA_NOT_OWN = -(1 << 30) }; /* no lane */

typedef enum { ESP_CUDA_NEWTON, ESP_CUDA_NEWTON_MLP, ESP_CUDA_CORRECTION, ESP_CUDA_LAW, ESP_CUDA_BODIES } esp_cuda_body;

/* esp_pairs of bodies: pointers of the device. */
typedef struct {
  esp_cuda_lists lists;
  double softening, period[3], mean;
  int hidden;           /* H; 0 of newton */
  const double *param;  /* [esp_law_count(H)] */
  const double *source; /* [slots][4] y, mass */
  const double *cell;   /* [rows][10] M, X, C */
} esp_cuda_bodies;

/* block [count] of the device; the arrays as esp_kernels has them. */
int esp_cuda_body_forward(esp_cuda_body message, const esp_cuda_bodies *p, int count, const int *block, double *sum);
int esp_cuda_body_receivers(esp_cuda_body message, const esp_cuda_bodies *p, int count, const int *block,
                            const double *dsum, double *dquery, int64_t *cell_acc, int64_t *param_acc);
int esp_cuda_body_senders(esp_cuda_body message, const esp_cuda_bodies *p, int count, const int *block,
                          const double *receiver, double *dsource);

#ifdef __cplusplus
}
#endif
#endif

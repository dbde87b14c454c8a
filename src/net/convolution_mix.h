/* M of the graph convolution, and its adjoint. */
#ifndef ESP_CONVOLUTION_MIX_H
#define ESP_CONVOLUTION_MIX_H

#include "net/convolution_work.h"

/* y [n][wide] = M applied to pass->mixed[l]. keep: what the way back needs stays in pass->layer[l]. visit, cost may be NULL.
 * Collective. */
int esp_convolution_mix(const esp_convolution_walk *k, int l, int keep, const esp_visit *visit, double *y,
                        esp_cost *cost);
/* What the way back works on, in the device's memory. */
typedef struct {
  double *dsum;     /* [n][max(h, K) + 1] */
  double *dvalue;   /* [n][max(h, K)] */
  double *dkey[2];  /* [n][d] of one layer; of all of them so far. NULL: keys are constants */
  int64_t *nothing; /* [ESP_EXACT_FULL_WORDS]: the scale is a constant, and nobody wants its gradient */
} esp_convolution_adjoint;
int esp_convolution_adjoint_create(const esp_convolution_walk *k, esp_convolution_adjoint *adjoint);
void esp_convolution_adjoint_free(const esp_device *device, esp_convolution_adjoint *adjoint);
/* dx [n][wide] = M^T dy, apart from it. Collective. */
int esp_convolution_mix_back(const esp_convolution_walk *k, int l, esp_convolution_adjoint *adjoint, const double *dy,
                             double *dx, esp_cost *cost);

#endif

/* The table of norms: what a layer sees of the state, rows s [n][H] of home particles. A row is a const esp_norm, listed in
 * net/norms.c; each has a gain (1 at the start) and an offset (0) a number. In the device's memory. Collective over
 * backend->comm; the same bits on any number of ranks. `batch` looks at the set at hand alone, in training and later: there are no
 * running averages, and a prediction depends on which particles are predicted together. */
#ifndef ESP_NORMS_H
#define ESP_NORMS_H

#include "net/device.h"

typedef struct {
  const char *name, *help;
  /* y [n][H]. NULL: y is s, without parameters. */
  int (*forward)(const esp_backend *backend, int n, int H, const double *gain, const double *bias, const double *s,
                 double *y);
  /* ds += dLoss/ds of dy, both [n][H]; gain_acc, bias_acc [H][ESP_EXACT_FULL_WORDS] +=. */
  int (*backward)(const esp_backend *backend, int n, int H, const double *gain, const double *s, const double *dy,
                  double *ds, int64_t *gain_acc, int64_t *bias_acc);
} esp_norm;

extern const esp_norm *const esp_norms[]; /* NULL behind the last */
const char *esp_norm_name(int k);         /* of the k-th; NULL behind the last */

#endif

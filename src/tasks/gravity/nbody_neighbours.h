/* Gravity of the k nearest neighbours only: the baseline that shows what the far field is worth. All distances are
 * computed: an oracle for clouds of a few thousand that lie whole on this rank. Local. */
#ifndef ESP_NBODY_NEIGHBOURS_H
#define ESP_NBODY_NEIGHBOURS_H

#include "base/base.h"

/* a [n][3] set to the sum over the k nearest j != i (ties to the lower index; all if n <= k) of
 * m_j r (|r|^2 + eps^2)^(-3/2), minimum image where box > 0 (box NULL: open). O(n^2). Errors: memory; ESP_ERR_ARG for
 * k < 0. */
int esp_nbody_nearest(int n, const double (*x)[3], const double *m, int k, double eps, const double *box,
                      double (*a)[3]);

#endif

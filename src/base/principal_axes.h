/* Principal axes: rows seen along the two directions in which they vary most. Local. */
#ifndef ESP_PRINCIPAL_AXES_H
#define ESP_PRINCIPAL_AXES_H

#include "base/base.h"

/* out [n][2]: components of the rows, their mean taken away, along the axes of largest and second largest variance (found by
 * Jacobi's method). Row i is the `dim` numbers from row + i * stride on. Axes point to where their largest component is
 * positive; dim 1: the second component is 0. n = 0 is fine. Time O(n dim^2). */
int esp_principal_axes(int n, int stride, const double *row, int dim, double *out);

#endif

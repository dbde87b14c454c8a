/* What the parts of the fast backward pass share, beside work.h: there bodies' masses are weights, nodes' least is a tide, and a
 * row of moments is
 *
 *   (-1)^n / n! sum m y^n, |n| <= P - 2;   then sum over a of (-1)^(n-a) / (n-a)! sum g_a y^(n-a), 1 <= |n| <= P - 1
 *
 * (a: one axis, n - a: n less one of it) in units of esp_fmm_cell_scale, padded to a multiple of 4. */
#ifndef ESP_FMM_ADJOINT_WORK_H
#define ESP_FMM_ADJOINT_WORK_H

#include "fmm/adjoint.h"
#include "fmm/weight.h"
#include "fmm/work.h"

enum { ESP_FMM_ADJOINT_ROW = 56 }; /* the longest */

typedef struct esp_fmm_adjoint_work {
  const esp_fmm_weights *weights;
  double dposition, dmass; /* units of results */
  esp_fmm_shares *share;   /* [own.rows]; made by esp_fmm_of_adjoint, freed by the caller */
} esp_fmm_adjoint_work;

/* Numbers of a row. */
int esp_fmm_adjoint_row(int order);
/* Bodies' extra numbers are m, g; acceleration and potential of the result are dL/dy and dL/dm. */
extern const esp_fmm_method esp_fmm_of_adjoint;

/* esp_fmm_adjoint by one width of vectors. */
int esp_fmm_adjoint_with(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                         const esp_fmm_bodies *bodies, const double (*g)[3], const esp_fmm_gradient *to);

#endif

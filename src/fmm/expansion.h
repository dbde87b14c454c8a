/* Expansions of the softened potential in float64, as plain loops over their terms: L[m], |m| <= order, are the derivatives
 * of sum m / (r^2 + eps^2)^(1/2) about a place; L[0] is that sum, L[1..3] the acceleration. Local, pure; cannot fail. */
#ifndef ESP_FMM_EXPANSION_H
#define ESP_FMM_EXPANSION_H

#include "fmm/cells.h"

/* L += the expansion about `at`, |m| <= terms, of a cell's moments up to order `moments`, with all products of a moment of
 * order n and a term of order m that have n + m <= order. */
void esp_fmm_expand(const esp_fmm_sums *sums, double eps2, const double *at, int moments, int order, int terms,
                    double *L);
/* out += L, an expansion of `order` about `from`, about `to`, |m| <= terms. */
void esp_fmm_move(int order, const double *L, const double *from, const double *to, int terms, double *out);

#endif

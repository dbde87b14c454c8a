/* The method of fmm.h in plain float64 loops, one function a sentence of it: what every faster form is held against. Its
 * moments (cells.h) and its decisions are those of the faster forms, bit by bit; tree, walk and expansions are its own. */
#ifndef ESP_FMM_SPECIFICATION_H
#define ESP_FMM_SPECIFICATION_H

#include "fmm/fmm.h"

/* Contract: fmm.h. Errors: those of esp_fmm_scale_make; memory. */
int esp_fmm_specification(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_result *result);

/* The same sums over all pairs, in float64. Errors: the same. */
int esp_fmm_all_pairs(const esp_fmm_param *param, const esp_fmm_bodies *bodies, const esp_fmm_result *result);

#endif

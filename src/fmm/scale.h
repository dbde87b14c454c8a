/* Bodies in units of the root: lengths and masses times powers of two such that the root's longest side lies in [1/2, 1), and
 * n times the largest mass too. Nothing is rounded. */
#ifndef ESP_FMM_SCALE_H
#define ESP_FMM_SCALE_H

#include "fmm/fmm.h"

typedef struct {
  int length, mass; /* exponents: a length here is that of the caller times 2^-length */
  double softening;
  int64_t n; /* bodies in all */
} esp_fmm_scale;

/* Checks the arguments. No extent, or no mass: exponent 0. Collective. Errors, on all ranks: ESP_ERR_ARG (order, tolerance, softening, n);
 * ESP_ERR_VALUE (a position, mass or |a| that is not finite or, where it must be, not >= 0; bodies so far apart that their
 * distance is not finite), with the body's place in the arrays. */
int esp_fmm_scale_make(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                       esp_fmm_scale *scale);
/* ESP_ERR_VALUE for a node whose radius is neither 0 nor at least 2^-80: powers of
 * distances there leave float64. at: the place of one of its bodies, in the caller's units. */
int esp_fmm_scale_admit(const esp_fmm_scale *scale, double radius, const double *at);
/* 2^-exponent as a product: the whole may be out of range. */
void esp_fmm_scale_factor(int exponent, double factor[2]);
/* Factors of results: an acceleration, a potential of the caller is that times one of here. */
double esp_fmm_scale_acceleration(const esp_fmm_scale *scale);
double esp_fmm_scale_potential(const esp_fmm_scale *scale);

#endif

/* Starts by name: the published test cases of shallow water on the sphere. Their truths and conserved quantities are what a
 * change of the generator is held against.
 *
 * D. Williamson et al., J. Comput. Phys. 102 (1992) 211 (cases 2, 5, 6); J. Galewsky, R. Scott, L. Polvani, Tellus 56A (2004)
 * 429. */
#ifndef ESP_START_H
#define ESP_START_H

#include "tasks/weather/flow.h"

#define ESP_EARTH_ROTATION 7.292e-5
#define ESP_EARTH_GRAVITY 9.80616

typedef struct {
  const char *name, *help; /* NULL behind the last */
  double tilt;             /* degrees between the flow's axis and the earth's */
  /* At a point of the unit sphere: surface height above the ground beneath the layer (m), stream function (m^2/s), mountain
   * (m; NULL: none), moisture (NULL: none). */
  double (*surface)(const double x[3], double tilt), (*stream)(const double x[3], double tilt);
  double (*mountain)(const double x[3]), (*moisture)(const double x[3]);
} esp_start;

extern const esp_start esp_starts[];

/* Fills state, mountain and rotation; theta is theta_0 everywhere. Collective. */
int esp_start_fill(const esp_start *start, esp_flow *flow);
/* Area-weighted errors of h against `truth` [n_own], relative to it: sum, root of the sum of squares, largest. Collective. */
int esp_start_norms(const esp_flow *flow, const double *truth, double norm[3]);
/* Energy of rest under a flat surface of the same mean height, theta = theta_0: what the flow has above it is available to it.
 * Collective. */
int esp_start_rest(const esp_flow *flow, double *energy);

#endif

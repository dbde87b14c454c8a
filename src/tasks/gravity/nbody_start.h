/* Initial conditions of the gravity clouds, and a cloud's own units.
 *
 * A cloud of n bodies, G = 1, sum m = 1: masses U(0.2, 1.8) before the sum is taken; places in the unit ball, or of a
 * Plummer sphere (scale 0.6, mass fraction U(0, 0.95)); centred on the centre of mass. Then
 *
 *   r_h = median |x| (the lower of the two middle ones),  d = r_h / 0.794 * 1.612 * n^(-1/3),
 *   T = sqrt(2 d / mean |a|),  a by direct sum at softening 0.1 d,
 *
 * isotropic Gaussian velocities (Plummer: times (1 + (r/0.6)^2)^(-1/4)) without net momentum, scaled to
 * Q sqrt(|W| / 2 / K_in) with W = sum m x.a (the same a), Q ~ U(0.4, 1). Softening eps_over_d * d.
 *
 * Above `direct_limit` bodies mean |a| is taken over 4096 sampled bodies against all, and the a of W is that of the
 * multipole method at softening 0.1 d.
 *
 * Every number is a function of (seed, particle id): the same bits for any number of ranks. Collective. */
#ifndef ESP_NBODY_START_H
#define ESP_NBODY_START_H

#include "tasks/gravity/nbody_force.h"

typedef enum { ESP_START_BALL, ESP_START_PLUMMER } esp_start_kind;

enum { ESP_START_DIRECT_LIMIT = 16384, ESP_START_SAMPLE = 4096 };

typedef struct {
  esp_start_kind kind;
  int64_t n;     /* >= 2 */
  uint64_t seed; /* of this cloud */
  double eps_over_d;
  int64_t direct_limit; /* ESP_START_DIRECT_LIMIT but in tests */
} esp_start_param;

typedef struct {
  double r_h, mean_a, W, Q;
  int64_t sampled; /* bodies mean_a was taken over */
} esp_start_info;

/* Make the cloud: this rank's share by esp_set_share, ids as numbers; with target arrays (unset). *cloud is owned by the caller.
 * Errors: ESP_ERR_ARG n < 2; ESP_ERR_VALUE if all bodies fall together; memory; those of esp_fmm_force. */
int esp_nbody_start(const esp_backend *backend, const esp_start_param *param, esp_cloud *cloud, esp_start_info *info);

/* d and T of any open 3-D cloud in physical units (a snapshot), by the formulas above with |x| from the centre of mass:
 * sets cloud->d and cloud->T, and r_h, mean_a, sampled of info. a: NULL, or [n_home][3] which receives the direct
 * acceleration at 0.1 d if n <= direct_limit. Errors: ESP_ERR_VALUE for n < 2, no mass, coincident bodies. */
int esp_nbody_units(const esp_comm *comm, int64_t direct_limit, esp_cloud *cloud, double (*a)[3], esp_start_info *info);

#endif

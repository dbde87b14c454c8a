/* How well a prediction of bodies does: errors, momentum, energy.
 *
 *   NRMSE(X) = sqrt(sum |X - X*|^2 / sum |X*|^2) over particles and clouds, X = D or K.
 *
 * Sums are exact: the same bits for any number of ranks and any order of clouds. */
#ifndef ESP_METRICS_H
#define ESP_METRICS_H

#include "base/particles.h"
#include "tasks/showing.h"

/* |D - D*|^2 over |D*|^2, and the same of K, of the home particles, into figures 0 and 1. The cloud's targets must be there,
 * else ESP_ERR_ARG. Local. */
int esp_errors_add(const esp_cloud *cloud, const double (*D)[3], const double (*K)[3], esp_tally *tally);

/* |sum mu_i K_i| / (sum mu_i rms K): how much momentum a prediction makes. 0 for no mass or K = 0. Collective. */
int esp_momentum_error(const esp_comm *comm, const esp_cloud *cloud, const double (*K)[3], double *error);
/* - sum_{i<j} G m_i m_j / sqrt(|r|^2 + eps^2), minimum image where periodic, of a cloud that lies whole on this rank:
 * all pairs, an oracle for clouds of a few thousand. In model units the result is that of mu_i mu_j. Local. */
double esp_energy_potential(const esp_cloud *cloud);
/* Kinetic and potential, comparable in both units: in model units sum mu |w|^2 / 2 - sum mu_i mu_j / r, that is the
 * physical energy times G T^4 / d^5. The ratio (E - E0) / |E0| is free of units as long as T is the same; after
 * esp_cloud_horizon by f energies scale with f^4. Local, whole clouds. */
double esp_energy_total(const esp_cloud *cloud);
/* |(E - E0) / E0| of a prediction, 0 where E0 is 0. Local, whole clouds in model units. */
int esp_energy_error(const esp_cloud *cloud, const double (*D)[3], const double (*K)[3], double *error);

#endif

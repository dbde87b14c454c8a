/* Figures of merit: NRMSE over many clouds, momentum, energy.
 *
 *   NRMSE(X) = sqrt(sum |X - X*|^2 / sum |X*|^2) over particles and clouds, X = D or K.
 *
 * Sums are exact accumulators: the same bits for any number of ranks and any order of clouds. */
#ifndef ESP_METRICS_H
#define ESP_METRICS_H

#include "base/exact_sum.h"
#include "base/particles.h"

enum { ESP_ERRORS_SUMS = 4 };
typedef struct {
  int64_t particles;                /* added on this rank */
  int64_t acc[ESP_ERRORS_SUMS][69]; /* |D - D*|^2, |D*|^2, |K - K*|^2, |K*|^2 */
} esp_errors;

typedef struct {
  int64_t particles;
  double D, K; /* NRMSE; 0 where nothing was added; plain root sum of squares where the targets are all zero */
} esp_nrmse;

void esp_errors_clear(esp_errors *errors);
/* Adds the home particles of one prediction against the cloud's targets (must be there, else ESP_ERR_ARG). Local. */
int esp_errors_add(esp_errors *errors, const esp_cloud *cloud, const double (*D)[3], const double (*K)[3]);
/* The figures over the ranks of comm; errors itself is left as it was. Collective. */
int esp_errors_value(const esp_comm *comm, const esp_errors *errors, esp_nrmse *nrmse);

/* |sum mu_i K_i| / (sum mu_i rms K): how much momentum a prediction makes. 0 for no mass or K = 0. Collective. */
int esp_momentum_error(const esp_comm *comm, const esp_cloud *cloud, const double (*K)[3], double *error);
/* Centre of mass and mean velocity, mass-weighted (zero mass: zeros). Collective. */
int esp_momentum(const esp_comm *comm, const esp_cloud *cloud, double centre[3], double velocity[3]);
/* sum m |v|^2 / 2 in the cloud's units. Collective. */
int esp_energy_kinetic(const esp_comm *comm, const esp_cloud *cloud, double *energy);
/* - sum_{i<j} G m_i m_j / sqrt(|r|^2 + eps^2), minimum image where periodic, of a cloud that lies whole on this rank:
 * all pairs, an oracle for clouds of a few thousand. In model units the result is that of mu_i mu_j. Local. */
double esp_energy_potential(const esp_cloud *cloud);
/* Kinetic and potential, comparable in both units: in model units sum mu |w|^2 / 2 - sum mu_i mu_j / r, that is the
 * physical energy times G T^4 / d^5. The ratio (E - E0) / |E0| is free of units as long as T is the same; after
 * esp_cloud_horizon by f energies scale with f^4. Local, whole clouds. */
double esp_energy_total(const esp_cloud *cloud);

#endif

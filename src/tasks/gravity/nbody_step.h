/* Leapfrog integration and the quantities it should conserve. Collective over force->backend->comm; n = 0 and ranks
 * without particles are fine. Positions are not wrapped into a periodic box: the force takes the minimum image
 * (the tree force wraps its own copy), so displacements come out unwrapped. */
#ifndef ESP_NBODY_STEP_H
#define ESP_NBODY_STEP_H

#include "tasks/gravity/nbody_force.h"

/* `steps` kick-drift-kick steps of length h, in place. a [n_home][3] is workspace; with have_a it holds the
 * acceleration at x on entry (one evaluation saved), and always that at the new x on return. */
int esp_nbody_kdk(const esp_nbody_force *force, int steps, double h, int n_home, const double *m, const int64_t *id,
                  double (*x)[3], double (*v)[3], double (*a)[3], int have_a);
/* The same with drift-kick-drift: one evaluation a step. a is workspace. */
int esp_nbody_dkd(const esp_nbody_force *force, int steps, double h, int n_home, const double *m, const int64_t *id,
                  double (*x)[3], double (*v)[3], double (*a)[3]);

/* What a truth run found of itself. */
typedef struct {
  double energy_start, energy_end; /* kinetic + potential; 0 if not asked for */
  double momentum[3];              /* at the end */
} esp_nbody_check;

/* Targets of a cloud in physical units: KDK with `steps` steps over cloud->T; D = x(T) - x(0) - v(0) T, K = v(T) -
 * v(0). x and v stay. check: NULL, or filled (with `energy` by two direct potential sums). Errors: memory; ESP_ERR_ARG
 * for a cloud without target arrays or in model units; those of the force. */
int esp_nbody_truth(const esp_nbody_force *force, int steps, esp_cloud *cloud, int energy, esp_nbody_check *check);

/* D and K of a cloud whose bodies are at x with velocities v [n_home][3] after cloud->T. Local. */
void esp_nbody_targets(const double (*x)[3], const double (*v)[3], esp_cloud *cloud);

/* Kinetic and potential energy of a cloud's bodies at x with velocities v. */
int esp_nbody_energy(const esp_nbody_force *force, const esp_cloud *cloud, const double (*x)[3], const double (*v)[3],
                     double *energy);
/* sum m v^2 / 2. */
int esp_nbody_kinetic(const esp_comm *comm, int n_home, const double *m, const double (*v)[3], double *kinetic);
/* -G sum_{i<j} m_i m_j / sqrt(r_ij^2 + eps^2), direct over all pairs. Law: the force's G, eps, box. */
int esp_nbody_potential(const esp_nbody_force *force, int n_home, const double *m, const double (*x)[3],
                        double *potential);
/* sum m v, each product rounded once, the sum exact. */
int esp_nbody_momentum(const esp_comm *comm, int n_home, const double *m, const double (*v)[3], double *momentum);

#endif

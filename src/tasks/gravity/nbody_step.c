#include "tasks/gravity/nbody_step.h"

#include <math.h>
#include <string.h>

#include "base/sum.h"

/* to += factor * by */
static void advance(int n, double factor, const double (*by)[3], double (*to)[3]) {
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) to[i][k] += factor * by[i][k];
  }
}

int esp_nbody_kdk(const esp_nbody_force *force, int steps, double h, int n_home, const double *m, const int64_t *id,
                  double (*x)[3], double (*v)[3], double (*a)[3], int have_a) {
  if (!have_a) ESP_CALL(esp_nbody_accelerate(force, n_home, (const double(*)[3])x, m, id, a));
  for (int s = 0; s < steps; s++) {
    advance(n_home, 0.5 * h, (const double(*)[3])a, v);
    advance(n_home, h, (const double(*)[3])v, x);
    ESP_CALL(esp_nbody_accelerate(force, n_home, (const double(*)[3])x, m, id, a));
    advance(n_home, 0.5 * h, (const double(*)[3])a, v);
  }
  return ESP_OK;
}

int esp_nbody_dkd(const esp_nbody_force *force, int steps, double h, int n_home, const double *m, const int64_t *id,
                  double (*x)[3], double (*v)[3], double (*a)[3]) {
  for (int s = 0; s < steps; s++) {
    advance(n_home, 0.5 * h, (const double(*)[3])v, x);
    ESP_CALL(esp_nbody_accelerate(force, n_home, (const double(*)[3])x, m, id, a));
    advance(n_home, h, (const double(*)[3])a, v);
    advance(n_home, 0.5 * h, (const double(*)[3])v, x);
  }
  return ESP_OK;
}

int esp_nbody_energy(const esp_nbody_force *force, const esp_cloud *cloud, const double (*x)[3], const double (*v)[3],
                     double *energy) {
  double kinetic, potential;
  ESP_CALL(esp_nbody_kinetic(force->backend->comm, cloud->n_home, cloud->m, v, &kinetic));
  ESP_CALL(esp_nbody_potential(force, cloud->n_home, cloud->m, x, &potential));
  *energy = kinetic + potential;
  return ESP_OK;
}

void esp_nbody_targets(const double (*x)[3], const double (*v)[3], esp_cloud *cloud) {
  for (int i = 0; i < cloud->n_home; i++) {
    for (int k = 0; k < 3; k++) {
      cloud->D[i][k] = x[i][k] - cloud->x[i][k] - cloud->v[i][k] * cloud->T;
      cloud->K[i][k] = v[i][k] - cloud->v[i][k];
    }
  }
}

int esp_nbody_truth(const esp_nbody_force *force, int steps, esp_cloud *cloud, int energy, esp_nbody_check *check) {
  ESP_CHECK(cloud->D && cloud->K && !cloud->model, ESP_ERR_ARG, "truth needs a cloud in physical units with targets");
  ESP_CHECK(steps >= 1, ESP_ERR_ARG, "truth with %d steps, at least 1", steps);
  const esp_comm *comm = force->backend->comm;
  int rc = ESP_OK, n = cloud->n_home;
  double(*x)[3] = NULL, (*v)[3] = NULL, (*a)[3] = NULL;
  rc = ESP_ALLOC(x, n);
  if (!rc) rc = ESP_ALLOC(v, n);
  if (!rc) rc = ESP_ALLOC(a, n);
  ESP_TRY(comm->agree(comm, rc));
  memcpy(x, cloud->x, (size_t)n * sizeof *x);
  memcpy(v, cloud->v, (size_t)n * sizeof *v);
  if (check) memset(check, 0, sizeof *check);
  if (check && energy)
    ESP_TRY(esp_nbody_energy(force, cloud, (const double(*)[3])x, (const double(*)[3])v, &check->energy_start));
  ESP_TRY(esp_nbody_kdk(force, steps, cloud->T / steps, n, cloud->m, cloud->id, x, v, a, 0));
  if (check && energy)
    ESP_TRY(esp_nbody_energy(force, cloud, (const double(*)[3])x, (const double(*)[3])v, &check->energy_end));
  if (check) ESP_TRY(esp_nbody_momentum(comm, n, cloud->m, (const double(*)[3])v, check->momentum));
  esp_nbody_targets((const double(*)[3])x, (const double(*)[3])v, cloud);
done:
  ESP_FREE(x);
  ESP_FREE(v);
  ESP_FREE(a);
  return rc;
}

int esp_nbody_kinetic(const esp_comm *comm, int n_home, const double *m, const double (*v)[3], double *kinetic) {
  esp_sum sum = {0};
  for (int i = 0; i < n_home; i++) {
    esp_sum_add(&sum, 0, 0.5 * m[i] * (v[i][0] * v[i][0] + v[i][1] * v[i][1] + v[i][2] * v[i][2]));
  }
  ESP_CALL(esp_sum_end(comm, &sum, 1, kinetic));
  return ESP_OK;
}

int esp_nbody_potential(const esp_nbody_force *force, int n_home, const double *m, const double (*x)[3],
                        double *potential) {
  const esp_comm *comm = force->backend->comm;
  int rc = ESP_OK;
  double *p = NULL;
  esp_sum sum = {0};
  rc = ESP_ALLOC(p, n_home);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_nbody_direct(comm, n_home, x, m, n_home, x, force->eps, force->box, NULL, p));
  for (int i = 0; i < n_home; i++) {
    if (force->eps > 0) p[i] += m[i] / force->eps; /* the direct sum counts the particle itself */
    esp_sum_add(&sum, 0, 0.5 * force->G * m[i] * p[i]);
  }
  ESP_TRY(esp_sum_end(comm, &sum, 1, potential));
done:
  ESP_FREE(p);
  return rc;
}

int esp_nbody_momentum(const esp_comm *comm, int n_home, const double *m, const double (*v)[3], double *momentum) {
  esp_sum sum = {0};
  for (int i = 0; i < n_home; i++) {
    for (int k = 0; k < 3; k++) esp_sum_add(&sum, k, m[i] * v[i][k]);
  }
  ESP_CALL(esp_sum_end(comm, &sum, 3, momentum));
  return ESP_OK;
}

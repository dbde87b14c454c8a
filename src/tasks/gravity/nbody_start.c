#include "tasks/gravity/nbody_start.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/set.h"
#include "base/sum.h"
#include "tasks/gravity/nbody_step.h"

static const double PLUMMER_SCALE = 0.6, PLUMMER_FRACTION = 0.95, UNIT_SOFTENING = 0.1;

/* Distance from the centre, as drawn. */
static double draw_radius(const esp_start_param *param, uint64_t id) {
  double u = esp_rng_uniform(param->seed, id, ESP_RNG_POSITION, 0);
  if (param->kind == ESP_START_BALL) return cbrt(u);
  return PLUMMER_SCALE / sqrt(pow(PLUMMER_FRACTION * u, -2.0 / 3.0) - 1);
}

static void draw_position(const esp_start_param *param, uint64_t id, double *x) {
  double g[3], norm = 0, r = draw_radius(param, id);
  for (int k = 0; k < 3; k++) {
    g[k] = esp_rng_normal(param->seed, id, ESP_RNG_POSITION, 1 + (uint32_t)k);
    norm += g[k] * g[k];
  }
  norm = sqrt(norm);
  for (int k = 0; k < 3; k++) x[k] = norm > 0 ? r * g[k] / norm : 0;
}

static void draw_velocity(const esp_start_param *param, uint64_t id, double *v) {
  double factor = 1;
  if (param->kind == ESP_START_PLUMMER) {
    double r = draw_radius(param, id) / PLUMMER_SCALE;
    factor = 1 / sqrt(sqrt(1 + r * r));
  }
  for (int k = 0; k < 3; k++) v[k] = factor * esp_rng_normal(param->seed, id, ESP_RNG_VELOCITY, (uint32_t)k);
}

/* mean [3] = sum m u / sum m; ESP_ERR_VALUE without mass. */
static int weighted_mean(const esp_comm *comm, int n, const double *m, const double (*u)[3], double *mean) {
  esp_sum sum = {0};
  double value[4];
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) esp_sum_add(&sum, k, m[i] * u[i][k]);
    esp_sum_add(&sum, 3, m[i]);
  }
  ESP_CALL(esp_sum_end(comm, &sum, 4, value));
  ESP_CHECK(value[3] > 0, ESP_ERR_VALUE, "total mass is %g, must be > 0", value[3]);
  for (int k = 0; k < 3; k++) mean[k] = value[k] / value[3];
  return ESP_OK;
}

static int subtract_mean(const esp_comm *comm, int n, const double *m, double (*u)[3]) {
  double mean[3];
  ESP_CALL(weighted_mean(comm, n, m, (const double(*)[3])u, mean));
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) u[i][k] -= mean[k];
  }
  return ESP_OK;
}

static int half_radius(const esp_comm *comm, const esp_cloud *cloud, double *r_h) {
  int rc = ESP_OK;
  double centre[3], *r = NULL;
  ESP_CALL(weighted_mean(comm, cloud->n_home, cloud->m, (const double(*)[3])cloud->x, centre));
  rc = ESP_ALLOC(r, cloud->n_home);
  ESP_TRY(comm->agree(comm, rc));
  for (int i = 0; i < cloud->n_home; i++) {
    double square = 0;
    for (int k = 0; k < 3; k++) square += (cloud->x[i][k] - centre[k]) * (cloud->x[i][k] - centre[k]);
    r[i] = sqrt(square);
  }
  ESP_TRY(esp_sum_select(comm, cloud->n_home, r, (cloud->n - 1) / 2, r_h));
done:
  ESP_FREE(r);
  return rc;
}

/* Mean |a| over all bodies, or over the sample, by direct sum; a as in esp_nbody_units. */
static int mean_acceleration(const esp_comm *comm, int all, double eps, const esp_cloud *cloud, double (*a)[3],
                             esp_start_info *info) {
  int rc = ESP_OK, n = cloud->n_home, count = n, *sample = NULL;
  double(*y)[3] = NULL, (*exact)[3] = NULL, value[2];
  esp_sum sum = {0};
  int64_t first = n;
  ESP_CALL(comm->exscan_i64(comm, &first));
  rc = ESP_ALLOC(sample, n);
  if (!rc) rc = ESP_ALLOC(y, n);
  if (!rc) rc = ESP_ALLOC(exact, n);
  ESP_TRY(comm->agree(comm, rc));
  int most = all ? n : ESP_START_SAMPLE;
  count = esp_nbody_sample(0, all ? n : cloud->n, most, all ? 0 : first, n, sample);
  for (int s = 0; s < count; s++) memcpy(y[s], cloud->x[sample[s]], sizeof *y);
  ESP_TRY(esp_nbody_direct(comm, n, (const double(*)[3])cloud->x, cloud->m, count, (const double(*)[3])y, eps, NULL,
                           exact, NULL));
  for (int s = 0; s < count; s++) {
    const double *e = exact[s];
    esp_sum_add(&sum, 0, cloud->G * sqrt(e[0] * e[0] + e[1] * e[1] + e[2] * e[2]));
    esp_sum_add(&sum, 1, 1);
    for (int k = 0; k < 3 && all && a; k++) a[s][k] = cloud->G * e[k];
  }
  ESP_TRY(esp_sum_end(comm, &sum, 2, value));
  info->sampled = (int64_t)value[1];
  info->mean_a = value[0] / value[1];
done:
  ESP_FREE(sample);
  ESP_FREE(y);
  ESP_FREE(exact);
  return rc;
}

int esp_nbody_units(const esp_comm *comm, int64_t direct_limit, esp_cloud *cloud, double (*a)[3],
                    esp_start_info *info) {
  ESP_CHECK(cloud->n >= 2, ESP_ERR_VALUE, "a cloud of %lld bodies has no units of its own, at least 2 are needed",
            (long long)cloud->n);
  ESP_CALL(half_radius(comm, cloud, &info->r_h));
  ESP_CHECK(info->r_h > 0 && isfinite(info->r_h), ESP_ERR_VALUE,
            "half of the bodies lie within %g of the centre of mass: no unit of length", info->r_h);
  cloud->d = info->r_h / 0.794 * 1.612 / cbrt((double)cloud->n);
  ESP_CALL(mean_acceleration(comm, cloud->n <= direct_limit, UNIT_SOFTENING * cloud->d, cloud, a, info));
  ESP_CHECK(info->mean_a > 0 && isfinite(info->mean_a), ESP_ERR_VALUE, "mean acceleration is %g: no unit of time",
            info->mean_a);
  cloud->T = sqrt(2 * cloud->d / info->mean_a);
  return ESP_OK;
}

static int draw_bodies(const esp_comm *comm, const esp_start_param *param, int64_t first, esp_cloud *cloud) {
  esp_sum sum = {0};
  double total;
  for (int i = 0; i < cloud->n_home; i++) {
    uint64_t id = (uint64_t)(first + i);
    cloud->id[i] = (int64_t)id;
    cloud->m[i] = 0.2 + 1.6 * esp_rng_uniform(param->seed, id, ESP_RNG_MASS, 0);
    draw_position(param, id, cloud->x[i]);
    draw_velocity(param, id, cloud->v[i]);
    esp_sum_add(&sum, 0, cloud->m[i]);
  }
  ESP_CALL(esp_sum_end(comm, &sum, 1, &total));
  for (int i = 0; i < cloud->n_home; i++) cloud->m[i] /= total;
  ESP_CALL(subtract_mean(comm, cloud->n_home, cloud->m, cloud->x));
  ESP_CALL(subtract_mean(comm, cloud->n_home, cloud->m, cloud->v));
  return ESP_OK;
}

/* Bring the velocities to the virial ratio; a at softening 0.1 d. */
static int scale_velocities(const esp_comm *comm, const esp_start_param *param, const double (*a)[3], esp_cloud *cloud,
                            esp_start_info *info) {
  esp_sum sum = {0};
  double kinetic;
  for (int i = 0; i < cloud->n_home; i++) {
    const double *x = cloud->x[i];
    esp_sum_add(&sum, 0, cloud->m[i] * (x[0] * a[i][0] + x[1] * a[i][1] + x[2] * a[i][2]));
  }
  ESP_CALL(esp_sum_end(comm, &sum, 1, &info->W));
  ESP_CALL(esp_nbody_kinetic(comm, cloud->n_home, cloud->m, (const double(*)[3])cloud->v, &kinetic));
  ESP_CHECK(kinetic > 0, ESP_ERR_VALUE, "kinetic energy as drawn is %g, must be > 0", kinetic);
  info->Q = 0.4 + 0.6 * esp_rng_uniform(param->seed, 0, ESP_RNG_CLOUD, 0);
  double factor = info->Q * sqrt(0.5 * fabs(info->W) / kinetic);
  for (int i = 0; i < cloud->n_home; i++) {
    for (int k = 0; k < 3; k++) cloud->v[i][k] *= factor;
  }
  return ESP_OK;
}

int esp_nbody_start(const esp_backend *backend, const esp_start_param *param, esp_cloud *cloud, esp_start_info *info) {
  const esp_comm *comm = backend->comm;
  ESP_CHECK(param->n >= 2, ESP_ERR_ARG, "a cloud of %lld bodies asked for, at least 2", (long long)param->n);
  int rc = ESP_OK;
  int64_t first, count;
  esp_set_share(param->n, comm->rank, comm->size, &first, &count);
  double(*a)[3] = NULL;
  memset(info, 0, sizeof *info);
  rc = esp_cloud_create(param->n, (int)count, 1, cloud);
  if (!rc) rc = ESP_ALLOC(a, count);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(draw_bodies(comm, param, first, cloud));
  ESP_TRY(esp_nbody_units(comm, param->direct_limit, cloud, a, info));
  if (param->n > param->direct_limit) {
    esp_nbody_force force = esp_nbody_force_of(backend, ESP_NBODY_MULTIPOLE, 0, cloud);
    force.eps = UNIT_SOFTENING * cloud->d;
    ESP_TRY(esp_nbody_accelerate(&force, cloud->n_home, (const double(*)[3])cloud->x, cloud->m, cloud->id, a));
  }
  ESP_TRY(scale_velocities(comm, param, (const double(*)[3])a, cloud, info));
  cloud->eps = param->eps_over_d * cloud->d;
done:
  ESP_FREE(a);
  if (rc) esp_cloud_free(cloud);
  return rc;
}

#include "tasks/gravity/metrics.h"

#include <math.h>
#include <string.h>

#include "base/sum.h"

static double norm2(const double x[3]) {
  return x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
}

int esp_errors_add(const esp_cloud *cloud, const double (*D)[3], const double (*K)[3], esp_tally *tally) {
  ESP_CHECK(cloud->D && cloud->K, ESP_ERR_ARG, "errors against a cloud without targets");
  for (int i = 0; i < cloud->n_home; i++) {
    double eD[3], eK[3];
    for (int a = 0; a < 3; a++) {
      eD[a] = D[i][a] - cloud->D[i][a];
      eK[a] = K[i][a] - cloud->K[i][a];
    }
    esp_tally_add(tally, 0, norm2(eD), norm2(cloud->D[i]));
    esp_tally_add(tally, 1, norm2(eK), norm2(cloud->K[i]));
  }
  return ESP_OK;
}

int esp_momentum_error(const esp_comm *comm, const esp_cloud *cloud, const double (*K)[3], double *error) {
  esp_sum sum = {0};
  double value[5];
  for (int i = 0; i < cloud->n_home; i++) {
    esp_sum_add(&sum, 0, cloud->m[i]);
    esp_sum_add(&sum, 1, norm2(K[i]));
    for (int a = 0; a < 3; a++) esp_exact_add_product(&ESP_EXACT_FULL, sum.acc[2 + a], cloud->m[i], K[i][a]);
  }
  ESP_CALL(esp_sum_end(comm, &sum, 5, value));
  double rms = cloud->n > 0 ? sqrt(value[1] / (double)cloud->n) : 0, scale = value[0] * rms;
  *error = scale > 0 ? sqrt(norm2(value + 2)) / scale : 0;
  return ESP_OK;
}

double esp_energy_potential(const esp_cloud *cloud) {
  double eps2 = cloud->eps * cloud->eps, sum = 0;
  for (int i = 0; i < cloud->n_home; i++) {
    double part = 0;
    for (int j = 0; j < i; j++) {
      double r[3];
      for (int a = 0; a < 3; a++) {
        r[a] = cloud->x[j][a] - cloud->x[i][a];
        if (cloud->box[a] > 0) r[a] -= cloud->box[a] * rint(r[a] / cloud->box[a]);
      }
      double q = norm2(r) + eps2;
      if (q > 0) part += cloud->m[j] / sqrt(q);
    }
    sum -= cloud->m[i] * part;
  }
  return cloud->G * sum;
}

double esp_energy_total(const esp_cloud *cloud) {
  double kinetic = 0;
  for (int i = 0; i < cloud->n_home; i++) kinetic += 0.5 * cloud->m[i] * norm2(cloud->v[i]);
  return kinetic + esp_energy_potential(cloud);
}

int esp_energy_error(const esp_cloud *cloud, const double (*D)[3], const double (*K)[3], double *error) {
  esp_cloud after = *cloud;
  after.x = NULL, after.v = NULL;
  int rc = ESP_ALLOC(after.x, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(after.v, cloud->n_home);
  if (!rc) {
    memcpy(after.x, cloud->x, (size_t)cloud->n_home * sizeof *after.x);
    memcpy(after.v, cloud->v, (size_t)cloud->n_home * sizeof *after.v);
    rc = esp_cloud_advance(&after, D, K);
  }
  if (!rc) {
    double start = esp_energy_total(cloud);
    *error = start != 0 ? fabs((esp_energy_total(&after) - start) / start) : 0;
  }
  ESP_FREE(after.x);
  ESP_FREE(after.v);
  return rc;
}

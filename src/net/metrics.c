#include "net/metrics.h"

#include <math.h>
#include <string.h>

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* Sums over ranks of `count` accumulators, rounded. */
static int exact_values(const esp_comm *comm, int count, int64_t *acc, double *value) {
  esp_exact_carry(&ESP_EXACT_FULL, acc, (size_t)count);
  ESP_CALL(comm->sum_i64(comm, acc, (size_t)count * WORDS));
  for (int s = 0; s < count; s++) value[s] = esp_exact_value(&ESP_EXACT_FULL, acc + s * WORDS);
  return ESP_OK;
}

static double norm2(const double x[3]) {
  return x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
}

void esp_errors_clear(esp_errors *errors) {
  memset(errors, 0, sizeof *errors);
}

int esp_errors_add(esp_errors *errors, const esp_cloud *cloud, const double (*D)[3], const double (*K)[3]) {
  ESP_CHECK(cloud->D && cloud->K, ESP_ERR_ARG, "errors against a cloud without targets");
  const esp_exact_format *full = &ESP_EXACT_FULL;
  for (int i = 0; i < cloud->n_home; i++) {
    double eD[3], eK[3];
    for (int a = 0; a < 3; a++) {
      eD[a] = D[i][a] - cloud->D[i][a];
      eK[a] = K[i][a] - cloud->K[i][a];
    }
    esp_exact_add(full, errors->acc[0], norm2(eD));
    esp_exact_add(full, errors->acc[1], norm2(cloud->D[i]));
    esp_exact_add(full, errors->acc[2], norm2(eK));
    esp_exact_add(full, errors->acc[3], norm2(cloud->K[i]));
  }
  errors->particles += cloud->n_home;
  esp_exact_carry(full, errors->acc[0], ESP_ERRORS_SUMS);
  return ESP_OK;
}

int esp_errors_value(const esp_comm *comm, const esp_errors *errors, esp_nrmse *nrmse) {
  esp_errors all = *errors;
  double sum[ESP_ERRORS_SUMS];
  ESP_CALL(exact_values(comm, ESP_ERRORS_SUMS, all.acc[0], sum));
  ESP_CALL(comm->sum_i64(comm, &all.particles, 1));
  nrmse->particles = all.particles;
  nrmse->D = sqrt(sum[0] / (sum[1] == 0 ? 1 : sum[1]));
  nrmse->K = sqrt(sum[2] / (sum[3] == 0 ? 1 : sum[3]));
  return ESP_OK;
}

int esp_momentum_error(const esp_comm *comm, const esp_cloud *cloud, const double (*K)[3], double *error) {
  int64_t acc[5 * WORDS] = {0};
  for (int i = 0; i < cloud->n_home; i++) {
    esp_exact_add(&ESP_EXACT_FULL, acc, cloud->m[i]);
    esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, norm2(K[i]));
    for (int a = 0; a < 3; a++) esp_exact_add_product(&ESP_EXACT_FULL, acc + (2 + a) * WORDS, cloud->m[i], K[i][a]);
  }
  double sum[5];
  ESP_CALL(exact_values(comm, 5, acc, sum));
  double rms = cloud->n > 0 ? sqrt(sum[1] / (double)cloud->n) : 0, scale = sum[0] * rms;
  *error = scale > 0 ? sqrt(norm2(sum + 2)) / scale : 0;
  return ESP_OK;
}

int esp_momentum(const esp_comm *comm, const esp_cloud *cloud, double centre[3], double velocity[3]) {
  int64_t acc[7 * WORDS] = {0};
  for (int i = 0; i < cloud->n_home; i++) {
    esp_exact_add(&ESP_EXACT_FULL, acc, cloud->m[i]);
    for (int a = 0; a < 3; a++) {
      esp_exact_add_product(&ESP_EXACT_FULL, acc + (1 + a) * WORDS, cloud->m[i], cloud->x[i][a]);
      esp_exact_add_product(&ESP_EXACT_FULL, acc + (4 + a) * WORDS, cloud->m[i], cloud->v[i][a]);
    }
  }
  double sum[7];
  ESP_CALL(exact_values(comm, 7, acc, sum));
  for (int a = 0; a < 3; a++) {
    centre[a] = sum[0] > 0 ? sum[1 + a] / sum[0] : 0;
    velocity[a] = sum[0] > 0 ? sum[4 + a] / sum[0] : 0;
  }
  return ESP_OK;
}

int esp_energy_kinetic(const esp_comm *comm, const esp_cloud *cloud, double *energy) {
  int64_t acc[WORDS] = {0};
  for (int i = 0; i < cloud->n_home; i++) {
    esp_exact_add(&ESP_EXACT_FULL, acc, 0.5 * cloud->m[i] * norm2(cloud->v[i]));
  }
  return exact_values(comm, 1, acc, energy);
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

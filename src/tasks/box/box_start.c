#include "tasks/box/box_start.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/set.h"
#include "tasks/gravity/nbody_step.h"

static const double AREA_PER_BODY = 12;

int esp_box_start(const esp_comm *comm, uint64_t seed, int64_t n, double frame, esp_cloud *cloud) {
  ESP_CHECK(n >= 1, ESP_ERR_ARG, "a box of %lld bodies asked for, at least 1", (long long)n);
  ESP_CHECK(frame > 0, ESP_ERR_ARG, "time between frames is %g, must be > 0", frame);
  int64_t first, count;
  esp_set_share(n, comm->rank, comm->size, &first, &count);
  ESP_AGREE(comm, esp_cloud_create(n, (int)count, 1, cloud));
  double side = sqrt(AREA_PER_BODY * (double)n);
  cloud->dim = 2;
  cloud->G = 2;
  cloud->eps = 0.2;
  cloud->box[0] = cloud->box[1] = side;
  cloud->d = sqrt(AREA_PER_BODY);
  cloud->T = frame;
  for (int i = 0; i < cloud->n_home; i++) {
    uint64_t id = (uint64_t)(first + i);
    cloud->id[i] = (int64_t)id;
    cloud->m[i] = 1;
    for (uint32_t k = 0; k < 2; k++) {
      cloud->x[i][k] = side * esp_rng_uniform(seed, id, ESP_RNG_POSITION, k);
      cloud->v[i][k] = 2 * esp_rng_uniform(seed, id, ESP_RNG_VELOCITY, k) - 1;
    }
  }
  esp_box_wrap(cloud->box, cloud->n_home, cloud->x);
  return ESP_OK;
}

void esp_box_wrap(const double *box, int n, double (*x)[3]) {
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < 3; k++) {
      if (!(box[k] > 0)) continue;
      x[i][k] -= box[k] * floor(x[i][k] / box[k]);
      if (!(x[i][k] >= 0 && x[i][k] < box[k])) x[i][k] = 0; /* rounding at the edge */
    }
  }
}

int esp_box_frame(const esp_nbody_force *force, int substeps, esp_cloud *cloud, double (*next_x)[3],
                  double (*next_v)[3], double (*a)[3], int have_a) {
  int n = cloud->n_home;
  memcpy(next_x, cloud->x, (size_t)n * sizeof *next_x);
  memcpy(next_v, cloud->v, (size_t)n * sizeof *next_v);
  ESP_CALL(esp_nbody_kdk(force, substeps, cloud->T / substeps, n, cloud->m, cloud->id, next_x, next_v, a, have_a));
  esp_nbody_targets((const double(*)[3])next_x, (const double(*)[3])next_v, cloud);
  esp_box_wrap(cloud->box, n, next_x);
  return ESP_OK;
}

/* predict: move the particles of a snapshot by one horizon with a trained network, and write them as a snapshot. */
#include <string.h>

#include "io/checkpoint_typed.h"
#include "io/snapshot_cloud.h"
#include "verbs/relation_verbs.h"
#include "verbs/run.h"
#include "verbs/setup.h"

typedef struct {
  int64_t moved, ghosts, bytes;
} traffic;

static int add_traffic(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)l, (void)key, (void)query;
  traffic *t = context;
  t->moved += dom->stats.moved;
  t->ghosts += dom->stats.ghosts;
  t->bytes += dom->stats.bytes;
  return ESP_OK;
}

/* In place: the cloud becomes the one after the horizon, in physical units. */
static int advance(esp_run *run, const esp_integrator *model, const esp_device *device, esp_cloud *cloud) {
  double(*D)[3] = NULL, (*K)[3] = NULL;
  const esp_backend backend = esp_setup_sharded(run, device);
  esp_cost cost = {0};
  traffic t = {0};
  const esp_visit visit = {add_traffic, &t};
  esp_cloud physical = *cloud, scaled = {0};
  int rc = esp_cloud_create(cloud->n, cloud->n_home, 0, &scaled);
  if (!rc) rc = ESP_ALLOC(D, cloud->n_home);
  if (!rc) rc = ESP_ALLOC(K, cloud->n_home);
  ESP_TRY(run->comm->agree(run->comm, rc));
  scaled.dim = cloud->dim, scaled.G = cloud->G, scaled.eps = cloud->eps, scaled.d = cloud->d, scaled.T = cloud->T;
  memcpy(scaled.box, cloud->box, sizeof scaled.box);
  memcpy(scaled.id, cloud->id, (size_t)cloud->n_home * sizeof *cloud->id);
  memcpy(scaled.m, cloud->m, (size_t)cloud->n_home * sizeof *cloud->m);
  memcpy(scaled.x, cloud->x, (size_t)cloud->n_home * sizeof *cloud->x);
  memcpy(scaled.v, cloud->v, (size_t)cloud->n_home * sizeof *cloud->v);
  ESP_TRY(esp_cloud_to_model(&scaled));
  double start = esp_wall();
  ESP_TRY(esp_integrator_predict(model, &backend, &scaled, D, K, &visit, &cost));
  double seconds = esp_wall() - start;
  for (int i = 0; i < cloud->n_home; i++)
    for (int a = 0; a < 3; a++) {
      physical.x[i][a] += physical.v[i][a] * physical.T + D[i][a] * physical.d;
      physical.v[i][a] += K[i][a] * physical.d / physical.T;
    }
  int64_t sums[5] = {cost.near_pairs, cost.far_pairs, t.moved, t.ghosts, t.bytes};
  ESP_TRY(run->comm->sum_i64(run->comm, sums, 5));
  cJSON_AddNumberToObject(run->json, "particles", (double)cloud->n);
  cJSON_AddNumberToObject(run->json, "pairs_per_particle", (double)sums[0] / (double)cloud->n);
  cJSON_AddNumberToObject(run->json, "cells_per_particle", (double)sums[1] / (double)cloud->n);
  cJSON_AddNumberToObject(run->json, "moved_particles", (double)sums[2]);
  cJSON_AddNumberToObject(run->json, "halo_particles", (double)sums[3]);
  cJSON_AddNumberToObject(run->json, "bytes", (double)sums[4]);
  cJSON_AddNumberToObject(run->json, "predict_seconds", seconds);
  esp_run_say(run, "predict: %lld particles over T = %g in %.2f s on %d ranks\n", (long long)cloud->n, cloud->T,
              seconds, run->comm->size);
done:
  ESP_FREE(D);
  ESP_FREE(K);
  esp_cloud_free(&scaled);
  return rc;
}

int esp_verb_predict(esp_run *run) {
  char path[4096], out[4096], precision[16];
  esp_cloud cloud = {0};
  esp_snapshot_header header;
  esp_integrator model = {0};
  int rc;
  if (esp_setup_is_relation(run)) return esp_relation_predict(run);
  ESP_TRY(esp_run_checkpoint(run, path, sizeof path));
  ESP_TRY(esp_run_path(run, "prediction.hdf5", out, sizeof out));
  ESP_TRY(esp_integrator_checkpoint_read(run->comm, path, &model, NULL, precision));
  ESP_TRY(esp_snapshot_cloud(run->comm, run->config, &cloud, &header, NULL));
  ESP_TRY(esp_error_blame(advance(run, &model, esp_device_find(precision), &cloud),
                          esp_config_string(run->config, "input")));
  double time = header.comoving ? cloud.T : header.time + cloud.T; /* a scale factor is no time to add to */
  ESP_TRY(
      esp_snapshot_write(run->comm, out, &cloud, &header.units, time, (int)esp_config_int(run->config, "io_compress")));
  cJSON_AddNumberToObject(run->json, "horizon", cloud.T);
  cJSON_AddStringToObject(run->json, "prediction", out);
  esp_run_say(run, "predict: %s\n", out);
done:
  esp_cloud_free(&cloud);
  esp_integrator_free(&model);
  return rc;
}

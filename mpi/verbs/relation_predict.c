/* predict, for a learned relation: targets for the particles of a feature file. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "io/checkpoint_typed.h"
#include "verbs/relation_sets.h"
#include "verbs/relation_verbs.h"
#include "verbs/setup.h"

typedef struct {
  int64_t moved, ghosts, bytes, near_pairs, far_pairs;
} traffic;

static int add_traffic(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)l, (void)key, (void)query;
  traffic *t = context;
  t->moved += dom->stats.moved;
  t->ghosts += dom->stats.ghosts;
  t->bytes += dom->stats.bytes;
  t->near_pairs += dom->lists.near_pairs;
  t->far_pairs += dom->lists.far_pairs;
  return ESP_OK;
}

/* The set as it was, with y [n_home][T] as its targets. */
static int write_prediction(const esp_run *run, const esp_feature_file *file, const esp_feature_set *set, int targets,
                            double *y, const char *path) {
  esp_feature_writer writer;
  esp_feature_about about = file->about;
  esp_feature_set out = *set;
  const int64_t sets[ESP_PARTS] = {[ESP_PART_TEST] = 1};
  const int64_t *const sizes[ESP_PARTS] = {[ESP_PART_TEST] = &set->n};
  out.y = y, out.targets = about.targets = targets;
  about.weighted = set->weight != NULL;
  ESP_CALL(esp_feature_begin(run->comm, path, &about, sets, sizes, &writer));
  int rc = esp_feature_put(&writer, ESP_PART_TEST, 0, &out);
  if (rc) return esp_feature_abort(&writer), rc;
  return esp_feature_commit(&writer);
}

static int add_results(esp_run *run, const esp_feature_set *set, const esp_relation *relation, const traffic *t,
                       const double *y, double seconds) {
  const esp_comm *comm = run->comm;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  int64_t sums[5] = {t->near_pairs, relation->param.far ? t->far_pairs : 0, t->moved, t->ghosts, t->bytes};
  int64_t most[2] = {(int64_t)esp_memory_peak(), (int64_t)usage.ru_maxrss * 1024};
  esp_feature_set out = *set;
  uint64_t checksum;
  char text[24];
  out.y = (double *)y, out.targets = relation->param.targets;
  ESP_CALL(comm->sum_i64(comm, sums, 5));
  ESP_CALL(comm->max_i64(comm, most, 2));
  ESP_CALL(comm->max_f64(comm, &seconds, 1));
  ESP_CALL(esp_feature_set_checksum(comm, &out, &checksum));
  const double n = set->n ? (double)set->n : 1;
  snprintf(text, sizeof text, "%016llx", (unsigned long long)checksum);
  cJSON_AddNumberToObject(run->json, "particles", (double)set->n);
  cJSON_AddNumberToObject(run->json, "pairs_per_particle", (double)sums[0] / n);
  cJSON_AddNumberToObject(run->json, "cells_per_particle", (double)sums[1] / n);
  cJSON_AddNumberToObject(run->json, "moved_particles", (double)sums[2]);
  cJSON_AddNumberToObject(run->json, "halo_particles", (double)sums[3]);
  cJSON_AddNumberToObject(run->json, "bytes", (double)sums[4]);
  cJSON_AddNumberToObject(run->json, "predict_seconds", seconds);
  cJSON_AddNumberToObject(run->json, "memory_bytes_rank", (double)most[0]);
  cJSON_AddNumberToObject(run->json, "resident_bytes_rank", (double)most[1]);
  cJSON_AddStringToObject(run->json, "prediction_checksum", text); /* the same on any number of ranks */
  esp_run_say(
      run,
      "predict: %lld particles in %.2f s on %d ranks, %.1f near pairs and %.1f far cells a particle, %.0f MiB a "
      "rank\n",
      (long long)set->n, seconds, comm->size, (double)sums[0] / n, (double)sums[1] / n, (double)most[0] / 1048576);
  esp_relation_say_budget(run, "predict", &relation->param, (double)sums[0] / n);
  return ESP_OK;
}

static int predict_set(esp_run *run, const esp_feature_file *file, const esp_relation *relation,
                       const esp_device *device, const char *out) {
  const int64_t s = esp_config_int(run->config, "eval_set");
  const esp_backend backend = esp_setup_sharded(run, device);
  esp_feature_set set = {0};
  esp_relation_pass pass = {0};
  traffic t = {0};
  int rc;
  ESP_CHECK(s < file->sets[ESP_PART_TEST], ESP_ERR_CONFIG, "eval_set %lld: the file has %d test sets, numbered from 0",
            (long long)s, file->sets[ESP_PART_TEST]);
  ESP_TRY(esp_feature_share_read(file, run->comm, ESP_PART_TEST, (int)s, &set));
  const esp_visit visit = {add_traffic, &t};
  const double start = esp_wall();
  ESP_TRY(esp_relation_forward(relation, &backend, &set, 0, &visit, &pass));
  const double seconds = esp_wall() - start;
  ESP_TRY(add_results(run, &set, relation, &t, pass.y, seconds));
  if (set.targets == relation->param.targets && set.y) {
    double nmse;
    ESP_TRY(esp_relation_loss(run->comm, &set, pass.y, 1, NULL, &nmse));
    cJSON_AddNumberToObject(run->json, "nmse", nmse);
    esp_run_say(run, "predict: nMSE %.5f\n", nmse);
  }
  ESP_TRY(write_prediction(run, file, &set, relation->param.targets, pass.y, out));
done:
  esp_relation_pass_free(&pass);
  esp_feature_set_free(&set);
  return rc;
}

int esp_relation_predict(esp_run *run) {
  char path[4096], out[4096], precision[ESP_CHECKPOINT_PRECISION];
  esp_relation relation = {0};
  esp_feature_file file;
  int rc, opened = 0;
  ESP_TRY(esp_run_checkpoint(run, path, sizeof path));
  ESP_TRY(esp_run_path(run, "prediction.h5", out, sizeof out));
  ESP_TRY(esp_relation_checkpoint_read(run->comm, path, &relation, NULL, precision));
  ESP_TRY(esp_setup_trees(run, &relation.param));
  ESP_TRY(esp_relation_open(run, ESP_PART_TEST, 1, path, sizeof path, &file));
  opened = 1;
  ESP_TRY(esp_error_blame(predict_set(run, &file, &relation, esp_device_find(precision), out), path));
  cJSON_AddStringToObject(run->json, "prediction", out);
  esp_run_say(run, "predict: %s\n", out);
done:
  if (opened) esp_feature_close(&file);
  esp_relation_free(&relation);
  return rc;
}

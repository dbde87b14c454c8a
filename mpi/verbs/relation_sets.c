#include "verbs/relation_sets.h"

#include <string.h>

#include "net/recall.h"

int esp_relation_open(const esp_run *run, esp_part part, int least, char *path, size_t size, esp_feature_file *file) {
  static const char *const keys[] = {"data_clouds", "data_test_clouds"};
  ESP_CALL(esp_run_data(run, path, size));
  ESP_CALL(esp_feature_open(run->comm, path, file));
  if (file->sets[part] >= least) return ESP_OK;
  int rc = ESP_FAIL(ESP_ERR_VALUE, "%s: %d sets to %s on, at least %d needed; set %s", path, file->sets[part],
                    part == ESP_PART_TRAIN ? "train" : "test", least, keys[part]);
  esp_feature_close(file);
  return rc;
}

int esp_relation_halves(const esp_feature_about *about) {
  return !strcmp(about->task, "upstream") ? 1 : !strcmp(about->task, "twice") ? 2 : 0;
}

int esp_relation_largest(const esp_feature_file *file, esp_part part) {
  int largest = 0;
  for (int s = 1; s < file->sets[part]; s++)
    if (file->n[part][s] > file->n[part][largest]) largest = s;
  return largest;
}

/* ---- recall ---- */

static int copy_columns(const esp_feature_set *set, int first, int r, double **out) {
  ESP_CALL(ESP_ALLOC(*out, (size_t)set->n_home * (size_t)r));
  for (int i = 0; i < set->n_home; i++)
    memcpy(*out + (size_t)i * (size_t)r, set->z + (size_t)i * (size_t)set->hidden + first, (size_t)r * sizeof(double));
  return ESP_OK;
}

int esp_relation_judge_create(const esp_run *run, const esp_comm *comm, const esp_feature_about *about,
                              const esp_feature_set *set, esp_relation_judge *judge) {
  const int halves = esp_relation_halves(about);
  *judge =
      (esp_relation_judge){.run = run, .comm = comm, .set = set, .r = set->hidden / (halves ? 2 : 1), .recall = -1};
  if (!judge->r) return ESP_OK;
  int rc = copy_columns(set, 0, judge->r, &judge->sender);
  if (!rc && halves == 1) rc = copy_columns(set, judge->r, judge->r, &judge->receiver);
  if (rc) esp_relation_judge_free(judge);
  return rc;
}

void esp_relation_judge_free(esp_relation_judge *judge) {
  ESP_FREE(judge->sender);
  ESP_FREE(judge->receiver);
}

int esp_relation_judge_layer(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)key, (void)query;
  esp_relation_judge *j = context;
  const esp_config *c = j->run->config;
  if (l > 0 || !j->r) return ESP_OK;
  /* reading the lists changes nothing in the domain, but its transfers are its own */
  return esp_recall(j->comm, dom, j->set->n_home, j->set->id, j->set->weight, j->r, j->sender, j->receiver,
                    (int)esp_config_int(c, "eval_recall_neighbours"), (int)esp_config_int(c, "eval_samples"),
                    (uint64_t)esp_config_int(c, "run_seed"), &j->recall);
}

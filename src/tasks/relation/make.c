/* Making: sets by a known law. */
#include <inttypes.h>
#include <stdio.h>

#include "tasks/relation/relation.h"

/* Draws of test sets begin here: no training set is one of them. */
static const int64_t FIRST_DRAW[ESP_PARTS] = {0, INT64_C(1) << 40};

static esp_relation_start start_of(const esp_relation_data *p, int64_t n) {
  esp_relation_start start = p->made;
  start.n = n;
  if (start.kind == ESP_RELATION_UPSTREAM) start.features = 4, start.hidden = 2, start.average = 1;
  return start;
}

int esp_relation_plan(const void *param, esp_plan *plan) {
  const esp_relation_data *p = param;
  const esp_relation_start start = start_of(p, plan->n);
  char sample[32] = "";
  ESP_CHECK(p->made.kind != ESP_RELATION_KINDS, ESP_ERR_CONFIG, "data_law file: there is nothing to make");
  ESP_CALL(esp_relation_start_check(&start));
  plan->width[ESP_FEATURE_X] = start.features;
  plan->width[ESP_FEATURE_V] = start.values;
  plan->width[ESP_FEATURE_Y] = start.truth == ESP_TRUTH_NONE ? 0 : esp_relation_targets(&start);
  plan->width[ESP_FEATURE_WEIGHT] = start.kind == ESP_RELATION_UPSTREAM || start.sample > 0;
  plan->width[ESP_FEATURE_Z] = esp_relation_columns(&start);
  if (start.sample > 0) snprintf(sample, sizeof sample, " of %" PRId64, start.sample);
  snprintf(plan->how, sizeof plan->how, "targets%s %s", sample,
           start.truth == ESP_TRUTH_NONE    ? "none"
           : esp_relation_all_pairs(&start) ? "over all pairs"
                                            : "within reach");
  return ESP_OK;
}

/* The set takes over the arrays. */
static void give(const esp_feature_set *from, const esp_relation_start *start, esp_set *set) {
  double *const value[] = {from->x, from->v, from->y, from->weight, from->z};
  const int width[] = {from->features, from->values, from->targets, 1, from->hidden};
  *set = (esp_set){
      .n = from->n, .first = from->first, .n_home = from->n_home, .layout = &esp_relation_layout, .id = from->id};
  for (int k = ESP_FEATURE_X; k <= ESP_FEATURE_Z; k++) {
    set->value[k] = value[k];
    set->width[k] = value[k] ? width[k] : 0;
  }
  set->about[ESP_FEATURE_AVERAGE].whole = start->average;
  set->about[ESP_FEATURE_H].real = start->h;
  set->about[ESP_FEATURE_SEED].whole = (int64_t)start->seed;
  set->about[ESP_FEATURE_LAW].whole = start->kind;
}

int esp_relation_make_set(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  esp_relation_start start = start_of(param, item->n);
  esp_feature_set made;
  esp_set set;
  start.draw = FIRST_DRAW[item->part] + item->number;
  ESP_CALL(esp_relation_make(backend->comm, &start, &made));
  give(&made, &start, &set);
  int rc = to->put(to, &set);
  esp_set_free(&set);
  return rc;
}

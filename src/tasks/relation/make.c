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
  esp_relation_widths(&start, plan->width);
  if (start.sample > 0) snprintf(sample, sizeof sample, " of %" PRId64, start.sample);
  snprintf(plan->how, sizeof plan->how, "targets%s %s", sample,
           start.truth == ESP_TRUTH_NONE    ? "none"
           : esp_relation_all_pairs(&start) ? "over all pairs"
                                            : "within reach");
  return ESP_OK;
}

int esp_relation_make_set(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  esp_relation_start start = start_of(param, item->n);
  esp_set set;
  start.draw = FIRST_DRAW[item->part] + item->number;
  ESP_CALL(esp_relation_make(backend->comm, &start, &set));
  int rc = to->put(to, &set);
  esp_set_free(&set);
  return rc;
}

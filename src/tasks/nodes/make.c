/* Making: graphs of files, and graphs that are drawn. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tasks/nodes/data.h"

static int plan(const void *param, esp_plan *plan) {
  const esp_nodes_data *data = param;
  plan->shared = 1;
  if (plan->foreign) return snprintf(plan->how, sizeof plan->how, "nodes of a graph"), ESP_OK;
  ESP_CHECK(data->of == ESP_NODES_DRAWN, ESP_ERR_CONFIG,
            "data_nodes_of file: key input names no graph; set -input FILE, or data_nodes_of drawn");
  plan->width[ESP_NODES_X] = data->width;
  plan->width[ESP_NODES_WORDS] = 0;
  plan->width[ESP_NODES_EDGES] = 1;
  plan->width[ESP_NODES_CLASS] = data->classes;
  snprintf(plan->how, sizeof plan->how, "%d classes on a ring, %d neighbours", data->classes, data->degree);
  return ESP_OK;
}

/* Training and test sets of one number and size are the same graph. */
static int make(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to) {
  const esp_nodes_data *data = param;
  const esp_comm *comm = backend->comm;
  esp_set set = {0};
  int rc;
  ESP_TRY(comm->agree(comm, esp_nodes_draw(data, comm, item->n, item->number, &set)));
  ESP_TRY(esp_nodes_normalise(comm, data->features, &set));
  ESP_TRY(esp_nodes_split(comm, &set, data->train, data->validation, data->seed));
  ESP_TRY(esp_nodes_weigh(comm, &set, item->part));
  ESP_TRY(to->put(to, &set));
done:
  esp_set_free(&set);
  return rc;
}

static int record(const void *param) {
  return ((const esp_nodes_data *)param)->of == ESP_NODES_FILE;
}

/* Has any node a split? Collective. */
static int has_split(const esp_comm *comm, const esp_set *set, int64_t *has) {
  *has = 0;
  for (int i = 0; i < set->n_home; i++) *has |= set->value[ESP_NODES_SPLIT][i] != 0;
  return comm->max_i64(comm, has, 1);
}

static int adopt(void *param, const esp_backend *backend, esp_adopt wanted, esp_set *set) {
  const esp_nodes_data *data = param;
  const esp_comm *comm = backend->comm;
  int64_t has;
  ESP_CHECK(data->of == ESP_NODES_FILE, ESP_ERR_CONFIG,
            "key input names a graph, and data_nodes_of is drawn: set data_nodes_of file, or no input");
  ESP_CHECK(set->width[ESP_NODES_X] || set->width[ESP_NODES_WORDS], ESP_ERR_VALUE,
            "the nodes have no features: neither numbers nor words");
  ESP_CALL(esp_nodes_normalise(comm, data->features, set));
  ESP_CALL(has_split(comm, set, &has));
  if (!has) ESP_CALL(esp_nodes_split(comm, set, data->train, data->validation, data->seed));
  return esp_nodes_weigh(comm, set, wanted == ESP_ADOPT_TRAINING ? ESP_PART_TRAIN : ESP_PART_TEST);
}

const esp_making esp_nodes_making = {.plan = plan, .make = make, .adopt = adopt, .record = record};

#include "net/train_relation.h"

#include "base/exact_sum.h"

typedef struct {
  const esp_backend *backend;
  const esp_relation_data *data;
  esp_relation *relation;
  double *gy; /* [n_home][T] */
  size_t capacity;
} learner_state;

static void note_pass(esp_relation *relation, const esp_relation_pass *pass, esp_train_record *record) {
  for (int l = 0; l < pass->layers; l++) relation->theta[l] = pass->layer[l].dom->param.lists.theta;
  record->theta = relation->theta[0];
  record->particles += pass->n_home;
  record->cost.near_pairs += pass->cost.near_pairs;
  record->cost.far_pairs += pass->cost.far_pairs;
  record->cost.seconds_build += pass->cost.seconds_build;
  record->cost.seconds_forward += pass->cost.seconds_forward;
  record->cost.seconds_backward += pass->cost.seconds_backward;
}

/* One set, forward and back, into the accumulators. */
static int run_set(learner_state *g, const esp_feature_set *set, double weight, int64_t *acc, double *part,
                   esp_train_record *record) {
  const esp_comm *comm = g->backend->comm;
  esp_relation_pass pass = {0};
  int rc = ESP_OK;
  ESP_CALL(comm->agree(comm, ESP_GROW(g->gy, g->capacity, (size_t)set->n_home * (size_t)set->targets)));
  ESP_TRY(esp_relation_forward(g->relation, g->backend, set, 1, NULL, &pass));
  ESP_TRY(esp_relation_loss(comm, set, pass.y, weight, g->gy, part));
  ESP_TRY(esp_relation_backward(g->relation, g->backend, set, &pass, g->gy, acc));
  note_pass(g->relation, &pass, record);
done:
  esp_relation_pass_free(&pass);
  return rc;
}

static int item(void *context, int c, double weight, int64_t *acc, double *part, esp_train_record *record) {
  learner_state *g = context;
  const esp_relation_data *data = g->data;
  const esp_feature_set *set = NULL;
  ESP_CALL(data->get(data->context, c, &set));
  int rc = run_set(g, set, weight, acc, part, record);
  if (data->put) data->put(data->context, c, set);
  ESP_CALL(rc);
  return ESP_OK;
}

static void map(void *context, const int64_t *acc, double *gradient) {
  const learner_state *g = context;
  for (int i = 0; i < g->relation->block.count; i++)
    gradient[i] = esp_exact_value(&ESP_EXACT_FULL, acc + (size_t)i * ESP_EXACT_FULL_WORDS);
}

int esp_train_relation(const esp_comm *comm, const esp_backend *backend, const esp_relation_data *data,
                       const esp_train_param *param, const esp_train_hooks *hooks, esp_relation *relation,
                       esp_adam *adam) {
  learner_state g = {.backend = backend, .data = data, .relation = relation};
  const esp_learner learner = {.count = relation->block.count,
                               .value = relation->block.value,
                               .sums = relation->block.count,
                               .items = data->sets,
                               .sharded = data->sharded,
                               .parts = 1,
                               .part_weight = {1},
                               .item = item,
                               .map = map,
                               .context = &g};
  int rc = esp_train(comm, &learner, param, hooks, adam);
  ESP_FREE(g.gy);
  ESP_CALL(rc);
  return ESP_OK;
}

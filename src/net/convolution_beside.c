/* Gate regression beside the classes: what graph convolution adds to the loss of a training whose keys learn with the rest. */
#include <string.h>

#include "base/hash.h"
#include "net/convolution_work.h"

static const char NAME[] = "hidden_features";

const char *esp_convolution_adds(const esp_model *model) {
  return ((const esp_convolution_plan *)model->plan)->learns ? NAME : NULL;
}

/* ---- directions, and the model that is asked ---- */

void esp_convolution_beside_free(esp_convolution_beside *beside) {
  if (!beside->there) return;
  esp_gate_directions_free(&beside->directions);
  esp_model_free(&beside->model);
  *beside = (esp_convolution_beside){0};
}

static uint64_t print_of(const esp_convolution_walk *k, const esp_features *rows) {
  const int64_t entries = rows->sparse.start ? rows->sparse.start[rows->n] : 0;
  uint64_t print = esp_hash_mix((uint64_t)k->set->n, (uint64_t)k->set->first);
  print = esp_hash_double(print, k->model->block.value[k->plan->at.scale]);
  for (int64_t i = 0; i < (int64_t)rows->n * rows->dense; i++) print = esp_hash_double(print, rows->x[i]);
  for (int i = 0; i <= rows->n && rows->sparse.start; i++) print = esp_hash_mix(print, (uint64_t)rows->sparse.start[i]);
  for (int64_t e = 0; e < entries; e++) {
    print = esp_hash_mix(print, (uint64_t)rows->sparse.index[e]);
    print = esp_hash_double(print, esp_csr_entry(&rows->sparse, e));
  }
  return print;
}

static int model_create(const esp_convolution_walk *k, const esp_features *rows, esp_convolution_beside *beside) {
  const esp_gate_learning *how = &k->param->learning;
  const esp_gate_regression_param param = {esp_convolution_gate(k->param), how->receivers, &beside->step,
                                           k->model->block.value[k->plan->at.scale]};
  const esp_set set = esp_gate_set(k->set, rows, &beside->directions);
  const esp_sizes sizes = esp_sizes_of(set.layout, set.width);
  return esp_model_create(&esp_network_gate_regression, &param, &sizes, &beside->model);
}

/* Of these features, from the last pass where they are the same. Collective. */
static int stands(const esp_convolution_walk *k, const esp_features *rows) {
  esp_convolution_beside *beside = &k->plan->beside;
  const esp_gate_shape shape = esp_convolution_gate(k->param);
  const esp_comm *comm = k->backend->comm;
  const uint64_t print = print_of(k, rows);
  int64_t other = !beside->there || beside->print != print;
  ESP_CALL(comm->max_i64(comm, &other, 1));
  if (!other) return ESP_OK;
  esp_convolution_beside_free(beside);
  ESP_CALL(esp_gate_directions_create(&k->param->learning, &shape, comm, rows, &beside->directions));
  beside->there = 1, beside->print = print;
  const int rc = comm->agree(comm, model_create(k, rows, beside));
  if (rc) esp_convolution_beside_free(beside);
  return rc;
}

/* ---- of a pass ---- */

void esp_convolution_beside_leave(esp_pass *pass) {
  if (pass->beside.pass) esp_network_gate_regression.pass_free(&pass->beside.pass);
  ESP_THERE_FREE(pass->device, pass->beside.dy);
  ESP_FREE(pass->beside.own);
}

/* Masks go on behind those of the steps that E comes from. */
static int64_t step_of(const esp_convolution_walk *k) {
  return k->param->learning.steps + (int64_t)k->model->draw;
}

static int room(const esp_convolution_walk *k, double **y) {
  const size_t count = (size_t)k->n * (size_t)k->plan->beside.directions.C;
  ESP_CALL(ESP_THERE(k->device, *y, count));
  return ESP_THERE(k->device, k->pass->beside.dy, count);
}

int esp_convolution_add(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_pass *pass,
                        double factor, double *value) {
  ESP_MEMORY_FOR(ESP_MEMORY_ACTIVATIONS);
  const esp_convolution_walk k = esp_convolution_walk_of(model, backend, set, pass);
  const esp_gate_learning *how = &k.param->learning;
  esp_convolution_beside *beside = &k.plan->beside;
  esp_features rows = {0};
  double *y = NULL;
  int rc;
  ESP_TRY(backend->comm->agree(backend->comm, esp_features_of(set, &rows, &pass->beside.own)));
  ESP_TRY(stands(&k, &rows));
  beside->step = step_of(&k);
  ((esp_gate_regression_param *)beside->model.param)->shape = esp_convolution_gate(k.param); /* theta may be searched */
  pass->beside.set = esp_gate_set(set, &rows, &beside->directions);
  memcpy(beside->model.block.value, model->block.value + k.plan->at.E,
         (size_t)beside->model.block.count * sizeof(double));
  ESP_TRY(backend->comm->agree(backend->comm, room(&k, &y)));
  const esp_hidden_cosine_param loss = {beside->directions.C, beside->directions.V, how->receivers, k.param->seed,
                                        &beside->step};
  ESP_TRY(esp_network_gate_regression.forward(&beside->model, backend, &pass->beside.set, NULL, y, NULL,
                                              &pass->beside.pass));
  ESP_TRY(
      esp_loss_hidden_cosine.value(&loss, backend, &pass->beside.set, y, factor * how->weight, pass->beside.dy, value));
  *value *= how->weight;
done:
  ESP_THERE_FREE(k.device, y);
  return rc;
}

int esp_convolution_add_back(const esp_convolution_walk *k, esp_gradient *to) {
  esp_pass *pass = k->pass;
  if (!pass->beside.pass) return ESP_OK;
  esp_gradient part = {.acc = esp_gradient_at(to, k->plan->at.E)};
  return esp_network_gate_regression.backward(&k->plan->beside.model, k->backend, &pass->beside.set, pass->beside.pass,
                                              pass->beside.dy, &part, NULL);
}

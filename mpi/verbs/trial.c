#include "verbs/trial.h"

#include <string.h>

int esp_trial_is_trained(const esp_method *method) {
  return !method->predict && !method->vary && !method->untrained;
}

int esp_trial_may(const esp_method *method, int64_t n, int shared, int classical) {
  return (!method->largest || n <= method->largest) && !(method->whole && shared) && (classical || !method->classical);
}

static int run_network(const esp_model *model, const esp_backend *backend, const esp_set *set, const esp_visit *visit,
                       esp_trial *trial) {
  ESP_CALL(esp_model_predict(model, backend, set, visit, trial->y, &trial->cost));
  trial->seconds = trial->cost.seconds_build + trial->cost.seconds_forward;
  return ESP_OK;
}

/* The network with its structure changed by the method, for sets like this one. */
static int run_varied(const esp_model *model, const esp_method *method, const esp_backend *backend, const esp_set *set,
                      int64_t pairs, const esp_visit *visit, esp_trial *trial) {
  const size_t size = model->network->options->size;
  esp_sizes sizes = model->sizes;
  esp_model varied = {0};
  char *param = NULL;
  int rc = ESP_ALLOC(param, size);
  sizes.width[ESP_HIDDEN] = esp_set_role_width(set, ESP_HIDDEN);
  if (!rc) memcpy(param, model->param, size);
  if (!rc) rc = method->vary(param, set, pairs, &trial->used);
  if (!rc && trial->used) rc = esp_model_vary(model, param, &sizes, &varied);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  if (trial->used) ESP_TRY(run_network(&varied, backend, set, visit, trial));
done:
  if (varied.network) esp_model_free(&varied);
  ESP_FREE(param);
  return rc;
}

int esp_trial_run(const esp_trials *trials, const esp_method *method, const esp_backend *backend, const esp_set *set,
                  int64_t pairs, const esp_visit *visit, esp_trial *trial) {
  const esp_model *model = method->untrained ? trials->untrained : trials->trained;
  const double start = esp_wall();
  *trial = (esp_trial){.y = trial->y, .used = 1};
  if (method->predict) {
    ESP_CALL(method->predict(trials->param, trials->fitted, trials->trained, backend, set, trial->y, &trial->cost,
                             &trial->used));
    trial->seconds = esp_wall() - start;
  } else if (method->vary) {
    ESP_CALL(run_varied(model, method, backend, set, pairs, visit, trial));
  } else {
    ESP_CALL(run_network(model, backend, set, visit, trial));
  }
  trial->counted = trial->cost.near_pairs >= 0;
  return ESP_OK;
}

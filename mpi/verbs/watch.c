#include "verbs/watch.h"

#include <math.h>

#include "verbs/setup.h"

static int open_watch(const esp_data *data, const esp_device *device, int targets, esp_watch *w) {
  const esp_run *run = data->run;
  const esp_showing *showing = data->task->showing;
  int rc;
  w->backend = esp_setup_sharded(run, device);
  ESP_CALL(esp_data_set(data, run->comm, ESP_PART_TEST, 0, &w->test));
  rc = esp_setup_options(run, showing->options, &w->param);
  if (!rc) rc = ESP_ALLOC(w->y, (size_t)w->test.n_home * (size_t)targets);
  ESP_AGREE(run->comm, rc);
  ESP_CALL(showing->watching->begin(w->param, &w->backend, &w->test, &w->visit, &w->value));
  w->showing = showing;
  return ESP_OK;
}

int esp_watch_create(const esp_data *data, const esp_device *device, int targets, esp_watch *watch) {
  const esp_showing *showing = data->task->showing;
  *watch = (esp_watch){.first = NAN, .latest = NAN, .every = esp_config_int(data->run->config, "eval_recall_every")};
  if (!watch->every || !showing || !showing->watching || !data->file.sets[ESP_PART_TEST]) return ESP_OK;
  return open_watch(data, device, targets, watch);
}

void esp_watch_free(esp_watch *watch) {
  if (watch->showing && watch->showing->watching) watch->showing->watching->end(&watch->visit);
  watch->showing = NULL;
  ESP_FREE(watch->param);
  ESP_FREE(watch->y);
  esp_set_free(&watch->test);
}

int esp_watch_find(esp_watch *w, const esp_model *model) {
  ESP_CALL(esp_model_predict(model, &w->backend, &w->test, &w->visit, w->y, NULL));
  w->latest = *w->value;
  if (isnan(w->first)) w->first = w->latest;
  if (isnan(w->latest)) esp_watch_free(w);
  return ESP_OK;
}

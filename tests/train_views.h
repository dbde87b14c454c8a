/* A network trained on sets, or on clouds, whole on one rank. */
#ifndef TRAIN_VIEWS_H
#define TRAIN_VIEWS_H

#include "net/train.h"
#include "set_views.h"

static inline int train_views_get(void *context, int s, const esp_set **set) {
  *set = (const esp_set *)context + s;
  return ESP_OK;
}

static inline int train_sets(esp_model *model, int count, esp_set *set, const esp_loss *loss, const void *loss_param,
                             const esp_train_param *param, const esp_train_hooks *hooks) {
  esp_backend backend = esp_backend_self();
  const esp_sets sets = {.sets = count, .get = train_views_get, .context = set};
  const esp_training with = {esp_comm_self(), &backend, &sets, loss, loss_param};
  esp_adam adam = {0};
  int rc;
  ESP_TRY(esp_adam_create(model->block.count, &adam));
  ESP_TRY(esp_train(&with, param, hooks, model, &adam));
done:
  esp_adam_free(&adam);
  return rc;
}

/* lambda: weight of the velocity changes in the loss. */
static inline int train_integrator(esp_model *model, int count, const esp_cloud *cloud, double lambda,
                                   const esp_train_param *param) {
  const esp_nmse_columns_param loss = {.second = lambda};
  esp_set *set = malloc(sizeof *set * (size_t)count);
  for (int c = 0; c < count; c++) set[c] = set_of_cloud(&cloud[c]);
  const int rc = train_sets(model, count, set, &esp_loss_nmse_columns, &loss, param, NULL);
  free(set);
  return rc;
}

#endif

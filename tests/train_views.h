/* An integrator trained on clouds, a relation on feature sets, whole on one rank: the row of the table is trained in its
 * place, and its values are taken back. */
#ifndef TRAIN_VIEWS_H
#define TRAIN_VIEWS_H

#include <string.h>

#include "net/stack.h"
#include "net/train.h"
#include "set_views.h"

/* One of the two. */
typedef struct {
  const esp_cloud *cloud;
  const esp_feature_set *features;
  esp_set seen; /* the one at hand */
} train_views;

static inline int train_views_get(void *context, int s, const esp_set **set) {
  train_views *v = context;
  v->seen = v->cloud ? set_of_cloud(&v->cloud[s]) : set_of_features(&v->features[s]);
  *set = &v->seen;
  return ESP_OK;
}

static inline int train_views_run(const esp_network *network, const void *net, esp_block *block, int count,
                                  train_views *views, const esp_loss *loss, const void *loss_param,
                                  const esp_train_param *param, const esp_train_hooks *hooks) {
  esp_backend backend = esp_backend_self();
  const esp_sets sets = {.sets = count, .get = train_views_get, .context = views};
  const esp_training with = {esp_comm_self(), &backend, &sets, loss, loss_param};
  const size_t bytes = sizeof(double) * (size_t)block->count;
  const esp_set *first;
  esp_model model;
  esp_adam adam = {0};
  int rc;
  ESP_CALL(train_views_get(views, 0, &first));
  const esp_sizes sizes = esp_sizes_of(first);
  ESP_TRY(esp_model_create(network, net, &sizes, &model));
  memcpy(model.block.value, block->value, bytes);
  ESP_TRY(esp_adam_create(model.block.count, &adam));
  ESP_TRY(esp_train(&with, param, hooks, &model, &adam));
  memcpy(block->value, model.block.value, bytes);
done:
  esp_adam_free(&adam);
  esp_model_free(&model);
  return rc;
}

/* lambda: weight of the velocity changes in the loss. */
static inline int train_integrator(esp_model *net, int count, const esp_cloud *cloud, double lambda,
                                   const esp_train_param *param) {
  const esp_nmse_columns_param loss = {.second = lambda};
  train_views views = {.cloud = cloud};
  return train_views_run(&esp_network_integrator, net->param, &net->block, count, &views, &esp_loss_nmse_columns, &loss,
                         param, NULL);
}

static inline int train_relation(esp_stack *net, int count, const esp_feature_set *set, const esp_train_param *param,
                                 const esp_train_hooks *hooks) {
  train_views views = {.features = set};
  return train_views_run(&esp_network_stack, &net->param, &net->block, count, &views, &esp_loss_nmse, NULL, param,
                         hooks);
}

#endif

/* Clouds seen as sets; models of the tables of networks, and their losses. */
#ifndef SET_VIEWS_H
#define SET_VIEWS_H

#include <stdlib.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/particles.h"
#include "net/integrator.h"
#include "net/loss.h"
#include "net/network.h"

/* The cloud's arrays as a set in model units: to be forgotten, not freed. */
static inline esp_set set_of_cloud(const esp_cloud *cloud) {
  static const esp_column column[] = {{.name = "m", .role = ESP_SENT, .width = 1},
                                      {.name = "x", .role = ESP_INPUT, .width = 3},
                                      {.name = "v", .role = ESP_INPUT, .width = 3},
                                      {.name = "D", .role = ESP_TARGET, .width = 3, .optional = 1},
                                      {.name = "K", .role = ESP_TARGET, .width = 3, .optional = 1},
                                      {.name = NULL}};
  static const esp_number number[] = {{.name = NULL}};
  static const esp_layout layout = {.column = column, .number = number, .units = ""};
  esp_set set = {.n = cloud->n, .n_home = cloud->n_home, .layout = &layout, .id = cloud->id, .ready = 1};
  double *const value[] = {cloud->m, (double *)cloud->x, (double *)cloud->v, (double *)cloud->D, (double *)cloud->K};
  for (int k = 0; k < 5; k++) {
    set.value[k] = value[k];
    set.width[k] = value[k] ? column[k].width : 0;
  }
  set.space = (esp_space){.dim = cloud->dim, .softening = cloud->eps};
  for (int a = 0; a < 3; a++) set.space.period[a] = cloud->box[a];
  return set;
}

/* ---- models ---- */

static inline int integrator_model(const esp_integrator_param *param, esp_model *model) {
  const esp_sizes sizes = {.width = {[ESP_INPUT] = 6, [ESP_SENT] = 1, [ESP_TARGET] = 6}};
  return esp_model_create(&esp_network_integrator, param, &sizes, model);
}

/* The widths of a set's roles. */
static inline esp_sizes sizes_of(const esp_set *set) {
  esp_sizes sizes = {0};
  for (int role = 0; role < ESP_ROLES; role++) sizes.width[role] = esp_set_role_width(set, (esp_role)role);
  return sizes;
}

/* The parameters of a group ("layer0.key.E"); NULL: it has none such. */
static inline double *model_group(const esp_model *model, const char *name) {
  for (int e = 0; e < model->block.entries; e++)
    if (!strcmp(model->block.entry[e].name, name)) return model->block.value + model->block.entry[e].offset;
  return NULL;
}

/* What an integrator predicts, D, K [n_home][3]; cost, unless NULL, is added to. */
static inline int predict_cloud(const esp_model *model, const esp_backend *backend, const esp_cloud *cloud,
                                double (*D)[3], double (*K)[3], esp_cost *cost) {
  const esp_set set = set_of_cloud(cloud);
  const size_t n = (size_t)cloud->n_home;
  double *y = malloc((6 * n + 1) * sizeof *y);
  const int rc = esp_model_predict(model, backend, &set, NULL, y, cost);
  for (size_t i = 0; i < 3 * n && !rc; i++) {
    D[i / 3][i % 3] = y[i / 3 * 6 + i % 3];
    K[i / 3][i % 3] = y[i / 3 * 6 + 3 + i % 3];
  }
  free(y);
  return rc;
}

/* The loss of a prediction, all its parts with their weights, and what the network adds in a training; and, unless gradient is NULL (then layers may be visited), its
 * gradient [block.count]. y [n_home][targets], cost: as forward gives them. Collective over the backend's ranks. */
static inline int model_loss(const esp_model *model, const esp_backend *backend, const esp_loss *loss,
                             const void *loss_param, const esp_set *set, const esp_visit *visit, double *y,
                             esp_cost *cost, double *value, double *gradient) {
  const esp_network *network = model->network;
  const size_t sums = (size_t)esp_model_sums(model), bytes = sums * ESP_EXACT_FULL_WORDS * sizeof(int64_t);
  const esp_device *device = backend->device;
  const size_t count = (size_t)set->n_home * (size_t)model->sizes.width[ESP_TARGET];
  const int adds = model->draw && network->adds && network->adds(model), keeps = adds || gradient;
  double *there = NULL, *dy = NULL; /* in the device's memory */
  double part[ESP_LOSS_PARTS] = {0}, added = 0, weight[ESP_LOSS_PARTS] = {1, 1};
  int64_t *words = malloc(bytes + 1), *acc = NULL; /* in the memories of host and device */
  esp_pass *pass = NULL;
  esp_gradient gradient_of;
  int rc;
  if (loss->weights) loss->weights(loss_param, weight);
  ESP_TRY(ESP_THERE(device, there, count));
  ESP_TRY(ESP_THERE(device, dy, count));
  ESP_TRY(network->forward(model, backend, set, keeps ? NULL : visit, there, cost, keeps ? &pass : NULL));
  ESP_TRY(esp_device_get(device, count, there, y));
  ESP_TRY(loss->value(loss_param, backend, set, there, 1, dy, part));
  if (adds) ESP_TRY(network->add(model, backend, set, pass, 1, &added));
  *value = weight[0] * part[0] + weight[1] * part[1] + added;
  if (!gradient) goto done;
  ESP_TRY(ESP_THERE(device, acc, sums * ESP_EXACT_FULL_WORDS));
  gradient_of = (esp_gradient){.acc = acc};
  ESP_TRY(network->backward(model, backend, set, pass, dy, &gradient_of, cost));
  ESP_TRY(esp_device_sum(device, backend->comm, acc, sums));
  ESP_TRY(device->get(words, acc, bytes));
  esp_model_map(model, words, gradient);
done:
  network->pass_free(&pass);
  ESP_THERE_FREE(device, acc);
  ESP_THERE_FREE(device, there);
  ESP_THERE_FREE(device, dy);
  free(words);
  return rc;
}

#endif

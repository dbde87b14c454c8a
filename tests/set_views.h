/* Clouds and feature sets seen as sets of the tables of networks and losses; and those networks. */
#ifndef SET_VIEWS_H
#define SET_VIEWS_H

#include "base/feature_set.h"
#include "base/particles.h"
#include "net/network.h"

extern const esp_network esp_network_integrator, esp_network_stack;

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

/* The feature set's arrays as a set: to be forgotten, not freed. */
static inline esp_set set_of_features(const esp_feature_set *s) {
  static const esp_column column[] = {{.name = "x", .role = ESP_INPUT},
                                      {.name = "v", .role = ESP_SENT},
                                      {.name = "y", .role = ESP_TARGET, .optional = 1},
                                      {.name = "weight", .role = ESP_WEIGHT, .width = 1, .optional = 1},
                                      {.name = "z", .role = ESP_HIDDEN, .optional = 1},
                                      {.name = NULL}};
  static const esp_number number[] = {{.name = NULL}};
  static const esp_layout layout = {.column = column, .number = number, .units = ""};
  return (esp_set){.n = s->n,
                   .first = s->first,
                   .n_home = s->n_home,
                   .layout = &layout,
                   .id = s->id,
                   .width = {s->features, s->values, s->targets, s->weight != NULL, s->hidden},
                   .value = {s->x, s->v, s->y, s->weight, s->z},
                   .ready = 1};
}

#endif

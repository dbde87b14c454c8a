/* Before training: what the data decide about the network of moving bodies. */
#ifndef ESP_GRAVITY_BEGIN_H
#define ESP_GRAVITY_BEGIN_H

#include "net/network.h"

/* esp_task's begin. If the opening angle is budgeted (tree_pairs_per_particle > 0): one tree is built where the bodies of
 * the set are at the start, the angle that it chose becomes the model's theta for good, and the budget 0: training and
 * prediction use a fixed angle. model: an integrator. Collective over backend->comm, whose ranks share the set. */
int esp_gravity_begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first);

#endif

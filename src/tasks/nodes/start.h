/* Inside src/tasks/nodes: where a training begins. */
#ifndef ESP_NODES_START_H
#define ESP_NODES_START_H

#include "tasks/nodes/data.h"

/* As a task's row has it (tasks/task.h): keys and width of the gate of a network that has one, by gate regression or what
 * key net_embedding_by says in its place (net/gate_regression.h). */
int esp_nodes_start(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first);

#endif

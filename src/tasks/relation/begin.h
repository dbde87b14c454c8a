/* Before training: what the data decide about a network of learned relations. */
#ifndef ESP_RELATION_BEGIN_H
#define ESP_RELATION_BEGIN_H

#include "net/network.h"

/* esp_task's begin: the control that has its trees on hidden coordinates is told of their halves. model: a stack. Local. */
int esp_relation_begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first);

#endif

/* Columns of the sets of task relation, for short. */
#ifndef FEATURE_COLUMNS_H
#define FEATURE_COLUMNS_H

#include "tasks/relation/relation_start.h"

enum { X = ESP_FEATURE_X, V = ESP_FEATURE_V, Y = ESP_FEATURE_Y, W = ESP_FEATURE_WEIGHT, Z = ESP_FEATURE_Z };

#endif

/* The multipole method (fmm/fmm.h) among the layers of networks: its cost in their terms. */
#ifndef ESP_MULTIPOLE_H
#define ESP_MULTIPOLE_H

#include "fmm/fmm.h"
#include "net/cost.h"

/* Adds a pass, as one layer: its tree is the split, moments and estimates are the essential part, the walk makes the lists,
 * the rest is forward. Which bodies moved is not known. Local. */
void esp_multipole_count(const esp_fmm_cost *pass, esp_cost *cost);

#endif

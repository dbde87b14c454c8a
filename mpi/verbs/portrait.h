/* What one prediction cost each rank: halo, messages, pairs, time by stage. */
#ifndef ESP_PORTRAIT_H
#define ESP_PORTRAIT_H

#include "net/cost.h"
#include "verbs/run.h"

/* ranks.csv; imbalance, halo and bytes into run->json. cost: of one prediction. shared 0: the set lay whole on one rank, the
 * others have nothing to tell. Collective over run->comm. */
int esp_portrait_write(const esp_cost *cost, int shared, const esp_run *run);

#endif

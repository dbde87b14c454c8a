/* What tasks of learned relations show alike: the network over all pairs, and how many of those who belong together are among the
 * near pairs of the first layer. */
#ifndef ESP_TASKS_LEARNED_H
#define ESP_TASKS_LEARNED_H

#include "net/device.h"
#include "tasks/showing.h"

/* As `vary` of a method: no far cells, no budget. */
int esp_learned_all_pairs(void *network_param, const esp_set *set, int64_t pairs, int *use);

/* As `begin` and `end` of a row of esp_watching. truth: of layer 0; its arrays are taken over. rc: of making it; that of all
 * ranks is returned. Collective over backend->comm. */
int esp_recall_watch(int rc, const esp_truth *truth, const esp_backend *backend, const esp_set *set, esp_visit *visit,
                     double **value);
void esp_recall_unwatch(esp_visit *visit);

#endif

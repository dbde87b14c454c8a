/* The task `relation`: what a particle hears of all others, by a law that is known to whoever made the data (relation_start.h)
 * or, with data_law file, to nobody. upstream has 4 features and 2 hidden coordinates whatever the keys say, and always
 * averages. Every set is a draw of its own; all share the hidden map of run_seed. With data_truth_sample k > 0 targets are
 * those of k particles of a set alone, drawn by id; the sets then have weights, 0 for all others. */
#ifndef ESP_RELATION_TASK_H
#define ESP_RELATION_TASK_H

#include "tasks/relation/relation_start.h"
#include "tasks/task.h"

extern const esp_task esp_task_relation;

typedef struct {
  esp_relation_start made; /* as the keys say; kind ESP_RELATION_KINDS: none that is known here (file) */
  int own;                 /* data_file is given: nothing is made */
} esp_relation_data;

/* Inside this folder, as the row's members of these names (tasks/task.h). */
int esp_relation_plan(const void *param, esp_plan *plan);
int esp_relation_make_set(void *param, const esp_backend *backend, const esp_item *item, esp_maker *to);

#endif

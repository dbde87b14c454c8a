/* The verbs of a learned relation (data_task other than G and M): what esp_verb_X does with feature sets. Each is
 * collective and adds its results to run->json.
 *
 *   generate   data.h5, a feature file
 *   evaluate   relation_ladder.csv, pairs.csv, space.csv, cells.csv, ranks.csv */
#ifndef ESP_RELATION_VERBS_H
#define ESP_RELATION_VERBS_H

#include "verbs/run.h"

int esp_relation_generate(esp_run *run);
int esp_relation_evaluate(esp_run *run);

#endif

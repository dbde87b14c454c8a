/* The verbs of a learned relation (data_task other than G and M): what esp_verb_X does with feature sets. Each is
 * collective and adds its results to run->json.
 *
 *   generate   data.h5, a feature file
 *   train      checkpoint.h5, metrics.csv (with the recall of test set 0 every eval_recall_every steps)
 *   evaluate   relation_ladder.csv, pairs.csv, space.csv, cells.csv, ranks.csv
 *   predict    prediction.h5: test set eval_set of the data as a feature file, its targets replaced by predictions
 *   partition  partition.csv: the largest test set, cut where it lies in the learned space of layer 0 */
#ifndef ESP_RELATION_VERBS_H
#define ESP_RELATION_VERBS_H

#include "verbs/run.h"

int esp_relation_generate(esp_run *run);
int esp_relation_train(esp_run *run);
int esp_relation_evaluate(esp_run *run);
int esp_relation_predict(esp_run *run);
int esp_relation_partition(esp_run *run);

#endif

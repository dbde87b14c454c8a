/* To which run the files of a folder belong. A training that does not continue another begins a run, which gets an id; the
 * checkpoint has it as an attribute, config.yaml in its first line, and metrics.csv is known by the loss at the checkpoint's
 * step. Files of before there were ids, and those that are not there, are taken as they come. */
#ifndef ESP_RUN_ID_H
#define ESP_RUN_ID_H

#include "io/checkpoint.h"
#include "verbs/run.h"

/* That of config.yaml; "" if there is none. Local: rank 0's. */
void esp_run_id_read(const esp_run *run, char id[ESP_RUN_ID]);
/* Does the checkpoint at `path`, which says `from` of itself, belong to config.yaml of the run `id` and to metrics.csv?
 * ESP_ERR_CONFIG naming what does not, and what can be done. Local: rank 0's. */
int esp_run_id_match(const esp_run *run, const char *id, const char *path, const esp_checkpoint_origin *from);
/* The same of run->dir/checkpoint.h5 and run->id. Collective. */
int esp_run_id_check(const esp_run *run);

#endif

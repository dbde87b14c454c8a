/* Key data_export: the test sets of a data file for other programs (io/ugrid.h). */
#ifndef ESP_EXPORT_H
#define ESP_EXPORT_H

#include "verbs/run.h"

/* Can what the keys ask for be written? ESP_ERR_CONFIG naming the key. Local, the same on every rank. */
int esp_export_check(const esp_run *run);
/* Every test set of the data file `data`; nothing where the key is empty. Collective. */
int esp_export(const esp_run *run, const char *data);

#endif

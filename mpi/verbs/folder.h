/* The folder of a run: made, with one job in it at a time, and the configuration of its last verb. */
#ifndef ESP_FOLDER_H
#define ESP_FOLDER_H

#include "verbs/lock.h"
#include "verbs/run.h"

typedef struct {
  esp_lock lock; /* rank 0's */
} esp_folder;

/* Makes run->dir, takes its lock and writes config.yaml. A report is of files that are there, and shows the configuration
 * they were made with: the folder must be a run's. Leave it, also after a failure of what is done there; not after one of
 * this. Collective. */
int esp_folder_enter(const esp_run *run, int report, esp_folder *folder);
/* Local. */
void esp_folder_leave(esp_folder *folder);

#endif

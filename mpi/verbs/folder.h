/* The folder of a run: made, with one job in it at a time, the files of one run, and the configuration of its last verb. */
#ifndef ESP_FOLDER_H
#define ESP_FOLDER_H

#include "verbs/earlier.h"
#include "verbs/lock.h"
#include "verbs/run.h"

typedef struct {
  esp_lock lock; /* both are rank 0's */
  esp_earlier earlier;
} esp_folder;

typedef enum {
  ESP_FOLDER_REPORTS, /* of the files that are there, with the configuration they were made with: it must be a run's */
  ESP_FOLDER_USES,
  ESP_FOLDER_TRAINS
} esp_folder_use;

/* Makes run->dir, takes its lock, finds run->id and writes config.yaml. A training that does not continue what is there puts
 * that away (earlier.h) and begins a run; one that does must find files of one run (run_id.h). Leave it, also after a
 * failure of what is done there; not after one of this. Collective. */
int esp_folder_enter(esp_run *run, esp_folder_use use, esp_folder *folder);
/* rc: of what was done there; what was put away for nothing is put back. Local. */
void esp_folder_leave(const esp_run *run, int rc, esp_folder *folder);

#endif

/* The folder of a run: made, with one job in it at a time, the files of one run, and the configurations they were made with:
 * config.yaml of its training, config-VERB.yaml of what any other verb did last. */
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
  ESP_FOLDER_MAKES, /* data: results of others go out of the way (earlier.h) */
  ESP_FOLDER_TRAINS
} esp_folder_use;

/* Names of all configurations that a run's folder may hold; NULL behind the last. */
extern const char *const esp_folder_configs[];

/* For a report: data_task is that of the configuration in run->dir, where no input and no key says it; one that says another is
 * refused, as the files would be told in the words of a task that they are not of. Collective. */
int esp_folder_task(esp_run *run);

/* Makes run->dir, takes its lock, finds run->id. A training writes config.yaml; if it does not continue what is there, it
 * puts that away (earlier.h) and begins a run; one that does must find files of one run (run_id.h), and puts the results
 * away. Leave it, also after a failure of what is done there; not after one of this. Collective. */
int esp_folder_enter(esp_run *run, esp_folder_use use, esp_folder *folder);
/* What was put away for nothing is put back. Local. */
void esp_folder_leave(const esp_run *run, esp_folder *folder);
/* The configuration of a verb that begins, as config-VERB.yaml; nothing where `use` has none of its own. Local: rank 0's. */
int esp_folder_keep_config(const esp_run *run, esp_folder_use use, const char *verb);

#endif

/* Inside mpi/io: states of items that are being made (esp_kept), each in a file beside the set file to come. What stands in
 * them goes on bit for bit on any number of ranks; a state of other keys than the run's is as none. Collective over comm, the
 * item's, which may be one rank. */
#ifndef ESP_KEEP_H
#define ESP_KEEP_H

#include "base/config.h"
#include "tasks/task.h"

typedef struct {
  const char *path; /* of the set file; borrowed */
  uint64_t keys;    /* hash of what the data depend on */
  esp_part part;
  int64_t number; /* the item's in its part */
} esp_keep;

/* Hash of data_* (but data_file), run_seed and run_keep, as the configuration has them, and of the task's name. Local. */
uint64_t esp_keep_keys(const esp_config *config, const esp_task *task);
/* ESP_ERR_FILE: no space; as esp_file. */
int esp_keep_write(const esp_comm *comm, const esp_keep *keep, int64_t at, const esp_kept *kept);
/* ESP_ERR_FORMAT for a file of other rows or numbers than kept has. */
int esp_keep_read(const esp_comm *comm, const esp_keep *keep, int64_t at, esp_kept *kept, int *found);
/* Every state of the item, from 0 on to the first that is missing. Local: of one rank. */
void esp_keep_remove(const esp_keep *keep);

#endif

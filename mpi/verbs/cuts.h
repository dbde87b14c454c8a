/* The table of `partition`: a row a number of ranks and a way to cut, on the screen, in partition.csv and in the JSON
 * object. Whatever is cut, its columns are the same. */
#ifndef ESP_CUTS_H
#define ESP_CUTS_H

#include "domain/partition.h"
#include "verbs/run.h"

typedef struct {
  esp_run *run;
  int width;     /* of the longest name of a cut, on the screen */
  esp_lines csv; /* rank 0 */
  cJSON *rows;   /* "cuts" of the run's object */
} esp_cuts;

/* The numbers of partition_ranks. ESP_ERR_CONFIG for a number out of range, or too many of them. Local. */
int esp_cuts_ranks(const esp_run *run, int64_t ranks[ESP_LIST], int *count);
/* Heads the table, calls `one` for each number of partition_ranks, and writes partition.csv. Free with esp_cuts_free, also
 * after a failure. Collective. Errors: those of esp_cuts_ranks. */
int esp_cuts_each(esp_run *run, int width, int (*one)(void *context, esp_cuts *cuts, int ranks), void *context,
                  esp_cuts *cuts);
/* One row. moved_share: of particles that receive on another rank than they send from; below 0: not told. Local. */
void esp_cuts_add(esp_cuts *cuts, int ranks, const char *name, const esp_partition_cost *cost, double moved_share,
                  double seconds);
void esp_cuts_free(esp_cuts *cuts);

#endif

/* CSV files of a run: a header, then the lines of all ranks in rank order. */
#ifndef ESP_CSV_OUT_H
#define ESP_CSV_OUT_H

#include "base/lines.h"
#include "verbs/run.h"

/* run->dir/name with header and all ranks' lines, written beside and renamed by rank 0. Collective; agrees; lines are
 * freed. */
int esp_run_lines(const esp_run *run, const char *name, const char *header, esp_lines *lines);
/* Rank 0 takes away an older run's file that this one does not write, so that no report shows it. Local. */
void esp_run_forget(const esp_run *run, const char *name);

#endif

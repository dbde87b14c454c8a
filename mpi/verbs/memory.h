/* The largest memory of a verb, by what it was for (base/base.h), into its results and the report. */
#ifndef ESP_VERBS_MEMORY_H
#define ESP_VERBS_MEMORY_H

#include "verbs/run.h"

/* The most bytes that this process has had of the machine's memory. Local. */
int64_t esp_memory_resident(void);
/* Into run->json, of the fullest rank each: memory_bytes_rank, the most that was held at a time; memory_peak, what of it was
 * for what; resident_bytes_rank, with libraries and their buffers, as the system counts it; resident_start_bytes_rank, the same
 * when the program had just begun. *most: the first, or NULL. Collective. */
int esp_memory_results(const esp_run *run, double *most);
/* The same of every rank, in MiB: memory.csv. Collective. */
int esp_memory_write(const esp_run *run);

#endif

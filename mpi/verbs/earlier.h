/* What an earlier training, or earlier data, have left in a run's folder, out of the way of new ones. Local: rank 0's. */
#ifndef ESP_EARLIER_H
#define ESP_EARLIER_H

#include "verbs/run.h"

typedef struct {
  char folder[4096]; /* "": nothing was put away */
  int most;          /* what was */
  uint64_t made;     /* data and checkpoint, or journal, that stood there then */
} esp_earlier;

/* Results (of evaluation, prediction, partition, report) that are in run->dir, and with `training` checkpoint, journal and
 * configuration, too, move to run->dir/earlier-K, K = 1, 2, ... the first that is free, the checkpoint first of all; said in
 * one line. The data stay. ESP_ERR_FILE. */
int esp_earlier_put_away(const esp_run *run, int training, esp_earlier *earlier);
/* Back again, if since then no data and no checkpoint (in a training that begins: no step) were made: after a failure, or where there was nothing to do. */
void esp_earlier_put_back(const esp_run *run, const esp_earlier *earlier);

#endif

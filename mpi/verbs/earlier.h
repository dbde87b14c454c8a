/* What an earlier training has left in a run's folder, out of the way of a new one. Local: rank 0's. */
#ifndef ESP_EARLIER_H
#define ESP_EARLIER_H

#include "verbs/run.h"

typedef struct {
  char folder[4096]; /* "": nothing was put away */
  uint64_t data;     /* what data.h5 was then */
} esp_earlier;

/* Where there is a checkpoint, a journal or a ladder in run->dir, all that belongs to it (not the data) moves to
 * run->dir/earlier-K, K = 1, 2, ... the first that is free, the checkpoint first of all; said in one line. ESP_ERR_FILE. */
int esp_earlier_put_away(const esp_run *run, esp_earlier *earlier);
/* After a failure: back again, if no step of a new training was made and no new data are there. */
void esp_earlier_put_back(const esp_run *run, const esp_earlier *earlier);

#endif

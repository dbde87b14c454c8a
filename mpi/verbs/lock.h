/* One job at a time writes in a run's folder. It holds run.lock, which tells its host, its process and when that started;
 * of a job that was killed it stays behind, and is taken over by the next one that finds the process gone. Local: rank 0's. */
#ifndef ESP_LOCK_H
#define ESP_LOCK_H

#include "base/passing.h"

typedef struct {
  char path[ESP_PATH]; /* "": none is held */
  int place;           /* in the list of passing files */
} esp_lock;

/* dir/run.lock; drafts that ended jobs have left in dir are removed. ESP_ERR_FILE naming the holder and what can be done:
 * one that works there, or on another host or in another container, of which nobody here can know whether it does. */
int esp_lock_take(const char *dir, esp_lock *lock);
/* None is fine. */
void esp_lock_drop(esp_lock *lock);

#endif

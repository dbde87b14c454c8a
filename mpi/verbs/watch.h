/* The number that a task watches while its network learns (showing->watching), found on test set 0. */
#ifndef ESP_WATCH_H
#define ESP_WATCH_H

#include "verbs/data.h"

typedef struct {
  const esp_showing *showing; /* NULL: nothing is watched */
  void *param;                /* showing's */
  esp_backend backend;        /* over all ranks */
  esp_set test;
  esp_visit visit;
  double *value, *y;    /* value: what was found last, NAN: not known */
  int64_t every;        /* steps */
  double first, latest; /* NAN: not known */
} esp_watch;

/* Every eval_recall_every steps; nothing where that is 0, the task watches nothing, or there is no test set. Free with
 * esp_watch_free, also after a failure. Collective. */
int esp_watch_create(const esp_data *data, const esp_device *device, int targets, esp_watch *watch);
void esp_watch_free(esp_watch *watch);
/* Finds it anew. A number that is not known the first time is not looked for again: showing is then NULL. Collective. */
int esp_watch_find(esp_watch *watch, const esp_model *model);

#endif

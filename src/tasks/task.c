#include "tasks/task.h"

#include <string.h>

const esp_task *esp_task_find(const char *name) {
  for (int k = 0; esp_tasks[k]; k++)
    if (!strcmp(esp_tasks[k]->name, name)) return esp_tasks[k];
  return NULL;
}

const esp_task *esp_task_of_file(const char *word) {
  for (int k = 0; esp_tasks[k]; k++) {
    const esp_word *old = esp_tasks[k]->words;
    if (!strcmp(esp_tasks[k]->name, word)) return esp_tasks[k];
    for (; old && old->key; old++)
      if (!strcmp(old->key, "data_task") && !strcmp(old->old, word)) return esp_tasks[k];
  }
  return NULL;
}

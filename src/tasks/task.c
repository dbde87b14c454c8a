#include "tasks/task.h"

#include <string.h>

const esp_task *esp_task_find(const char *name) {
  for (int k = 0; esp_tasks[k]; k++)
    if (!strcmp(esp_tasks[k]->name, name)) return esp_tasks[k];
  return NULL;
}

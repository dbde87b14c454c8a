#include "tasks/task.h"

#include <stdio.h>
#include <string.h>

const esp_task *esp_task_find(const char *name) {
  for (int k = 0; esp_tasks[k]; k++)
    if (!strcmp(esp_tasks[k]->name, name)) return esp_tasks[k];
  return NULL;
}

typedef int work(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first);

static int on_first(work *what, const void *param, const esp_comm *comm, const esp_backend *backend,
                    const esp_sets *sets, esp_model *model) {
  const esp_set *first = NULL;
  if (!what) return ESP_OK;
  ESP_AGREE(comm, sets->get(sets->context, 0, &first));
  int rc = what(param, backend, model, first);
  if (sets->put) sets->put(sets->context, 0, first);
  return comm->agree(comm, rc);
}

int esp_task_begin(const esp_task *task, const void *param, const esp_comm *comm, const esp_backend *backend,
                   const esp_sets *sets, esp_model *model) {
  return on_first(task->begin, param, comm, backend, sets, model);
}

int esp_task_start(const esp_task *task, const void *param, const esp_comm *comm, const esp_backend *backend,
                   const esp_sets *sets, esp_model *model) {
  return on_first(task->start, param, comm, backend, sets, model);
}

static int takes(const esp_task *task, int cut) {
  return cut ? task->making->places != NULL : task->making->adopt != NULL;
}

int esp_task_check_input(const esp_task *task, int cut) {
  char takers[256] = "";
  size_t used = 0;
  if (takes(task, cut)) return ESP_OK;
  for (int k = 0; esp_tasks[k] && used < sizeof takers; k++)
    if (takes(esp_tasks[k], cut))
      used += (size_t)snprintf(takers + used, sizeof takers - used, "%s%s", used ? ", " : "", esp_tasks[k]->name);
  return ESP_FAIL(ESP_ERR_CONFIG, "input with data_task %s: it takes no other code's particles; those that do: %s",
                  task->name, takers);
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

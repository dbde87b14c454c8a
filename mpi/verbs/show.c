#include "verbs/show.h"

#include <stdio.h>
#include <string.h>

#include "tasks/task.h"

static int find(const esp_shown *shown, const char *file) {
  int k = 0;
  while (k < shown->files && strcmp(shown->file[k].name, file)) k++;
  return k;
}

static esp_lines *lines(esp_show *show, const char *file, const char *header) {
  esp_shown *shown = (esp_shown *)show;
  const int k = find(shown, file);
  if (k < shown->files) return &shown->lines[k];
  esp_shown_file *made = &shown->file[k];
  if (k == ESP_SHOW_FILES || strlen(file) >= sizeof made->name || strlen(header) >= sizeof made->header) {
    esp_lines *beyond = &shown->lines[ESP_SHOW_FILES];
    if (!beyond->rc)
      beyond->rc =
          ESP_FAIL(ESP_ERR_LIMIT, "%s: at most %d files are shown, names below %zu characters, headers below %zu", file,
                   ESP_SHOW_FILES, sizeof made->name, sizeof made->header);
    return beyond;
  }
  snprintf(made->name, sizeof made->name, "%s", file);
  snprintf(made->header, sizeof made->header, "%s", header);
  shown->files++;
  return &shown->lines[k];
}

static void number(esp_show *show, const char *key, double value) {
  const esp_run *run = ((esp_shown *)show)->run;
  cJSON_AddNumberToObject(run->json, key, value);
  esp_run_say(run, "%s: %.4f\n", key, value);
}

void esp_shown_begin(esp_run *run, esp_shown *shown) {
  *shown = (esp_shown){.run = run};
  shown->show = (esp_show){.ranks = run->comm->size, .rank = run->comm->rank, .lines = lines, .number = number};
}

void esp_shown_free(esp_shown *shown) {
  for (int k = 0; k <= ESP_SHOW_FILES; k++) esp_lines_free(&shown->lines[k]);
  ESP_FREE(shown->show.kept);
}

int esp_shown_rc(const esp_shown *shown) {
  for (int k = 0; k <= ESP_SHOW_FILES; k++)
    if (shown->lines[k].rc) return shown->lines[k].rc;
  return ESP_OK;
}

/* What an older run, maybe of another task, drew its pictures from. */
static void forget_older(const esp_run *run) {
  for (int k = 0; esp_tasks[k]; k++)
    for (const esp_picture *p = esp_tasks[k]->showing->picture; p && p->name; p++) esp_run_forget(run, p->needs);
}

int esp_shown_write(esp_shown *shown) {
  const esp_comm *comm = shown->run->comm;
  struct {
    int files;
    esp_shown_file file[ESP_SHOW_FILES];
  } of0 = {.files = shown->files};
  memcpy(of0.file, shown->file, sizeof of0.file);
  forget_older(shown->run);
  ESP_CALL(comm->broadcast(comm, &of0, sizeof of0, 0));
  for (int f = 0; f < of0.files; f++) {
    const int k = find(shown, of0.file[f].name);
    esp_lines none = {0};
    ESP_CALL(
        esp_run_lines(shown->run, of0.file[f].name, of0.file[f].header, k < shown->files ? &shown->lines[k] : &none));
  }
  return ESP_OK;
}

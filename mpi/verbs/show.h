/* The files and numbers that a task shows of its own (esp_show), kept until all ranks write them together. */
#ifndef ESP_SHOW_H
#define ESP_SHOW_H

#include "tasks/showing.h"
#include "verbs/run.h"

typedef struct {
  char name[64], header[256];
} esp_shown_file;

typedef struct {
  esp_show show; /* first: what the task is given */
  esp_run *run;
  int files;
  esp_shown_file file[ESP_SHOW_FILES];
  esp_lines lines[ESP_SHOW_FILES + 1]; /* the last: of files beyond */
} esp_shown;

/* Local. Free with esp_shown_free, also after a failure. */
void esp_shown_begin(esp_run *run, esp_shown *shown);
void esp_shown_free(esp_shown *shown);
/* The first failure of its lines. Local. */
int esp_shown_rc(const esp_shown *shown);
/* All files, and no other that a task's picture is drawn from stays in the run's folder: those that rank 0 knows; the other ranks may have lines of them. Collective over run->comm. */
int esp_shown_write(esp_shown *shown);

#endif

/* Text that grows on every rank and ends in one CSV file: header, then the ranks' lines in rank order. */
#ifndef ESP_CSV_OUT_H
#define ESP_CSV_OUT_H

#include "verbs/run.h"

typedef struct {
  char *text;
  size_t length, capacity;
  int rc; /* the first failure; later prints do nothing */
} esp_lines;

/* Append, printf-like. Local; a failure is kept in lines->rc. */
void esp_lines_add(esp_lines *lines, const char *format, ...) __attribute__((format(printf, 2, 3)));
void esp_lines_free(esp_lines *lines);
/* run->dir/name with header and all ranks' lines, written beside and renamed by rank 0. Collective; agrees; lines are
 * freed. */
int esp_lines_write(const esp_run *run, const char *name, const char *header, esp_lines *lines);
/* Rank 0 takes away an older run's file that this one does not write, so that no report shows it. Local. */
void esp_lines_forget(const esp_run *run, const char *name);

#endif

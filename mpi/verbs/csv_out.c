#include "verbs/csv_out.h"

#include <stdio.h>

int esp_run_lines(const esp_run *run, const char *name, const char *header, esp_lines *lines) {
  const esp_comm *comm = run->comm;
  char path[4096];
  void *all = NULL;
  size_t *start = NULL;
  int rc = lines->rc;
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, lines->text, lines->length, &all, start));
  rc = esp_run_path(run, name, path, sizeof path);
  if (!rc && !comm->rank) rc = esp_lines_write(path, header, all, start[comm->size]);
  ESP_TRY(comm->agree(comm, rc));
done:
  ESP_FREE(all);
  ESP_FREE(start);
  esp_lines_free(lines);
  return rc;
}

void esp_run_forget(const esp_run *run, const char *name) {
  char path[4096];
  if (run->comm->rank == 0 && !esp_run_path(run, name, path, sizeof path)) remove(path);
}

#include "verbs/csv_out.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void esp_lines_add(esp_lines *lines, const char *format, ...) {
  char line[1024];
  va_list list;
  va_start(list, format);
  int length = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  if (lines->rc) return;
  if (length < 0 || (size_t)length >= sizeof line) {
    lines->rc = ESP_FAIL(ESP_ERR_LIMIT, "a line of output is longer than %zu characters", sizeof line - 1);
    return;
  }
  lines->rc = ESP_GROW(lines->text, lines->capacity, lines->length + (size_t)length);
  if (lines->rc) return;
  memcpy(lines->text + lines->length, line, (size_t)length);
  lines->length += (size_t)length;
}

void esp_lines_free(esp_lines *lines) {
  ESP_FREE(lines->text);
  lines->length = lines->capacity = 0;
}

static int write_file(const esp_run *run, const char *name, const char *header, const char *text, size_t length) {
  char path[4096], part[4112];
  ESP_CALL(esp_run_path(run, name, path, sizeof path));
  snprintf(part, sizeof part, "%s.part", path);
  FILE *file = fopen(part, "w");
  ESP_CHECK(file, ESP_ERR_FILE, "%s: cannot be written: %s", part, strerror(errno));
  int bad = fprintf(file, "%s\n", header) < 0 || fwrite(text, 1, length, file) != length;
  bad |= fclose(file) != 0;
  if (bad || rename(part, path)) {
    int error = errno;
    remove(part);
    return ESP_FAIL(ESP_ERR_FILE, "%s: cannot be written: %s", path, strerror(error));
  }
  return ESP_OK;
}

int esp_lines_write(const esp_run *run, const char *name, const char *header, esp_lines *lines) {
  const esp_comm *comm = run->comm;
  void *all = NULL;
  size_t *start = NULL;
  int rc = lines->rc;
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->gather_all(comm, lines->text, lines->length, &all, start));
  rc = comm->rank ? ESP_OK : write_file(run, name, header, all, start[comm->size]);
  ESP_TRY(comm->agree(comm, rc));
done:
  ESP_FREE(all);
  ESP_FREE(start);
  esp_lines_free(lines);
  return rc;
}

void esp_lines_forget(const esp_run *run, const char *name) {
  char path[4096];
  if (run->comm->rank == 0 && !esp_run_path(run, name, path, sizeof path)) remove(path);
}

#include "verbs/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int esp_run_path(const esp_run *run, const char *name, char *path, size_t size) {
  int length = name[0] == '/' ? snprintf(path, size, "%s", name) : snprintf(path, size, "%s/%s", run->dir, name);
  ESP_CHECK(length >= 0 && (size_t)length < size, ESP_ERR_LIMIT, "path of '%s' in '%s': longer than %zu characters",
            name, run->dir, size - 1);
  return ESP_OK;
}

/* A file named by a key is relative to where the program was started, a default one lies in the run's folder. */
static int named_or_default(const esp_run *run, const char *key, const char *file, char *path, size_t size) {
  const char *named = esp_config_string(run->config, key);
  if (!named[0]) return esp_run_path(run, file, path, size);
  int length = snprintf(path, size, "%s", named);
  ESP_CHECK(length >= 0 && (size_t)length < size, ESP_ERR_LIMIT, "%s: path longer than %zu characters", key, size - 1);
  return ESP_OK;
}

int esp_run_data(const esp_run *run, char *path, size_t size) {
  return named_or_default(run, "data_file", "data.h5", path, size);
}

int esp_run_checkpoint(const esp_run *run, char *path, size_t size) {
  return named_or_default(run, "eval_checkpoint", "checkpoint.h5", path, size);
}

void esp_run_say(const esp_run *run, const char *format, ...) {
  if (run->comm->rank) return;
  va_list list;
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  fflush(stdout);
}

void esp_run_say_notes(const esp_run *run, const char *verb, const char *file, const char *note) {
  cJSON *notes = note[0] ? cJSON_AddArrayToObject(run->json, "notes") : NULL;
  for (char line[1024]; *note; note += strcspn(note, "\n") + 1) {
    snprintf(line, sizeof line, "%.*s", (int)strcspn(note, "\n"), note);
    esp_run_say(run, "%s: %s: %s\n", verb, file, line);
    cJSON_AddItemToArray(notes, cJSON_CreateString(line));
  }
}

void esp_run_say_budget(const esp_run *run, const char *verb, double pairs, double allowed) {
  if (allowed > 0 && pairs > allowed)
    esp_run_say(
        run,
        "%s: %.1f near pairs a particle are more than tree_pairs_per_particle allows (%.0f, all layers together): "
        "no angle gives fewer; smaller leaves and blocks do\n",
        verb, pairs, allowed);
}

void esp_run_progress(const esp_run *run, const char *what, int64_t done, int64_t all, const char *note) {
  if (run->comm->rank || all <= 0) return;
  if (!run->terminal) {
    /* a line at the first, at every tenth, and at the last */
    if (done != 1 && done != all && done * 10 / all == (done - 1) * 10 / all) return;
    printf("%s %lld/%lld %s\n", what, (long long)done, (long long)all, note);
  } else {
    enum { WIDTH = 40 };
    char bar[WIDTH + 1];
    int full = (int)(done * WIDTH / all);
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)full);
    bar[WIDTH] = 0;
    printf("\r%s [%s] %lld/%lld %s%s", what, bar, (long long)done, (long long)all, note, done == all ? "\n" : "\x1b[K");
  }
  fflush(stdout);
}

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

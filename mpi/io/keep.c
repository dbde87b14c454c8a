#include "io/keep.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/set.h"
#include "io/file.h"

enum { PATH = 4096 };

static int name_file(const esp_keep *keep, int64_t at, char path[PATH]) {
  const int length = snprintf(path, PATH, "%s.kept-%s-%lld-%lld", keep->path, esp_part_name(keep->part),
                              (long long)keep->number, (long long)at);
  ESP_CHECK(length < PATH, ESP_ERR_FILE, "%s: the path is too long", keep->path);
  return ESP_OK;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text; text++) hash = esp_hash_mix(hash, (unsigned char)*text);
  return hash;
}

uint64_t esp_keep_keys(const esp_config *config, const esp_task *task) {
  uint64_t hash = hash_text(1, task->name);
  for (int k = 0; k < esp_config_keys(config); k++) {
    const char *name = esp_config_key(config, k)->name;
    if ((strncmp(name, "data_", 5) && strcmp(name, "run_seed") && strcmp(name, "run_keep")) ||
        !strcmp(name, "data_file"))
      continue;
    hash = hash_text(hash_text(hash, name), esp_config_text(config, name));
  }
  return hash;
}

int esp_keep_write(const esp_comm *comm, const esp_keep *keep, int64_t at, const esp_kept *kept) {
  char path[PATH];
  esp_file *file;
  int64_t first, count;
  esp_set_share(kept->n, comm->rank, comm->size, &first, &count);
  ESP_CALL(name_file(keep, at, path));
  ESP_CALL(esp_file_create_begin(comm, path, &file));
  int rc = esp_file_attr_write(file, "/", "keys", ESP_FILE_U64, 0, &keep->keys);
  if (!rc) rc = esp_file_attr_write(file, "/", "number", ESP_FILE_F64, kept->numbers, kept->number);
  if (!rc) rc = esp_file_write(file, "row", ESP_FILE_F64, kept->columns, kept->n, first, count, kept->row, 0);
  if (!rc) return esp_file_commit(&file);
  esp_file_abort(&file);
  return rc;
}

static int read_state(esp_file *file, const esp_comm *comm, const esp_keep *keep, esp_kept *kept, int *found) {
  uint64_t keys;
  int64_t first, count;
  esp_set_share(kept->n, comm->rank, comm->size, &first, &count);
  ESP_CALL(esp_file_attr_read(file, "/", "keys", ESP_FILE_U64, 1, &keys));
  *found = keys == keep->keys;
  if (!*found) return ESP_OK;
  ESP_CALL(esp_file_attr_read(file, "/", "number", ESP_FILE_F64, kept->numbers, kept->number));
  return esp_file_read(file, "row", ESP_FILE_F64, kept->columns, kept->n, first, count, kept->row);
}

int esp_keep_read(const esp_comm *comm, const esp_keep *keep, int64_t at, esp_kept *kept, int *found) {
  char path[PATH];
  esp_file *file;
  ESP_CALL(name_file(keep, at, path));
  *found = access(path, F_OK) == 0;
  ESP_CALL(comm->broadcast(comm, found, sizeof *found, 0));
  if (!*found) return ESP_OK;
  ESP_CALL(esp_file_open(comm, path, &file));
  int rc = read_state(file, comm, keep, kept, found);
  esp_file_close(&file);
  return rc;
}

void esp_keep_remove(const esp_keep *keep) {
  char path[PATH];
  for (int64_t at = 0; !name_file(keep, at, path) && unlink(path) == 0; at++)
    ;
}

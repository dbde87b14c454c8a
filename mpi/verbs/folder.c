#include "verbs/folder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"

static int make_folder(const char *path) {
  char part[4096];
  size_t length = strlen(path);
  ESP_CHECK(length > 0 && length < sizeof part, ESP_ERR_CONFIG, "run_out/run_name: '%s' is not a usable path", path);
  memcpy(part, path, length + 1);
  for (size_t i = 1; i <= length; i++) {
    if (part[i] != '/' && part[i] != 0) continue;
    char kept = part[i];
    part[i] = 0;
    ESP_CHECK(mkdir(part, 0777) == 0 || errno == EEXIST, ESP_ERR_FILE, "folder %s: cannot be made: %s", part,
              strerror(errno));
    part[i] = kept;
  }
  return ESP_OK;
}

static int keep_config(const esp_run *run) {
  char path[4096];
  esp_draft draft;
  ESP_CALL(esp_run_path(run, "config.yaml", path, sizeof path));
  ESP_CALL(esp_draft_begin(path, &draft));
  esp_config_print(run->config, draft.stream);
  esp_error_clear(); /* what could not be printed is told with its path */
  return esp_draft_keep(&draft, path);
}

static int look_for_config(const esp_run *run) {
  char path[4096];
  ESP_CALL(esp_run_path(run, "config.yaml", path, sizeof path));
  ESP_CHECK(access(path, R_OK) == 0, ESP_ERR_FILE, "%s: cannot be read: %s; report needs the folder of a run", path,
            strerror(errno));
  return ESP_OK;
}

static int enter(const esp_run *run, int report, esp_folder *folder) {
  ESP_CALL(report ? look_for_config(run) : make_folder(run->dir));
  ESP_CALL(esp_lock_take(run->dir, &folder->lock));
  return report ? ESP_OK : keep_config(run);
}

int esp_folder_enter(const esp_run *run, int report, esp_folder *folder) {
  *folder = (esp_folder){0};
  int rc = run->comm->agree(run->comm, run->comm->rank ? ESP_OK : enter(run, report, folder));
  if (rc) esp_folder_leave(folder);
  return rc;
}

void esp_folder_leave(esp_folder *folder) {
  esp_lock_drop(&folder->lock);
}

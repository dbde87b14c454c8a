#include "verbs/folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/input.h"
#include "verbs/run_id.h"

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

/* aside (NULL: not): what is there goes out of the way first, but not before this can be written. */
static int keep_config(const esp_run *run, const char *name, int begins, esp_earlier *aside) {
  char path[4096];
  esp_draft draft;
  ESP_CALL(esp_run_path(run, name, path, sizeof path));
  ESP_CALL(esp_draft_begin(path, &draft));
  if (aside) fprintf(draft.stream, "# run %s\n", run->id);
  esp_config_print(run->config, draft.stream);
  esp_error_clear(); /* what could not be printed is told with its path */
  int rc = aside && !fflush(draft.stream) ? esp_earlier_put_away(run, begins, aside) : ESP_OK;
  if (!rc) return esp_draft_keep(&draft, path);
  esp_draft_drop(&draft);
  return rc;
}

int esp_folder_keep_config(const esp_run *run, esp_folder_use use, const char *verb) {
  char name[64];
  if (use == ESP_FOLDER_REPORTS || use == ESP_FOLDER_TRAINS) return ESP_OK;
  snprintf(name, sizeof name, "config-%s.yaml", verb);
  return keep_config(run, name, 0, NULL);
}

const char *const esp_folder_configs[] = {"config.yaml",
                                          "config-generate.yaml",
                                          "config-evaluate.yaml",
                                          "config-predict.yaml",
                                          "config-partition.yaml",
                                          "config-graph.yaml",
                                          NULL};

static int look_for_config(const esp_run *run) {
  char path[4096];
  for (int k = 0; esp_folder_configs[k]; k++) {
    ESP_CALL(esp_run_path(run, esp_folder_configs[k], path, sizeof path));
    if (access(path, R_OK) == 0) return ESP_OK;
  }
  return ESP_FAIL(ESP_ERR_FILE, "%s: no config.yaml is there, nor that of a verb; report needs the folder of a run",
                  run->dir);
}

/* The data_task of the first configuration that is there, "" if none says it. Local. */
static void find_task(const esp_run *run, char task[64]) {
  char path[4096], line[8192];
  task[0] = 0;
  for (int k = 0; esp_folder_configs[k] && !task[0]; k++) {
    FILE *file;
    if (esp_run_path(run, esp_folder_configs[k], path, sizeof path) || esp_input_open(path, &file)) {
      esp_error_clear();
      continue;
    }
    while (!task[0] && esp_input_line(file, line, sizeof line))
      if (sscanf(line, "data_task: %63s", task) != 1) task[0] = 0;
    fclose(file);
  }
}

int esp_folder_task(esp_run *run) {
  char task[64] = "";
  if (!run->comm->rank) find_task(run, task);
  ESP_CALL(run->comm->broadcast(run->comm, task, sizeof task, 0));
  if (!task[0]) return ESP_OK;
  if (!esp_config_is_set(run->config, "data_task")) return esp_config_set(run->config, "data_task", task);
  const char *asked = esp_config_string(run->config, "data_task");
  ESP_CHECK(!strcmp(asked, task) || esp_config_is_word(run->config, "data_task", task), ESP_ERR_CONFIG,
            "data_task %s: the files in %s are of data_task %s; give report that run's own input, or -run_out and "
            "-run_name alone",
            asked, run->dir, task);
  return ESP_OK;
}

static int is_own(const esp_run *run, const char *restart) {
  char path[4096];
  struct stat own, other;
  return restart[0] && !esp_run_path(run, "checkpoint.h5", path, sizeof path) && !stat(path, &own) &&
         !stat(restart, &other) && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* A training from `restart` ("": from the start), which says `from` of itself: *begins, where it does not go on with what is
 * there. */
static int find_id(esp_run *run, const char *restart, const esp_checkpoint_origin *from, int *begins) {
  const int own = is_own(run, restart);
  if (own) ESP_CALL(esp_run_id_match(run, run->id, restart, from));
  *begins = !own && (!from->run[0] || strcmp(from->run, run->id) != 0);
  if (*begins || !run->id[0]) memcpy(run->id, from->run, sizeof run->id);
  if (!run->id[0]) snprintf(run->id, sizeof run->id, "%016" PRIx64, esp_unique());
  return ESP_OK;
}

static int enter(esp_run *run, esp_folder_use use, const char *restart, const esp_checkpoint_origin *from,
                 esp_folder *folder) {
  int begins = 0;
  ESP_CALL(use == ESP_FOLDER_REPORTS ? look_for_config(run) : make_folder(run->dir));
  ESP_CALL(esp_lock_take(run->dir, &folder->lock));
  esp_run_id_read(run, run->id);
  if (use == ESP_FOLDER_TRAINS) ESP_CALL(find_id(run, restart, from, &begins));
  if (use == ESP_FOLDER_MAKES) return esp_earlier_put_away(run, 0, &folder->earlier);
  return use == ESP_FOLDER_TRAINS ? keep_config(run, "config.yaml", begins, &folder->earlier) : ESP_OK;
}

int esp_folder_enter(esp_run *run, esp_folder_use use, esp_folder *folder) {
  const esp_comm *comm = run->comm;
  const char *restart = use == ESP_FOLDER_TRAINS ? esp_config_string(run->config, "train_restart") : "";
  esp_checkpoint_origin from = {.run = ""};
  *folder = (esp_folder){0};
  if (restart[0]) ESP_CALL(esp_checkpoint_origin_read(comm, restart, &from));
  int rc = comm->agree(comm, comm->rank ? ESP_OK : enter(run, use, restart, &from, folder));
  if (!rc) rc = comm->broadcast(comm, run->id, sizeof run->id, 0);
  if (rc) esp_folder_leave(run, folder);
  return rc;
}

void esp_folder_leave(const esp_run *run, esp_folder *folder) {
  esp_earlier_put_back(run, &folder->earlier);
  esp_lock_drop(&folder->lock);
}

#include "verbs/export.h"

#include <stdio.h>
#include <string.h>

#include "io/ugrid.h"
#include "tasks/task.h"
#include "verbs/setup.h"

static const char *name_of(const esp_run *run) {
  return esp_config_string(run->config, "data_export");
}

int esp_export_check(const esp_run *run) {
  const char *name = name_of(run);
  const esp_task *task = esp_setup_task(run);
  if (!name[0]) return ESP_OK;
  ESP_CHECK(task->making->outlines, ESP_ERR_CONFIG, "data_export %s: particles of task %s are no cells of a mesh", name,
            task->name);
  ESP_CHECK(esp_ugrid_built(), ESP_ERR_CONFIG,
            "data_export %s: built without NetCDF; install libnetcdf-mpi-dev, or what is parallel NetCDF here, and "
            "build again",
            name);
  return ESP_OK;
}

/* name.nc, or of several sets name-0.nc, name-1.nc ... */
static int path_of(const esp_run *run, int sets, int s, char *path, size_t size) {
  const char *name = name_of(run), *folder = strrchr(name, '/'), *suffix = strrchr(name, '.');
  char numbered[4096];
  if (!suffix || suffix == name || (folder && suffix <= folder + 1)) suffix = name + strlen(name);
  if (sets == 1) return esp_run_path(run, name, path, size);
  ESP_CHECK(
      snprintf(numbered, sizeof numbered, "%.*s-%d%s", (int)(suffix - name), name, s, suffix) < (int)sizeof numbered,
      ESP_ERR_LIMIT, "data_export %s: too long", name);
  return esp_run_path(run, numbered, path, size);
}

static int write_set(const esp_run *run, const esp_set_file *file, int s, cJSON *list) {
  const esp_device *device;
  esp_set set = {0};
  esp_outlines all = {0};
  char path[4096];
  int rc;
  ESP_TRY(esp_setup_device(run, NULL, &device));
  const esp_backend backend = esp_setup_sharded(run, device);
  ESP_TRY(path_of(run, file->sets[ESP_PART_TEST], s, path, sizeof path));
  ESP_TRY(esp_set_read(file, run->comm, ESP_PART_TEST, s, &set));
  ESP_TRY(esp_error_blame(esp_setup_task(run)->making->outlines(&backend, &set, &all), file->file->path));
  ESP_TRY(esp_ugrid_write(file, ESP_PART_TEST, s, &set, &all, path));
  esp_run_say(run, "generate: %s: %lld cells, %lld frames\n", path, (long long)set.n,
              (long long)file->frames[ESP_PART_TEST][s]);
  cJSON_AddItemToArray(list, cJSON_CreateString(path));
done:
  esp_outlines_free(&all);
  esp_set_free(&set);
  return rc;
}

int esp_export(const esp_run *run, const char *data) {
  if (!name_of(run)[0]) return ESP_OK;
  esp_set_file file;
  cJSON *list = cJSON_AddArrayToObject(run->json, "exported");
  ESP_CALL(esp_set_open(run->comm, data, esp_setup_task(run)->layout, &file));
  int rc = ESP_OK;
  ESP_NEED(file.sets[ESP_PART_TEST] > 0, ESP_ERR_VALUE, "%s: no test sets, which data_export %s is to have; set %s",
           data, name_of(run), "data_test_clouds");
  for (int s = 0; s < file.sets[ESP_PART_TEST]; s++) ESP_TRY(write_set(run, &file, s, list));
done:
  esp_set_close(&file);
  return rc;
}

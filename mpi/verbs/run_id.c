#include "verbs/run_id.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/input.h"

_Static_assert(sizeof((esp_run *)0)->id == ESP_RUN_ID, "an id is copied from one to the other");

void esp_run_id_read(const esp_run *run, char id[ESP_RUN_ID]) {
  char path[4096], line[64] = "";
  FILE *file = NULL;
  id[0] = 0;
  if (esp_run_path(run, "config.yaml", path, sizeof path) || esp_input_open(path, &file)) {
    esp_error_clear();
    return;
  }
  if (!fgets(line, sizeof line, file) || sscanf(line, "# run %16[0-9a-f]", id) != 1) id[0] = 0;
  fclose(file);
}

/* The loss that metrics.csv tells of a step; "" if it does not. */
static void find_loss(const esp_run *run, int64_t step, char loss[32]) {
  char path[4096], line[512];
  FILE *file = NULL;
  loss[0] = 0;
  if (esp_run_path(run, "metrics.csv", path, sizeof path) || esp_input_open(path, &file)) {
    esp_error_clear();
    return;
  }
  for (int64_t at; !loss[0] && esp_input_line(file, line, sizeof line);)
    if (sscanf(line, "%" SCNd64 ",%31[^,]", &at, loss) != 2 || at != step) loss[0] = 0;
  fclose(file);
}

int esp_run_id_match(const esp_run *run, const char *id, const char *path, const esp_checkpoint_origin *from) {
  char told[32], kept[32];
  ESP_CHECK(
      !id[0] || !from->run[0] || !strcmp(id, from->run), ESP_ERR_CONFIG,
      "%s: of another run (%s) than config.yaml in %s (%s): move it out of that folder, and name where it is with "
      "-eval_checkpoint or -train_restart to use it all the same",
      path, from->run, run->dir, id);
  if (isnan(from->loss)) return ESP_OK;
  find_loss(run, from->step, told);
  snprintf(kept, sizeof kept, "%.9g", from->loss);
  ESP_CHECK(!told[0] || !strcmp(told, kept), ESP_ERR_CONFIG,
            "%s/metrics.csv: of another run than %s: its loss at step %" PRId64
            " is %s, the checkpoint's %s: move it out "
            "of that folder",
            run->dir, path, from->step, told, kept);
  return ESP_OK;
}

int esp_run_id_check(const esp_run *run) {
  char path[4096];
  esp_checkpoint_origin from;
  ESP_CALL(esp_run_path(run, "checkpoint.h5", path, sizeof path));
  ESP_CALL(esp_checkpoint_origin_read(run->comm, path, &from));
  ESP_AGREE(run->comm, run->comm->rank ? ESP_OK : esp_run_id_match(run, run->id, path, &from));
  return ESP_OK;
}

/* generate: make the data of the task and their truth. */
#include <inttypes.h>

#include "io/make_data.h"
#include "verbs/relation_verbs.h"
#include "verbs/run.h"
#include "verbs/setup.h"

static void say_group(void *context, const esp_data_group *group) {
  const esp_run *run = context;
  esp_run_say(run, "  %-5s %6" PRId64 " x %8" PRId64 " bodies, %s, truth by %s, %.1f s", esp_part_name(group->set),
              group->items, group->n, group->sharded ? "all ranks together" : "whole on a rank",
              group->tree ? "tree" : "direct sum", group->seconds);
  if (group->energy_error >= 0) esp_run_say(run, ", energy %.1e", group->energy_error);
  if (group->tree) {
    esp_run_say(run, ", force error rms %.1e L2 %.1e, displacement error %.1e (%s of %" PRId64 " bodies)",
                group->force_rms, group->force_l2, group->displacement_error,
                group->displacement_bodies == group->n ? "the cloud itself" : "a twin", group->displacement_bodies);
  }
  esp_run_say(run, "\n");
}

static void add_group(cJSON *list, const esp_data_group *group) {
  cJSON *item = cJSON_CreateObject();
  cJSON_AddStringToObject(item, "set", esp_part_name(group->set));
  cJSON_AddNumberToObject(item, "bodies", (double)group->n);
  cJSON_AddNumberToObject(item, "items", (double)group->items);
  cJSON_AddNumberToObject(item, "clouds", (double)group->entries);
  cJSON_AddBoolToObject(item, "sharded", group->sharded);
  cJSON_AddStringToObject(item, "truth", group->tree ? "tree" : "direct");
  cJSON_AddNumberToObject(item, "seconds", group->seconds);
  cJSON_AddNumberToObject(item, "energy_error", group->energy_error);
  cJSON_AddNumberToObject(item, "momentum", group->momentum);
  if (group->tree) {
    cJSON_AddNumberToObject(item, "force_error_rms", group->force_rms);
    cJSON_AddNumberToObject(item, "force_error_l2", group->force_l2);
    cJSON_AddNumberToObject(item, "displacement_error", group->displacement_error);
    cJSON_AddNumberToObject(item, "displacement_bodies", (double)group->displacement_bodies);
  }
  cJSON_AddItemToArray(list, item);
}

static void add_results(cJSON *json, const char *path, const esp_data_report *report) {
  char text[24];
  snprintf(text, sizeof text, "%016" PRIx64, report->checksum);
  cJSON_AddStringToObject(json, "file", path);
  cJSON_AddStringToObject(json, "checksum", text);
  cJSON_AddNumberToObject(json, "seconds", report->seconds);
  for (int set = 0; set < ESP_PARTS; set++) {
    cJSON *item = cJSON_AddObjectToObject(json, esp_part_name((esp_part)set));
    cJSON_AddNumberToObject(item, "clouds", (double)report->clouds[set]);
    cJSON_AddNumberToObject(item, "bodies", (double)report->bodies[set]);
    cJSON_AddNumberToObject(item, "frame_rows", (double)report->frame_rows[set]);
  }
  cJSON *list = cJSON_AddArrayToObject(json, "groups");
  for (int g = 0; g < report->groups; g++) add_group(list, &report->group[g]);
}

int esp_verb_generate(esp_run *run) {
  char path[4096];
  esp_data_report report;
  if (esp_setup_is_relation(run)) return esp_relation_generate(run);
  ESP_CALL(esp_run_data(run, path, sizeof path));
  if (esp_config_string(run->config, "data_file")[0]) {
    esp_run_say(run, "generate: nothing to make, the data are those of %s\n", path);
    cJSON_AddStringToObject(run->json, "file", path);
    return ESP_OK;
  }
  esp_run_say(run, "generate: %s\n", path);
  ESP_CALL(esp_data_generate(run->comm, run->config, path, say_group, run, &report));
  add_results(run->json, path, &report);
  return ESP_OK;
}

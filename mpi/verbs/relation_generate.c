/* generate, for a learned relation: a feature file of made sets with their targets. */
#include <inttypes.h>
#include <stdio.h>

#include "io/make_features.h"
#include "verbs/relation_verbs.h"

static void say_group(void *context, const esp_feature_group *group) {
  const char *truth = !group->targets ? "none" : group->all_pairs ? "over all pairs" : "within reach";
  char sample[32] = "";
  if (group->sample > 0) snprintf(sample, sizeof sample, " of %" PRId64, group->sample);
  esp_run_say(context, "  %-5s %6" PRId64 " x %8" PRId64 " particles, %s, targets%s %s, %.1f s\n",
              esp_part_name(group->part), group->sets, group->n,
              group->sharded ? "all ranks together" : "whole on a rank", sample, truth, group->seconds);
}

static void add_results(cJSON *json, const char *path, const esp_feature_report *report) {
  char text[24];
  snprintf(text, sizeof text, "%016" PRIx64, report->checksum);
  cJSON_AddStringToObject(json, "file", path);
  cJSON_AddStringToObject(json, "checksum", text);
  cJSON_AddStringToObject(json, "task", report->about.task);
  for (int part = 0; part < ESP_PARTS; part++) {
    cJSON *item = cJSON_AddObjectToObject(json, esp_part_name((esp_part)part));
    cJSON_AddNumberToObject(item, "sets", (double)report->sets[part]);
    cJSON_AddNumberToObject(item, "particles", (double)report->rows[part]);
  }
}

int esp_relation_generate(esp_run *run) {
  char path[4096];
  esp_feature_report report;
  ESP_CALL(esp_run_data(run, path, sizeof path));
  if (esp_config_string(run->config, "data_file")[0]) {
    esp_run_say(run, "generate: nothing to make, the data are those of %s\n", path);
    cJSON_AddStringToObject(run->json, "file", path);
    return ESP_OK;
  }
  esp_run_say(run, "generate: %s\n", path);
  ESP_CALL(esp_features_generate(run->comm, run->config, path, say_group, run, &report));
  add_results(run->json, path, &report);
  return ESP_OK;
}

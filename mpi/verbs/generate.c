/* generate: make the data of the task and their truth. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/input.h"
#include "io/make.h"
#include "tasks/task.h"
#include "verbs/export.h"
#include "verbs/run.h"
#include "verbs/setup.h"

typedef struct {
  const esp_run *run;
  const esp_layout *layout;
} telling;

/* Of numbers that are told, those above 0, with their units. */
static void say_number(const esp_run *run, const esp_number *number, double most) {
  const char *unit = number->unit && strcmp(number->unit, "1") ? number->unit : "";
  esp_run_say(run, number->whole ? ", %s %.0f%s%s" : ", %s %.1e%s%s", number->name, most, unit[0] ? " " : "", unit);
}

static void say_group(void *context, const esp_make_group *group) {
  const telling *t = context;
  const esp_plan *plan = &group->plan;
  const double *most = group->most;
  esp_run_say(t->run, "  %-5s %6" PRId64 " x %8" PRId64 " particles, %s, %s, %.1f s", esp_part_name(plan->part),
              plan->items, plan->n, plan->shared ? "all ranks together" : "whole on a rank", plan->how, group->seconds);
  for (const esp_number *number = t->layout->number; number->name; most += number->count, number++)
    if (number->told && *most > 0) say_number(t->run, number, *most);
  esp_run_say(t->run, "\n");
}

static void add_group(const esp_layout *layout, const esp_make_group *group, cJSON *list) {
  const esp_plan *plan = &group->plan;
  const double *most = group->most;
  cJSON *item = cJSON_CreateObject();
  cJSON_AddStringToObject(item, "part", esp_part_name(plan->part));
  cJSON_AddNumberToObject(item, "particles", (double)plan->n);
  cJSON_AddNumberToObject(item, "items", (double)plan->items);
  cJSON_AddNumberToObject(item, "sets", (double)(plan->items * plan->sets));
  cJSON_AddBoolToObject(item, "shared", plan->shared);
  cJSON_AddStringToObject(item, "how", plan->how);
  cJSON_AddNumberToObject(item, "seconds", group->seconds);
  for (const esp_number *number = layout->number; number->name; most += number->count, number++)
    if (number->told && *most > 0) cJSON_AddNumberToObject(item, number->name, *most);
  cJSON_AddItemToArray(list, item);
}

static void add_results(esp_run *run, const char *path, const esp_task *task, const esp_make_report *report) {
  cJSON *json = run->json;
  char text[24];
  snprintf(text, sizeof text, "%016" PRIx64, report->checksum);
  cJSON_AddStringToObject(json, "file", path);
  cJSON_AddStringToObject(json, "checksum", text);
  cJSON_AddStringToObject(json, "task", task->name);
  if (esp_set_number(task->layout, "law") >= 0 && esp_config_find(run->config, "data_law"))
    cJSON_AddStringToObject(json, "law", esp_config_string(run->config, "data_law"));
  for (int part = 0; part < ESP_PARTS; part++) {
    cJSON *item = cJSON_AddObjectToObject(json, esp_part_name((esp_part)part));
    cJSON_AddNumberToObject(item, "sets", (double)report->sets[part]);
    cJSON_AddNumberToObject(item, "particles", (double)report->rows[part]);
    cJSON_AddNumberToObject(item, "frame_rows", (double)report->frame_rows[part]);
  }
  cJSON *list = cJSON_AddArrayToObject(json, "groups");
  for (int g = 0; g < report->groups; g++) add_group(task->layout, &report->group[g], list);
}

int esp_verb_generate(esp_run *run) {
  char path[4096];
  ESP_CALL(esp_run_data(run, path, sizeof path));
  ESP_CALL(esp_export_check(run));
  if (esp_config_string(run->config, "data_file")[0]) {
    ESP_CALL(run->comm->agree(run->comm, esp_error_blame(esp_input_check(path, NULL), "data_file")));
    esp_run_say(run, "generate: nothing to make, the data are those of %s\n", path);
    cJSON_AddStringToObject(run->json, "file", path);
    return esp_export(run, path);
  }
  const esp_task *task = esp_setup_task(run);
  void *param;
  esp_make_report report;
  ESP_CALL(esp_setup_data(run, &param));
  const telling t = {run, task->layout};
  esp_run_say(run, "generate: %s\n", path);
  int rc = esp_make(run->comm, run->config, task, param, path, say_group, (void *)&t, &report);
  ESP_FREE(param);
  ESP_CALL(rc);
  if (report.taken) esp_run_say(run, "generate: went on from %lld kept states\n", (long long)report.taken);
  esp_run_say_notes(run, "generate", esp_config_string(run->config, "input"), report.note);
  if (report.told[0]) esp_run_say(run, "generate: %s: %s\n", esp_config_string(run->config, "input"), report.told);
  add_results(run, path, task, &report);
  return esp_export(run, path);
}

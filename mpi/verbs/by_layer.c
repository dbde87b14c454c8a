#include "verbs/by_layer.h"

#include <math.h>

static const char file[] = "smoothing.csv";

int esp_by_layer_begin(const esp_run *run, const esp_comm *comm, const esp_set *set, esp_by_layer *by) {
  const int samples = (int)esp_config_int(run->config, "eval_states");
  *by = (esp_by_layer){.tells = comm->rank == 0, .first = NAN, .least = NAN, .last = NAN, .predicted = NAN};
  if (!samples) return ESP_OK;
  ESP_CALL(esp_smoothing_create(comm, set, samples, (uint64_t)esp_config_int(run->config, "run_seed"), &by->smoothing));
  by->samples = esp_smoothing_samples(by->smoothing);
  return ESP_OK;
}

void esp_by_layer_free(esp_by_layer *by) {
  esp_smoothing_free(&by->smoothing);
  esp_lines_free(&by->lines);
}

/* What is not known has an empty field. */
static void add_field(esp_lines *lines, double value, const char *end) {
  if (isnan(value))
    esp_lines_add(lines, "%s", end);
  else
    esp_lines_add(lines, "%.6g%s", value, end);
}

static int look(esp_by_layer *by, int l, int width, const double *rows, double *ratio) {
  double spread;
  ESP_CALL(esp_smoothing_of(by->smoothing, width, rows, ratio, &spread));
  if (!by->tells) return ESP_OK;
  esp_lines_add(&by->lines, "%d,", l);
  add_field(&by->lines, *ratio, ",");
  add_field(&by->lines, spread, "\n");
  return by->lines.rc;
}

int esp_by_layer_state(void *context, int l, int width, const double *state) {
  esp_by_layer *by = context;
  ESP_CALL(look(by, l, width, state, &by->last));
  if (!by->states++) by->first = by->last;
  if (!isnan(by->last) && !(by->last >= by->least)) by->least = by->last, by->least_layer = l;
  return ESP_OK;
}

int esp_by_layer_predicted(esp_by_layer *by, int width, const double *y) {
  return by->states ? look(by, by->states, width, y, &by->predicted) : ESP_OK;
}

static void add_json(const esp_run *run, const esp_by_layer *by) {
  const struct {
    const char *key;
    double value;
  } ratio[] = {{"first", by->first}, {"least", by->least}, {"last", by->last}, {"prediction", by->predicted}};
  cJSON *object = cJSON_AddObjectToObject(run->json, "smoothing");
  cJSON_AddNumberToObject(object, "particles", by->samples);
  cJSON_AddNumberToObject(object, "states", by->states);
  cJSON_AddNumberToObject(object, "least_layer", by->least_layer);
  for (size_t k = 0; k < sizeof ratio / sizeof *ratio; k++)
    if (!isnan(ratio[k].value)) cJSON_AddNumberToObject(object, ratio[k].key, ratio[k].value);
}

int esp_by_layer_write(esp_by_layer *by, const esp_run *run) {
  int64_t states = by->states;
  ESP_CALL(run->comm->max_i64(run->comm, &states, 1));
  if (!states) {
    esp_run_forget(run, file);
    return ESP_OK;
  }
  if (by->states) {
    add_json(run, by);
    esp_run_say(
        run,
        "ratio of differences of states (%d particles): before layer 0 %.3f, least %.3f before layer %d, before "
        "the last %.3f; of the prediction %.3f\n",
        by->samples, by->first, by->least, by->least_layer, by->last, by->predicted);
  }
  return esp_run_lines(run, file, "layer,ratio,spread", &by->lines);
}

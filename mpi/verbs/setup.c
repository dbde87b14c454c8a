#include "verbs/setup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "domain/device.h"
#include "domain/domain.h"
#include "io/checkpoint.h"
#include "tasks/task.h"
#include "verbs/keys.h"
#include "verbs/run_id.h"

/* ---- keys that contradict each other ---- */

const esp_task *esp_setup_task(const esp_run *run) {
  return esp_task_find(esp_config_string(run->config, "data_task"));
}

const esp_network *esp_setup_network(const esp_run *run) {
  return esp_setup_task(run)->network;
}

int esp_setup_options(const esp_run *run, const esp_options *options, void **param) {
  return esp_options_make(options, run->config, param);
}

int esp_setup_data(const esp_run *run, void **param) {
  return esp_setup_options(run, esp_setup_task(run)->options, param);
}

/* Of the task alone. */
static int check_data(const esp_run *run, const esp_task *task, int trains) {
  void *param = NULL;
  int rc = ESP_OK;
  ESP_TRY(esp_keys_check_task(run->config, task));
  ESP_TRY(esp_setup_data(run, &param));
  if (task->check) ESP_TRY(task->check(param, NULL, trains));
done:
  ESP_FREE(param);
  return rc;
}

int esp_setup_check(const esp_run *run, int trains) {
  const esp_task *task = esp_setup_task(run);
  char data[64];
  snprintf(data, sizeof data, "data_task %s", task->name);
  int rc = check_data(run, task, trains);
  if (!rc && trains) rc = esp_keys_check(run->config, task->network);
  if (!rc && trains) rc = esp_keys_check_loss(run->config, task->loss);
  return esp_error_blame(rc, data);
}

int esp_setup_trained(const esp_run *run, esp_model *model, const esp_device **device) {
  const esp_task *task = esp_setup_task(run);
  char path[4096], precision[ESP_CHECKPOINT_PRECISION];
  ESP_CALL(esp_run_checkpoint(run, path, sizeof path));
  if (!esp_config_string(run->config, "eval_checkpoint")[0]) ESP_CALL(esp_run_id_check(run));
  ESP_CALL(esp_checkpoint_read(run->comm, path, model, NULL, precision));
  ESP_CHECK(model->network == task->network, ESP_ERR_CONFIG, "%s: a network '%s'; data_task %s is learned by '%s'",
            path, model->network->name, task->name, task->network->name);
  ESP_AGREE(run->comm, esp_options_replace(model->network->options, run->config, model->param));
  return device ? esp_setup_device(run, esp_device_find(precision)->precision, device) : ESP_OK;
}

typedef struct {
  const esp_model *model;
  char *text;
  size_t size;
} describing;

static int describe_row(void *context, const esp_option *row, size_t offset) {
  static const char *const told[] = {"net_layers", "net_message"};
  const describing *d = context;
  char value[64];
  for (size_t k = 0; k < sizeof told / sizeof told[0]; k++) {
    if (strcmp(row->name, told[k]) != 0) continue;
    const size_t length = strlen(d->text);
    esp_option_print(row, (const char *)d->model->param + offset, value, sizeof value);
    snprintf(d->text + length, d->size - length, " %s %s,", row->name + strlen("net_"), value);
  }
  return 0;
}

void esp_setup_describe(const esp_model *model, char *text, size_t size) {
  describing d = {model, text, size};
  snprintf(text, size, "%s:", model->network->name);
  esp_options_each(model->network->options, describe_row, &d);
  const size_t length = strlen(text);
  snprintf(text + length, size - length, " %lld parameters", (long long)model->block.count);
}

/* ---- who computes ---- */

int esp_setup_device(const esp_run *run, const char *precision, const esp_device **device) {
  const char *how;
  ESP_CALL(esp_device_take(run->comm, run->config, precision, device, &how));
  if (how)
    esp_run_say(run, "net_device %s: what its memory holds moves between ranks by %s\n", (*device)->processor, how);
  return ESP_OK;
}

esp_backend esp_setup_sharded(const esp_run *run, const esp_device *device) {
  return (esp_backend){.comm = run->comm, .build = esp_domain_build_mpi, .device = device};
}

esp_backend esp_setup_whole(const esp_device *device) {
  esp_backend backend = esp_backend_self();
  backend.device = device;
  return backend;
}

int esp_setup_aim(const esp_run *run, const char *verb, esp_model *model, const esp_device *device,
                  const esp_set *set) {
  const esp_backend backend = esp_setup_sharded(run, device);
  double bound;
  ESP_CALL(esp_model_aim(model, &backend, set, &bound));
  if (isnan(bound)) return ESP_OK;
  esp_run_say(run, "%s: the tree's resolution is chosen for this data; bound on the error of far cells %.1e\n", verb,
              bound);
  cJSON_AddNumberToObject(run->json, "far_bound", bound);
  return ESP_OK;
}

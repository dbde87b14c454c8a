#include "verbs/setup.h"

#include <stdio.h>
#include <string.h>

#include "domain/domain.h"
#include "verbs/keys.h"
#include "verbs/relation_sets.h"

enum { SHARD_ABOVE = 8192 };

static int is(const esp_config *c, const char *key, const char *value) {
  return !strcmp(esp_config_string(c, key), value);
}

/* ---- keys that contradict each other ---- */

int esp_setup_is_relation(const esp_run *run) {
  return !is(run->config, "data_task", "G") && !is(run->config, "data_task", "M");
}

const esp_network *esp_setup_network(const esp_run *run) {
  return esp_network_find(esp_setup_is_relation(run) ? "stack" : "integrator");
}

static int check_gravity(const esp_config *c) {
  const char *task = esp_config_string(c, "data_task");
  ESP_CHECK(!is(c, "data_truth", "none"), ESP_ERR_CONFIG,
            "data_truth none with data_task %s: only a hidden relation may go without targets", task);
  ESP_CHECK(esp_config_int(c, "data_truth_sample") == 0, ESP_ERR_CONFIG,
            "data_truth_sample %lld with data_task %s: only the truth of a hidden relation may be a sample's",
            (long long)esp_config_int(c, "data_truth_sample"), task);
  return ESP_OK;
}

static int check_relation(const esp_config *c, int trains) {
  const char *task = esp_config_string(c, "data_task");
  ESP_CHECK(!is(c, "data_task", "features") || esp_config_string(c, "data_file")[0], ESP_ERR_CONFIG,
            "data_task features needs data_file, the feature file");
  ESP_CHECK(!trains || !is(c, "data_truth", "none") || esp_config_string(c, "data_file")[0], ESP_ERR_CONFIG,
            "data_truth none with data_task %s: nothing to train on", task);
  return ESP_OK;
}

int esp_setup_check(const esp_run *run, int trains) {
  char data[64];
  ESP_CALL(esp_setup_is_relation(run) ? check_relation(run->config, trains) : check_gravity(run->config));
  if (!trains) return ESP_OK;
  snprintf(data, sizeof data, "data_task %s", esp_config_string(run->config, "data_task"));
  return esp_error_blame(esp_keys_check(run->config, esp_setup_network(run)), data);
}

/* ---- networks ---- */

int esp_setup_relation(const esp_run *run, const esp_feature_about *about, esp_relation_param *param) {
  ESP_CALL(esp_options_fill(&esp_stack_options, run->config, param));
  param->features = about->features, param->values = about->values, param->targets = about->targets;
  param->hidden_halves = esp_relation_halves(about);
  return ESP_OK;
}

int esp_setup_trees(const esp_run *run, esp_relation_param *param) {
  return run->comm->agree(run->comm, esp_options_replace(&esp_stack_options, run->config, param));
}

/* ---- who computes ---- */

const esp_device *esp_setup_device(const esp_run *run) {
  return esp_device_of(esp_config_string(run->config, "net_precision"));
}

esp_backend esp_setup_sharded(const esp_run *run, const esp_device *device) {
  return (esp_backend){.comm = run->comm, .build = esp_domain_build_mpi, .device = device};
}

esp_backend esp_setup_whole(const esp_device *device) {
  esp_backend backend = esp_backend_self();
  backend.device = device;
  return backend;
}

int esp_setup_is_sharded(const esp_run *run, int64_t largest) {
  const char *shard = esp_config_string(run->config, "train_shard");
  return !strcmp(shard, "particles") || (!strcmp(shard, "auto") && largest > SHARD_ABOVE);
}

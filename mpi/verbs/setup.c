#include "verbs/setup.h"

#include <string.h>

#include "domain/domain.h"

enum { SHARD_ABOVE = 8192 };

static int is(const esp_config *c, const char *key, const char *value) {
  return !strcmp(esp_config_string(c, key), value);
}

/* ---- keys that contradict each other ---- */

int esp_setup_is_relation(const esp_run *run) {
  return !is(run->config, "data_task", "G") && !is(run->config, "data_task", "M");
}

/* Keys that say where a learned relation's trees stand mean nothing to the trees of gravity. */
static int check_gravity(const esp_config *c, int trains) {
  const char *task = esp_config_string(c, "data_task"), *message = esp_config_string(c, "net_message");
  ESP_CHECK(!is(c, "data_truth", "none"), ESP_ERR_CONFIG,
            "data_truth none with data_task %s: only a hidden relation may go without targets", task);
  ESP_CHECK(esp_config_int(c, "data_truth_sample") == 0, ESP_ERR_CONFIG,
            "data_truth_sample %lld with data_task %s: only the truth of a hidden relation may be a sample's",
            (long long)esp_config_int(c, "data_truth_sample"), task);
  if (!trains) return ESP_OK;
  ESP_CHECK(strncmp(message, "gate", 4) != 0, ESP_ERR_CONFIG,
            "net_message %s with data_task %s: gravity takes newton, newton_mlp or mlp", message, task);
  ESP_CHECK(is(c, "tree_split", "widest") && is(c, "tree_on", "learned") && esp_config_flag(c, "tree_far"),
            ESP_ERR_CONFIG, "tree_split, tree_on, tree_far with data_task %s: they are keys of a learned relation",
            task);
  return ESP_OK;
}

static int check_relation(const esp_config *c, int trains) {
  const char *task = esp_config_string(c, "data_task"), *message = esp_config_string(c, "net_message");
  ESP_CHECK(!is(c, "data_task", "features") || esp_config_string(c, "data_file")[0], ESP_ERR_CONFIG,
            "data_task features needs data_file, the feature file");
  if (!trains) return ESP_OK;
  ESP_CHECK(!strncmp(message, "gate", 4), ESP_ERR_CONFIG,
            "net_message %s with data_task %s: a learned relation takes gate or gate_mlp", message, task);
  ESP_CHECK(esp_config_int(c, "net_layers") <= ESP_RELATION_MAX_LAYERS, ESP_ERR_CONFIG,
            "net_layers %lld with data_task %s: at most %d", (long long)esp_config_int(c, "net_layers"), task,
            ESP_RELATION_MAX_LAYERS);
  ESP_CHECK(is(c, "tree_on", "learned") || !is(c, "tree_split", "learned"), ESP_ERR_CONFIG,
            "tree_split learned with tree_on %s: learned directions are those of the learned space",
            esp_config_string(c, "tree_on"));
  ESP_CHECK(!is(c, "net_embedding", "coordinates") || !esp_config_flag(c, "net_separate"), ESP_ERR_CONFIG,
            "net_separate with net_embedding coordinates: two maps without parameters are one");
  ESP_CHECK(!is(c, "data_truth", "none") || esp_config_string(c, "data_file")[0], ESP_ERR_CONFIG,
            "data_truth none with data_task %s: nothing to train on", task);
  return ESP_OK;
}

int esp_setup_check(const esp_run *run, int trains) {
  return esp_setup_is_relation(run) ? check_relation(run->config, trains) : check_gravity(run->config, trains);
}

/* ---- networks ---- */

static void set_domain(const esp_config *c, esp_domain_param *domain) {
  domain->leaf = (int)esp_config_int(c, "tree_leaf");
  domain->block = (int)esp_config_int(c, "tree_block");
  domain->lists.theta = esp_config_real(c, "tree_theta");
  domain->lists.pairs_per_particle = esp_config_int(c, "tree_pairs_per_particle");
  domain->lists.pairs_limit = esp_config_int(c, "tree_pairs_limit");
}

void esp_setup_model(const esp_run *run, esp_integrator_param *param) {
  const esp_config *c = run->config;
  const char *message = esp_config_string(c, "net_message");
  *param = (esp_integrator_param){
      .layers = (int)esp_config_int(c, "net_layers"),
      .tableau = !strcmp(esp_config_string(c, "net_tableau"), "symplectic") ? ESP_TABLEAU_SYMPLECTIC : ESP_TABLEAU_FREE,
      .message = !strcmp(message, "mlp")          ? ESP_MESSAGE_MLP
                 : !strcmp(message, "newton_mlp") ? ESP_MESSAGE_CORRECTION
                                                  : ESP_MESSAGE_NEWTON,
      .hidden = (int)esp_config_int(c, "net_hidden"),
      .seed = (uint64_t)esp_config_int(c, "run_seed"),
  };
  set_domain(c, &param->domain);
}

void esp_setup_relation(const esp_run *run, int features, int values, int targets, esp_relation_param *param) {
  const esp_config *c = run->config;
  *param = (esp_relation_param){
      .layers = (int)esp_config_int(c, "net_layers"),
      .features = features,
      .values = values,
      .targets = targets,
      .embedding = is(c, "net_embedding", "mlp")           ? ESP_EMBED_MLP
                   : is(c, "net_embedding", "coordinates") ? ESP_EMBED_COORDINATES
                                                           : ESP_EMBED_LINEAR,
      .dim = (int)esp_config_int(c, "net_dim"),
      .embed_hidden = (int)esp_config_int(c, "net_embed_hidden"),
      .separate = esp_config_flag(c, "net_separate"),
      .mlp = is(c, "net_message", "gate_mlp"),
      .channels = (int)esp_config_int(c, "net_channels"),
      .average = is(c, "net_aggregate", "average"),
      .include_self = esp_config_flag(c, "net_include_self"),
      .width = (int)esp_config_int(c, "net_width"),
      .hidden = (int)esp_config_int(c, "net_update_hidden"),
      .tree_on = is(c, "tree_on", "features") ? ESP_TREE_ON_FEATURES
                 : is(c, "tree_on", "hidden") ? ESP_TREE_ON_HIDDEN
                                              : ESP_TREE_ON_LEARNED,
      .split = is(c, "tree_split", "pca")       ? ESP_SPLIT_PCA
               : is(c, "tree_split", "learned") ? ESP_SPLIT_LEARNED
                                                : ESP_SPLIT_WIDEST,
      .split_levels = (int)esp_config_int(c, "tree_split_levels"),
      .tree_features = (int)esp_config_int(c, "tree_features"),
      .far = esp_config_flag(c, "tree_far"),
      .fade = esp_config_flag(c, "tree_fade"),
      .gate_tolerance = esp_config_real(c, "tree_gate_tolerance"),
      .seed = (uint64_t)esp_config_int(c, "run_seed"),
  };
  set_domain(c, &param->domain);
}

void esp_setup_trees(const esp_run *run, esp_relation_param *param) {
  const esp_config *c = run->config;
  esp_domain_param given, *domain = &param->domain;
  set_domain(c, &given);
  if (esp_config_is_set(c, "tree_leaf")) domain->leaf = given.leaf;
  if (esp_config_is_set(c, "tree_block")) domain->block = given.block;
  const int angle = esp_config_is_set(c, "tree_theta");
  if (angle) domain->lists.theta = given.lists.theta;
  if (angle || esp_config_is_set(c, "tree_pairs_per_particle")) /* an angle alone is no longer found from a budget */
    domain->lists.pairs_per_particle = given.lists.pairs_per_particle;
  if (esp_config_is_set(c, "tree_pairs_limit")) domain->lists.pairs_limit = given.lists.pairs_limit;
  if (esp_config_is_set(c, "tree_far")) param->far = esp_config_flag(c, "tree_far");
  if (esp_config_is_set(c, "tree_gate_tolerance")) param->gate_tolerance = esp_config_real(c, "tree_gate_tolerance");
  if (esp_config_is_set(c, "tree_fade")) param->fade = esp_config_flag(c, "tree_fade");
  if (!esp_config_is_set(c, "tree_split") || param->split == ESP_SPLIT_LEARNED || is(c, "tree_split", "learned"))
    return;
  param->split = is(c, "tree_split", "pca") ? ESP_SPLIT_PCA : ESP_SPLIT_WIDEST;
}

/* ---- training ---- */

void esp_setup_train(const esp_run *run, esp_train_param *param) {
  const esp_config *c = run->config;
  *param = (esp_train_param){.steps = esp_config_int(c, "train_steps"),
                             .stop = esp_config_int(c, "train_stop"),
                             .batch = (int)esp_config_int(c, "train_batch"),
                             .rate = esp_config_real(c, "train_lr"),
                             .schedule = is(c, "train_schedule", "hold") ? ESP_SCHEDULE_HOLD : ESP_SCHEDULE_COSINE,
                             .warmup = esp_config_int(c, "train_warmup"),
                             .beta2 = esp_config_real(c, "train_beta2"),
                             .clip = esp_config_real(c, "train_clip"),
                             .seed = (uint64_t)esp_config_int(c, "run_seed"),
                             .checkpoint_every = esp_config_int(c, "train_checkpoint_every")};
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

#include "verbs/setup.h"

#include <string.h>

#include "domain/domain.h"

enum { SHARD_ABOVE = 8192 };

void esp_setup_model(const esp_run *run, esp_model_param *param) {
  const esp_config *c = run->config;
  const char *message = esp_config_string(c, "net_message");
  *param = (esp_model_param){
      .layers = (int)esp_config_int(c, "net_layers"),
      .tableau = !strcmp(esp_config_string(c, "net_tableau"), "symplectic") ? ESP_TABLEAU_SYMPLECTIC : ESP_TABLEAU_FREE,
      .message = !strcmp(message, "mlp")          ? ESP_MESSAGE_MLP
                 : !strcmp(message, "newton_mlp") ? ESP_MESSAGE_CORRECTION
                                                  : ESP_MESSAGE_NEWTON,
      .hidden = (int)esp_config_int(c, "net_hidden"),
      .seed = (uint64_t)esp_config_int(c, "run_seed"),
  };
  param->domain.leaf = (int)esp_config_int(c, "tree_leaf");
  param->domain.block = (int)esp_config_int(c, "tree_block");
  param->domain.lists.theta = esp_config_real(c, "tree_theta");
  param->domain.lists.pairs_per_particle = esp_config_int(c, "tree_pairs_per_particle");
  param->domain.lists.pairs_limit = esp_config_int(c, "tree_pairs_limit");
}

const esp_ops *esp_setup_ops(const esp_run *run) {
  return !strcmp(esp_config_string(run->config, "net_precision"), "float64") ? &esp_ops_cpu64 : &esp_ops_cpu32;
}

esp_backend esp_setup_sharded(const esp_run *run) {
  return (esp_backend){.comm = run->comm, .build = esp_domain_build_mpi, .ops = esp_setup_ops(run)};
}

esp_backend esp_setup_whole(const esp_run *run) {
  esp_backend backend = esp_backend_self();
  backend.ops = esp_setup_ops(run);
  return backend;
}

int esp_setup_is_sharded(const esp_run *run, int64_t largest) {
  const char *shard = esp_config_string(run->config, "train_shard");
  return !strcmp(shard, "particles") || (!strcmp(shard, "auto") && largest > SHARD_ABOVE);
}

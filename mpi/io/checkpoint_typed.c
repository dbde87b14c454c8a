#include "io/checkpoint_typed.h"

#include <string.h>

static void copy_block(esp_block *to, const esp_block *from) {
  memcpy(to->value, from->value, (size_t)to->count * sizeof(double));
}

/* A model with the parameters of a network's own structure. */
static int model_of(const char *network, const void *param, const esp_sizes *sizes, const esp_block *block,
                    esp_model *model) {
  ESP_CALL(esp_model_create(esp_network_find(network), param, sizes, model));
  copy_block(&model->block, block);
  return ESP_OK;
}

static int integrator_model(const esp_integrator *net, esp_model *model) {
  const esp_sizes sizes = {{6, 1, 6}};
  return model_of("integrator", &net->param, &sizes, &net->block, model);
}

static int relation_model(const esp_relation *net, esp_model *model) {
  const esp_sizes sizes = {{net->param.features, net->param.values, net->param.targets}};
  return model_of("stack", &net->param, &sizes, &net->block, model);
}

static int read_model(const esp_comm *comm, const char *path, const char *network, esp_model *model, esp_adam *adam,
                      char *precision) {
  ESP_CALL(esp_checkpoint_read(comm, path, model, adam, precision));
  if (!strcmp(model->network->name, network)) return ESP_OK;
  int rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: a checkpoint of the network '%s'; needed is one of '%s'", path,
                    model->network->name, network);
  esp_model_free(model);
  if (adam) esp_adam_free(adam);
  return rc;
}

int esp_integrator_checkpoint_write(const esp_comm *comm, const char *path, const esp_integrator *net,
                                    const esp_adam *adam, const char *precision) {
  esp_model model;
  ESP_AGREE(comm, integrator_model(net, &model));
  const int rc = esp_checkpoint_write(comm, path, &model, adam, "", precision);
  esp_model_free(&model);
  return rc;
}

int esp_relation_checkpoint_write(const esp_comm *comm, const char *path, const esp_relation *net, const esp_adam *adam,
                                  const char *precision) {
  esp_model model;
  ESP_AGREE(comm, relation_model(net, &model));
  const int rc = esp_checkpoint_write(comm, path, &model, adam, "", precision);
  esp_model_free(&model);
  return rc;
}

int esp_integrator_checkpoint_read(const esp_comm *comm, const char *path, esp_integrator *net, esp_adam *adam,
                                   char *precision) {
  esp_model model;
  *net = (esp_integrator){0};
  ESP_CALL(read_model(comm, path, "integrator", &model, adam, precision));
  const int rc = comm->agree(comm, esp_integrator_create(model.param, net));
  if (!rc) copy_block(&net->block, &model.block);
  esp_model_free(&model);
  if (rc && adam) esp_adam_free(adam);
  return rc;
}

int esp_relation_checkpoint_read(const esp_comm *comm, const char *path, esp_relation *net, esp_adam *adam,
                                 char *precision) {
  esp_model model;
  memset(net, 0, sizeof *net);
  ESP_CALL(read_model(comm, path, "stack", &model, adam, precision));
  const int rc = comm->agree(comm, esp_relation_create(model.param, net));
  if (!rc) copy_block(&net->block, &model.block);
  esp_model_free(&model);
  if (rc && adam) esp_adam_free(adam);
  return rc;
}

int esp_integrator_checkpoint_resume(const esp_comm *comm, const char *path, esp_integrator *net, esp_adam *adam,
                                     const char *precision) {
  esp_model model;
  ESP_AGREE(comm, integrator_model(net, &model));
  const int rc = esp_checkpoint_resume(comm, path, &model, adam, precision);
  if (!rc) memcpy(&net->param, model.param, sizeof net->param), copy_block(&net->block, &model.block);
  esp_model_free(&model);
  return rc;
}

int esp_relation_checkpoint_resume(const esp_comm *comm, const char *path, esp_relation *net, esp_adam *adam,
                                   const char *precision) {
  esp_model model;
  ESP_AGREE(comm, relation_model(net, &model));
  const int rc = esp_checkpoint_resume(comm, path, &model, adam, precision);
  if (!rc) memcpy(&net->param, model.param, sizeof net->param), copy_block(&net->block, &model.block);
  esp_model_free(&model);
  return rc;
}

/* A learned relation: made of settings or of a checkpoint, and written to one. */
#include "lib/learned.h"

#include <math.h>
#include <string.h>

#include "base/config.h"
#include "base/hash.h"
#include "domain/comm.h"
#include "domain/device.h"
#include "io/checkpoint.h"

/* ---- settings ---- */

static uint64_t hash_text(uint64_t hash, const char *text) {
  for (; *text; text++) hash = esp_hash_mix(hash, (unsigned char)*text);
  return esp_hash_mix(hash, 256);
}

/* Keys of the program that would change nothing here. */
static int refuse_void(const esp_config *config) {
  static const char *const key[] = {"train_checkpoint_every", "train_checkpoint_minutes"};
  for (size_t k = 0; k < sizeof key / sizeof *key; k++)
    ESP_CHECK(!esp_config_is_set(config, key[k]), ESP_ERR_CONFIG,
              "%s: nothing is written in training here; espalier_progress may call espalier_relation_write", key[k]);
  return ESP_OK;
}

static int set_all(const espalier_setting *setting, int settings, esp_config *config, uint64_t *hash) {
  ESP_CHECK(settings >= 0, ESP_ERR_ARG, "settings = %d; allowed: >= 0", settings);
  ESP_CHECK(!settings || setting, ESP_ERR_ARG, "%d settings at NULL", settings);
  for (int k = 0; k < settings; k++) {
    const char *key = setting[k].key, *value = setting[k].value;
    ESP_CHECK(key && value, ESP_ERR_ARG, "setting[%d]: %s is NULL", k, key ? "value" : "key");
    ESP_CALL(esp_config_set(config, key, value));
    *hash = hash_text(hash_text(*hash, key), value);
  }
  return refuse_void(config);
}

/* The tables of what a relation has of the program's keys, set alike on all ranks. */
static int make_config(const espalier_relation *r, const espalier_setting *setting, int settings, esp_config **config) {
  const esp_options *table[] = {
      &esp_device_options, r->task->network->options, &esp_train_options, &esp_shard_options, NULL, NULL};
  if (r->task->loss->options) table[4] = r->task->loss->options;
  uint64_t hash = (uint64_t)settings;
  int rc = esp_config_create(table, config);
  if (!rc) rc = set_all(setting, settings, *config, &hash);
  ESP_CALL(r->comm->agree(r->comm, rc));
  return esp_lib_same_word(r->comm, hash, "settings");
}

/* ---- life ---- */

static int begin(const char *function, MPI_Comm mpi, espalier_relation **out, espalier_relation **r) {
  esp_comm *comm;
  esp_error_clear();
  ESP_CHECK(out, ESP_ERR_ARG, "%s: no place for the result", function);
  *r = *out = NULL;
  ESP_CALL(esp_lib_start(function, mpi, &comm));
  int rc = comm->agree(comm, ESP_ALLOC(*r, 1));
  if (rc) {
    ESP_FREE(*r);
    esp_comm_mpi_free(&comm);
    return rc;
  }
  (*r)->comm = comm;
  (*r)->task = esp_task_of_rows;
  (*r)->last = NAN;
  return ESP_OK;
}

/* What a model needs beside itself. */
static int fill(espalier_relation *r, const esp_config *config) {
  ESP_CALL(esp_options_make(r->task->options, config, &r->data));
  ESP_CALL(esp_options_make(r->task->loss->options, config, &r->loss));
  ESP_CALL(esp_options_fill(&esp_shard_options, config, &r->shard));
  return esp_options_fill(&esp_train_options, config, &r->how);
}

static int make_model(espalier_relation *r, const esp_config *config, const int given[ESP_ROLES]) {
  const esp_network *network = r->task->network;
  const esp_layout *layout = r->task->layout;
  int width[ESP_COLUMNS] = {0};
  void *param = NULL;
  for (int k = 0; layout->column[k].name; k++) width[k] = given[layout->column[k].role];
  const esp_sizes sizes = esp_sizes_of(layout, width);
  int rc = esp_options_make(network->options, config, &param);
  if (!rc) rc = esp_model_create(network, param, &sizes, &r->model);
  ESP_FREE(param);
  return rc;
}

int espalier_relation_create(MPI_Comm mpi, int features, int sent, int targets, const espalier_setting *setting,
                             int settings, espalier_relation **out) {
  static const char *const name[] = {"features", "sent", "targets"};
  const int given[ESP_ROLES] = {[ESP_INPUT] = features, [ESP_SENT] = sent, [ESP_TARGET] = targets};
  const double width[] = {features, sent, targets};
  espalier_relation *r;
  esp_config *config = NULL;
  const char *how;
  int rc;
  ESP_CALL(begin("espalier_relation_create", mpi, out, &r));
  ESP_TRY(esp_lib_same(r->comm, 3, width, name));
  for (int k = 0; k < 3; k++)
    ESP_NEED(width[k] >= 1, ESP_ERR_CONFIG, "%s = %.0f numbers a particle; at least 1 is needed", name[k], width[k]);
  ESP_TRY(make_config(r, setting, settings, &config));
  rc = fill(r, config);
  if (!rc) rc = make_model(r, config, given);
  ESP_TRY(r->comm->agree(r->comm, rc));
  ESP_TRY(esp_device_take(r->comm, config, NULL, &r->device, &how));
  *out = r;
done:
  esp_config_free(&config);
  if (rc) espalier_relation_destroy(&r);
  return rc;
}

static int read_model(espalier_relation *r, const char *path, const esp_config *config) {
  char precision[ESP_CHECKPOINT_PRECISION];
  const char *how;
  ESP_CALL(esp_checkpoint_read(r->comm, path, &r->model, NULL, precision));
  const esp_network *network = r->model.network;
  ESP_CHECK(network == r->task->network, ESP_ERR_CONFIG, "%s: a network of kind '%s'; a relation is learned by '%s'",
            path, network->name, r->task->network->name);
  int rc = esp_options_replace(network->options, config, r->model.param);
  if (!rc) rc = fill(r, config);
  ESP_AGREE(r->comm, rc);
  return esp_device_take(r->comm, config, esp_device_find(precision)->precision, &r->device, &how);
}

static int check_path(const esp_comm *comm, const char *path) {
  ESP_AGREE(comm, path ? ESP_OK : ESP_FAIL(ESP_ERR_ARG, "espalier_relation: no path of a checkpoint"));
  return esp_lib_same_word(comm, hash_text(0, path), "the path of the checkpoint");
}

int espalier_relation_read(MPI_Comm mpi, const char *path, const espalier_setting *setting, int settings,
                           espalier_relation **out) {
  espalier_relation *r;
  esp_config *config = NULL;
  int rc;
  ESP_CALL(begin("espalier_relation_read", mpi, out, &r));
  ESP_TRY(check_path(r->comm, path));
  ESP_TRY(make_config(r, setting, settings, &config));
  ESP_TRY(read_model(r, path, config));
  *out = r;
done:
  esp_config_free(&config);
  if (rc) espalier_relation_destroy(&r);
  return rc;
}

int esp_learned_check(const espalier_relation *r, const char *function) {
  ESP_CALL(esp_lib_mpi_runs(function));
  ESP_CHECK(r, ESP_ERR_ARG, "%s: no relation given", function);
  return ESP_OK;
}

int espalier_relation_write(espalier_relation *r, const char *path) {
  esp_error_clear();
  ESP_CALL(esp_learned_check(r, "espalier_relation_write"));
  ESP_CALL(check_path(r->comm, path));
  const esp_checkpoint_origin from = {.loss = r->last};
  return esp_checkpoint_write(r->comm, path, &r->model, r->adam.m ? &r->adam : NULL, r->task->name, r->device->name,
                              &from);
}

int espalier_relation_destroy(espalier_relation **r) {
  if (!r || !*r) return ESP_OK;
  ESP_CHECK(!(*r)->training, ESP_ERR_ARG, "espalier_relation_destroy while the relation is trained");
  esp_adam_free(&(*r)->adam);
  esp_model_free(&(*r)->model);
  ESP_FREE((*r)->data);
  ESP_FREE((*r)->loss);
  esp_comm_mpi_free(&(*r)->comm);
  ESP_FREE(*r);
  return ESP_OK;
}

/* ---- what it is ---- */

int espalier_relation_widths(const espalier_relation *r, int *features, int *sent, int *targets, int *dim) {
  esp_error_clear();
  ESP_CHECK(r, ESP_ERR_ARG, "espalier_relation_widths: no relation given");
  const int *width = r->model.sizes.width;
  esp_place place;
  if (features) *features = width[ESP_INPUT];
  if (sent) *sent = width[ESP_SENT];
  if (targets) *targets = width[ESP_TARGET];
  if (!dim) return ESP_OK;
  ESP_CALL(r->model.network->place(&r->model, NULL, NULL, &place, NULL, NULL));
  *dim = place.domain.dim;
  return ESP_OK;
}

int espalier_relation_checksum(const espalier_relation *r, uint64_t *checksum) {
  esp_error_clear();
  ESP_CHECK(r && checksum, ESP_ERR_ARG, "espalier_relation_checksum: no relation given, or no place for the result");
  *checksum = esp_model_checksum(&r->model);
  return ESP_OK;
}

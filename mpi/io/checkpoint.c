#include "io/checkpoint.h"

#include <stdio.h>
#include <string.h>

#include "io/checkpoint_parts.h"

static const char FORMAT[] = "espalier checkpoint";

/* The description of a model as it stands in a file. */
typedef struct {
  int64_t layers, hidden, leaf, block, pairs_per_particle, pairs_limit, step, moments;
  uint64_t seed;
  double theta;
  char tableau[ESP_CHECKPOINT_TEXT], message[ESP_CHECKPOINT_TEXT], precision[ESP_CHECKPOINT_TEXT];
} description;

#define FIELD(name, kind, same) \
  { #name, ESP_FIELD_##kind, offsetof(description, name), same }
/* theta may differ where it is budgeted */
static const esp_checkpoint_field FIELDS[] = {
    FIELD(layers, WHOLE, 1),     FIELD(tableau, TEXT, 1), FIELD(message, TEXT, 1),  FIELD(hidden, WHOLE, 1),
    FIELD(seed, SEED, 1),        FIELD(leaf, WHOLE, 1),   FIELD(block, WHOLE, 1),   FIELD(precision, TEXT, 1),
    FIELD(theta, REAL, 0),       FIELD(step, WHOLE, 0),   FIELD(moments, WHOLE, 0), FIELD(pairs_per_particle, WHOLE, 0),
    FIELD(pairs_limit, WHOLE, 0)};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };

static description describe(const esp_integrator *model, const esp_adam *adam, const char *precision) {
  const esp_integrator_param *p = &model->param;
  description d = {.layers = p->layers,
                   .hidden = p->hidden,
                   .leaf = p->domain.leaf,
                   .block = p->domain.block,
                   .pairs_per_particle = p->domain.lists.pairs_per_particle,
                   .pairs_limit = p->domain.lists.pairs_limit,
                   .step = adam ? adam->step : 0,
                   .moments = adam != NULL,
                   .seed = p->seed,
                   .theta = p->domain.lists.theta};
  snprintf(d.tableau, sizeof d.tableau, "%s", esp_tableau_name(p->tableau));
  snprintf(d.message, sizeof d.message, "%s", esp_message_name(p->message));
  snprintf(d.precision, sizeof d.precision, "%s", precision);
  return d;
}

/* ---- writing ---- */

static int write_all(esp_file *file, const esp_integrator *model, const esp_adam *adam, const description *d) {
  ESP_CALL(esp_checkpoint_put_fields(file, FORMAT, FIELDS, FIELD_COUNT, d));
  return esp_checkpoint_put_block(file, &model->block, adam);
}

int esp_checkpoint_write(const esp_comm *comm, const char *path, const esp_integrator *model, const esp_adam *adam,
                         const char *precision) {
  esp_file *file = NULL;
  description d = describe(model, adam, precision);
  ESP_CALL(esp_file_create_begin(comm, path, &file));
  int rc = write_all(file, model, adam, &d);
  if (rc) {
    esp_file_abort(&file);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  return esp_file_commit(&file);
}

/* ---- reading ---- */

static int read_blocks(esp_file *file, const description *d, esp_integrator *model, esp_adam *adam) {
  return esp_checkpoint_get_block(file, &model->block, d->moments, d->step, adam);
}

static int to_param(const char *path, const description *d, esp_integrator_param *param) {
  const char *tableaux[] = {esp_tableau_name(ESP_TABLEAU_FREE), esp_tableau_name(ESP_TABLEAU_SYMPLECTIC)};
  const char *messages[] = {esp_message_name(ESP_MESSAGE_NEWTON), esp_message_name(ESP_MESSAGE_CORRECTION),
                            esp_message_name(ESP_MESSAGE_MLP)};
  int tableau, message;
  ESP_CALL(esp_checkpoint_kind_of(path, "tableau", d->tableau, 2, tableaux, &tableau));
  ESP_CALL(esp_checkpoint_kind_of(path, "message", d->message, 3, messages, &message));
  const int64_t small[] = {d->layers, d->hidden, d->leaf, d->block};
  for (int i = 0; i < 4; i++) {
    ESP_CHECK(small[i] >= 0 && small[i] <= INT32_MAX, ESP_ERR_FORMAT, "%s: layers, hidden, leaf or block is %lld", path,
              (long long)small[i]);
  }
  *param = (esp_integrator_param){.layers = (int)d->layers,
                                  .tableau = (esp_tableau_kind)tableau,
                                  .message = (esp_message_kind)message,
                                  .hidden = (int)d->hidden,
                                  .seed = d->seed,
                                  .domain = {.leaf = (int)d->leaf, .block = (int)d->block, .dim = 3}};
  param->domain.lists.theta = d->theta;
  param->domain.lists.pairs_per_particle = d->pairs_per_particle;
  param->domain.lists.pairs_limit = d->pairs_limit;
  return ESP_OK;
}

static int read_model(esp_file *file, esp_integrator *model, esp_adam *adam, char *precision) {
  description d = {0};
  esp_integrator_param param;
  ESP_CALL(esp_checkpoint_get_fields(file, FORMAT, FIELDS, FIELD_COUNT, &d));
  ESP_CALL(to_param(file->path, &d, &param));
  ESP_AGREE(file->comm, esp_integrator_create(&param, model));
  if (adam) ESP_AGREE(file->comm, esp_adam_create(model->block.count, adam));
  ESP_CALL(read_blocks(file, &d, model, adam));
  if (precision) snprintf(precision, ESP_CHECKPOINT_PRECISION, "%.15s", d.precision);
  return ESP_OK;
}

int esp_checkpoint_read(const esp_comm *comm, const char *path, esp_integrator *model, esp_adam *adam,
                        char *precision) {
  esp_file *file = NULL;
  *model = (esp_integrator){0};
  if (adam) *adam = (esp_adam){0};
  ESP_CALL(esp_file_open(comm, path, &file));
  int rc = read_model(file, model, adam, precision);
  esp_file_close(&file);
  if (rc) {
    esp_integrator_free(model);
    if (adam) esp_adam_free(adam);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  return ESP_OK;
}

/* ---- continuing ---- */

static int check_same(const char *path, const description *file, const description *run) {
  esp_differences all = {.length = 0};
  esp_differences_fields(&all, FIELDS, FIELD_COUNT, file, run);
  if (run->pairs_per_particle <= 0 && file->theta != run->theta)
    esp_differences_add(&all, "\n  theta: file %.17g, run %.17g", file->theta, run->theta);
  return esp_differences_refuse(&all, path);
}

/* A failure leaves model and adam untouched: everything is read into copies first. */
int esp_checkpoint_resume(const esp_comm *comm, const char *path, esp_integrator *model, esp_adam *adam,
                          const char *precision) {
  int rc = ESP_OK;
  esp_file *file = NULL;
  esp_integrator copy = {0};
  esp_adam moments = {0};
  description in_file = {0}, in_run = describe(model, adam, precision);
  ESP_CALL(esp_file_open(comm, path, &file));
  ESP_TRY(esp_checkpoint_get_fields(file, FORMAT, FIELDS, FIELD_COUNT, &in_file));
  ESP_TRY(check_same(path, &in_file, &in_run));
  rc = esp_integrator_create(&model->param, &copy);
  if (!rc) rc = esp_adam_create(model->block.count, &moments);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(read_blocks(file, &in_file, &copy, adam ? &moments : NULL));
  size_t bytes = (size_t)model->block.count * sizeof(double);
  memcpy(model->block.value, copy.block.value, bytes);
  model->param.domain.lists.theta = in_file.theta;
  model->param.domain.lists.pairs_per_particle = in_file.pairs_per_particle;
  if (adam) {
    memcpy(adam->m, moments.m, bytes);
    memcpy(adam->v, moments.v, bytes);
    adam->step = moments.step;
  }
done:
  esp_file_close(&file);
  esp_integrator_free(&copy);
  esp_adam_free(&moments);
  return rc;
}

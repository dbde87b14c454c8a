#include "io/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "io/checkpoint_rows.h"
#include "net/loss.h"

enum { WORD = 64 };
static const char FORMAT[] = "espalier checkpoint";
static const int64_t VERSION = 2;
static const char *const SIZE[ESP_ROLES] = {"size_input",  "size_sent",  "size_target",    "size_weight",
                                            "size_hidden", "size_extra", "size_validation"};

/* Files of before there was such a column have no size of it. */
static int always_there(int role) {
  return role != ESP_VALIDATION;
}

/* Version 1 had a format for each of its networks; sizes were attributes, or went without saying. */
static const struct {
  const char *format, *network;
  const char *size[3]; /* INPUT, SENT, TARGET */
  int width[3];
} OLD[] = {{"espalier checkpoint", "integrator", {NULL, NULL, NULL}, {6, 1, 6}},
           {"espalier relation checkpoint", "stack", {"features", "values", "targets"}, {0, 0, 0}}};

/* Its row; -1: no checkpoint. */
static int old_of(const char *format) {
  for (int k = 0; k < (int)(sizeof OLD / sizeof *OLD); k++)
    if (!strcmp(OLD[k].format, format)) return k;
  return -1;
}

int esp_checkpoint_is(const char *format) {
  return old_of(format) >= 0;
}

/* What a file says of itself. param: the network's structure, owned. */
typedef struct {
  const esp_network *network;
  void *param;
  esp_sizes sizes;
  int64_t step, moments;
  char precision[WORD];
} description;

/* ---- blocks ---- */

/* Every rank holds the same block; rank 0 writes it. */
static int write_block(esp_file *file, const char *name, int count, const double *value) {
  return esp_file_write(file, name, ESP_FILE_F64, 0, count, 0, file->comm->rank == 0 ? count : 0, value, 0);
}

static int write_blocks(esp_file *file, const esp_block *block, const esp_adam *adam) {
  ESP_CALL(esp_file_group(file, "table"));
  for (int e = 0; e < block->entries; e++) {
    const esp_entry *entry = &block->entry[e];
    const int32_t place[3] = {entry->offset, entry->rows, entry->columns};
    ESP_CALL(esp_file_attr_write(file, "table", entry->name, ESP_FILE_I32, 3, place));
  }
  const esp_best *best = adam && adam->best.step > 0 ? &adam->best : NULL;
  const double *used = best && !best->chosen ? best->other : block->value;
  ESP_CALL(write_block(file, "parameters", block->count, used));
  if (!adam) return ESP_OK;
  ESP_CALL(write_block(file, "moment1", block->count, adam->m));
  ESP_CALL(write_block(file, "moment2", block->count, adam->v));
  if (!best) return ESP_OK;
  ESP_CALL(write_block(file, "last", block->count, best->chosen ? best->other : block->value));
  ESP_CALL(esp_file_attr_write(file, "/", "best_step", ESP_FILE_I64, 0, &best->step));
  return esp_file_attr_write(file, "/", "best_value", ESP_FILE_F64, ESP_LOSS_VALUES, best->value);
}

/* The table must be the one this program gives such a model. */
static int check_table(esp_file *file, const esp_block *block) {
  for (int e = 0; e < block->entries; e++) {
    const esp_entry *entry = &block->entry[e];
    int32_t place[3] = {0};
    ESP_CALL(esp_file_attr_read(file, "table", entry->name, ESP_FILE_I32, 3, place));
    ESP_CHECK(place[0] == entry->offset && place[1] == entry->rows && place[2] == entry->columns, ESP_ERR_FORMAT,
              "%s: table/%s: offset %d, shape %d x %d; the model needs offset %d, shape %d x %d", file->path,
              entry->name, (int)place[0], (int)place[1], (int)place[2], entry->offset, entry->rows, entry->columns);
  }
  return ESP_OK;
}

static int read_block(esp_file *file, const char *name, int count, double least, double *value) {
  ESP_CALL(esp_file_read(file, name, ESP_FILE_F64, 0, count, 0, count, value));
  for (int i = 0; i < count; i++) {
    ESP_CHECK(value[i] - value[i] == 0, ESP_ERR_FORMAT, "%s: %s[%d] is %g: must be finite", file->path, name, i,
              value[i]);
    ESP_CHECK(value[i] >= least, ESP_ERR_FORMAT, "%s: %s[%d] is %g: must be >= %g", file->path, name, i, value[i],
              least);
  }
  return ESP_OK;
}

/* The best of the steps, where the file has one: the model's parameters are its. */
static int read_best(esp_file *file, int64_t step, int count, esp_best *best) {
  esp_file_shape shape;
  int64_t at = 0;
  double value[ESP_LOSS_VALUES];
  ESP_CALL(esp_file_attr_shape(file, "/", "best_step", &shape));
  if (!shape.exists) return ESP_OK;
  ESP_CALL(esp_file_attr_read(file, "/", "best_step", ESP_FILE_I64, 1, &at));
  ESP_CALL(esp_file_attr_read(file, "/", "best_value", ESP_FILE_F64, ESP_LOSS_VALUES, value));
  ESP_CHECK(at >= 1 && at <= step, ESP_ERR_FORMAT, "%s: best_step %lld: must be 1 to %lld, the step", file->path,
            (long long)at, (long long)step);
  ESP_CHECK(!isnan(value[0]), ESP_ERR_FORMAT, "%s: best_value is not a number", file->path);
  ESP_AGREE(file->comm, esp_best_create(count, best));
  ESP_CALL(read_block(file, "last", count, -INFINITY, best->other));
  best->step = at, best->chosen = 1;
  memcpy(best->value, value, sizeof value);
  return ESP_OK;
}

/* A model as the file describes it, its parameters, and *adam, unless NULL. */
static int read_blocks(esp_file *file, const description *d, const void *param, esp_model *model, esp_adam *adam) {
  esp_file_shape s;
  ESP_CALL(esp_file_dataset(file, "parameters", &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: dataset parameters is missing", file->path); /* a network may have none */
  int rc = esp_model_create_known(d->network, param, &d->sizes, s.count, model);
  if (!rc && adam) rc = esp_adam_create(model->block.count, adam);
  ESP_AGREE(file->comm, esp_error_blame(rc, file->path));
  ESP_CALL(check_table(file, &model->block));
  ESP_CALL(read_block(file, "parameters", model->block.count, -INFINITY, model->block.value));
  if (!adam) return ESP_OK;
  ESP_CHECK(d->moments, ESP_ERR_FORMAT, "%s: holds no moments: training cannot go on from it", file->path);
  ESP_CHECK(d->step >= 0, ESP_ERR_FORMAT, "%s: step %lld: must be >= 0", file->path, (long long)d->step);
  ESP_CALL(read_block(file, "moment1", adam->count, -INFINITY, adam->m));
  ESP_CALL(read_block(file, "moment2", adam->count, 0, adam->v));
  adam->step = d->step;
  return read_best(file, d->step, adam->count, &adam->best);
}

/* ---- writing ---- */

static int write_origin(esp_file *file, const esp_checkpoint_origin *from) {
  if (from->run[0]) ESP_CALL(esp_file_attr_write_string(file, "/", "run", from->run));
  if (isnan(from->loss)) return ESP_OK;
  return esp_file_attr_write(file, "/", "loss", ESP_FILE_F64, 0, &from->loss);
}

static int write_all(esp_file *file, const esp_model *model, const esp_adam *adam, const char *task,
                     const char *precision) {
  const int64_t step = adam ? adam->step : 0, moments = adam != NULL;
  ESP_CALL(esp_file_attr_write_string(file, "/", "format", FORMAT));
  ESP_CALL(esp_file_attr_write(file, "/", "version", ESP_FILE_I64, 0, &VERSION));
  ESP_CALL(esp_file_attr_write_string(file, "/", "network", model->network->name));
  if (task[0]) ESP_CALL(esp_file_attr_write_string(file, "/", "task", task));
  ESP_CALL(esp_file_attr_write_string(file, "/", "precision", precision));
  ESP_CALL(esp_file_attr_write(file, "/", "step", ESP_FILE_I64, 0, &step));
  ESP_CALL(esp_file_attr_write(file, "/", "moments", ESP_FILE_I64, 0, &moments));
  for (int role = 0; role < ESP_ROLES; role++)
    if (always_there(role) || model->sizes.width[role])
      ESP_CALL(esp_file_attr_write(file, "/", SIZE[role], ESP_FILE_I64, 0, &(int64_t){model->sizes.width[role]}));
  if (model->sizes.taken[0]) ESP_CALL(esp_file_attr_write_string(file, "/", "columns", model->sizes.taken));
  ESP_CALL(esp_rows_write(file, model->network->options, model->param));
  return write_blocks(file, &model->block, adam);
}

int esp_checkpoint_write(const esp_comm *comm, const char *path, const esp_model *model, const esp_adam *adam,
                         const char *task, const char *precision, const esp_checkpoint_origin *from) {
  esp_file *file = NULL;
  ESP_CALL(esp_file_create_begin(comm, path, &file));
  int rc = write_all(file, model, adam, task, precision);
  if (!rc && from) rc = write_origin(file, from);
  if (rc) {
    esp_file_abort(&file);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  return esp_file_commit(&file);
}

/* ---- what a file says of itself ---- */

static int read_width(const esp_file *file, const char *name, int *width) {
  int64_t whole = 0;
  ESP_CALL(esp_file_attr_read(file, "/", name, ESP_FILE_I64, 1, &whole));
  ESP_CHECK(whole >= 0 && whole <= INT32_MAX, ESP_ERR_FORMAT, "%s: %s is %lld, must be 0 to %d", file->path, name,
            (long long)whole, INT32_MAX);
  *width = (int)whole;
  return ESP_OK;
}

/* The network and the sizes, as either version has them. */
static int read_kind(const esp_file *file, const char *format, int64_t version, description *d) {
  char name[WORD] = "";
  const int old = old_of(format);
  if (version == 1)
    snprintf(name, sizeof name, "%s", OLD[old].network);
  else
    ESP_CALL(esp_file_attr_read_string(file, "/", "network", name, sizeof name));
  d->network = esp_network_find(name);
  ESP_CHECK(d->network, ESP_ERR_FORMAT, "%s: network '%s' is not known here", file->path, name);
  for (int role = 0; role < (version == 1 ? 3 : ESP_ROLES); role++) {
    const char *size = version == 1 ? OLD[old].size[role] : SIZE[role];
    esp_file_shape there = {.exists = 1};
    if (!always_there(role)) ESP_CALL(esp_file_attr_shape(file, "/", size, &there));
    if (size && there.exists)
      ESP_CALL(read_width(file, size, &d->sizes.width[role]));
    else if (version == 1)
      d->sizes.width[role] = OLD[old].width[role];
  }
  esp_file_shape columns;
  ESP_CALL(esp_file_attr_shape(file, "/", "columns", &columns));
  if (!columns.exists) return ESP_OK; /* of earlier ones nothing is known */
  return esp_file_attr_read_string(file, "/", "columns", d->sizes.taken, sizeof d->sizes.taken);
}

static int read_format(const esp_file *file, char format[WORD], int64_t *version) {
  esp_file_shape shape;
  ESP_CALL(esp_file_attr_shape(file, "/", "format", &shape));
  ESP_CHECK(shape.exists && shape.class == H5T_STRING, ESP_ERR_FORMAT,
            "%s: not a checkpoint: attribute 'format' is missing", file->path);
  ESP_CALL(esp_file_attr_read_string(file, "/", "format", format, WORD));
  ESP_CHECK(esp_checkpoint_is(format), ESP_ERR_FORMAT, "%s: not a checkpoint: format is '%s', allowed is '%s'",
            file->path, format, FORMAT);
  ESP_CALL(esp_file_attr_read(file, "/", "version", ESP_FILE_I64, 1, version));
  ESP_CHECK(*version == 1 || (*version == VERSION && !strcmp(format, FORMAT)), ESP_ERR_FORMAT,
            "%s: %s version %lld, known are 1 and %lld", file->path, format, (long long)*version, (long long)VERSION);
  return ESP_OK;
}

static int read_description(esp_file *file, description *d) {
  char format[WORD];
  int64_t version = 0;
  ESP_CALL(read_format(file, format, &version));
  ESP_CALL(read_kind(file, format, version, d));
  ESP_CALL(esp_file_attr_read_string(file, "/", "precision", d->precision, sizeof d->precision));
  ESP_CALL(esp_file_attr_read(file, "/", "step", ESP_FILE_I64, 1, &d->step));
  ESP_CALL(esp_file_attr_read(file, "/", "moments", ESP_FILE_I64, 1, &d->moments));
  char *param = NULL;
  ESP_AGREE(file->comm, ESP_ALLOC(param, d->network->options->size));
  d->param = param;
  return esp_rows_read(file, d->network->options, version, param);
}

/* ---- reading ---- */

int esp_checkpoint_read(const esp_comm *comm, const char *path, esp_model *model, esp_adam *adam, char *precision) {
  esp_file *file = NULL;
  description d = {0};
  int rc;
  *model = (esp_model){0};
  if (adam) *adam = (esp_adam){0};
  ESP_CALL(esp_file_open(comm, path, &file));
  ESP_TRY(read_description(file, &d));
  ESP_TRY(read_blocks(file, &d, d.param, model, adam));
  if (precision) snprintf(precision, ESP_CHECKPOINT_PRECISION, "%.15s", d.precision);
done:
  esp_file_close(&file);
  ESP_FREE(d.param);
  if (rc) {
    esp_model_free(model);
    if (adam) esp_adam_free(adam);
  }
  return rc;
}

/* Of version 1, and of earlier ones of version 2, nothing is known. */
static int read_origin(const esp_file *file, esp_checkpoint_origin *from) {
  char format[WORD];
  int64_t version;
  esp_file_shape run, loss;
  ESP_CALL(read_format(file, format, &version));
  ESP_CALL(esp_file_attr_read(file, "/", "step", ESP_FILE_I64, 1, &from->step));
  ESP_CALL(esp_file_attr_shape(file, "/", "run", &run));
  if (run.exists) ESP_CALL(esp_file_attr_read_string(file, "/", "run", from->run, sizeof from->run));
  ESP_CHECK(!from->run[strspn(from->run, "0123456789abcdef")], ESP_ERR_FORMAT,
            "%s: attribute run holds other than hexadecimal digits", file->path);
  ESP_CALL(esp_file_attr_shape(file, "/", "loss", &loss));
  if (loss.exists) ESP_CALL(esp_file_attr_read(file, "/", "loss", ESP_FILE_F64, 1, &from->loss));
  return ESP_OK;
}

int esp_checkpoint_origin_read(const esp_comm *comm, const char *path, esp_checkpoint_origin *from) {
  esp_file *file = NULL;
  *from = (esp_checkpoint_origin){.loss = NAN};
  ESP_CALL(esp_file_open(comm, path, &file));
  int rc = read_origin(file, from);
  esp_file_close(&file);
  return rc;
}

/* ---- continuing ---- */

/* param: the run's, with what was found for the file's. */
static int check_same(const char *path, const description *d, const esp_model *run, const void *param,
                      const char *precision) {
  esp_differences all = {.length = 0};
  if (d->network != run->network) {
    esp_differences_add(&all, "\n  network: file '%s', run '%s'", d->network->name, run->network->name);
  } else {
    for (int role = 0; role <= ESP_TARGET; role++)
      if (d->sizes.width[role] != run->sizes.width[role])
        esp_differences_add(&all, "\n  %s: file %d, run %d", SIZE[role], d->sizes.width[role], run->sizes.width[role]);
    if (d->sizes.taken[0] && run->sizes.taken[0] && strcmp(d->sizes.taken, run->sizes.taken))
      esp_differences_add(&all, "\n  columns: file '%s', run '%s'", d->sizes.taken, run->sizes.taken);
    esp_differences_rows(&all, run->network->options, d->param, param);
  }
  if (strcmp(esp_device_find(d->precision)->precision, esp_device_find(precision)->precision))
    esp_differences_add(&all, "\n  precision: file '%s', run '%s'", d->precision, precision);
  ESP_CHECK(all.length == 0, ESP_ERR_CONFIG, "%s: a checkpoint of another model:%s", path, all.text);
  return ESP_OK;
}

/* Everything is read into copies first. */
int esp_checkpoint_resume(const esp_comm *comm, const char *path, esp_model *model, esp_adam *adam,
                          const char *precision) {
  const esp_options *options = model->network->options;
  esp_file *file = NULL;
  description d = {0};
  esp_model copy = {0};
  esp_adam moments = {0};
  char *param = NULL;
  int rc;
  ESP_CALL(esp_file_open(comm, path, &file));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(param, options->size)));
  memcpy(param, model->param, options->size);
  ESP_TRY(read_description(file, &d));
  if (d.network == model->network) ESP_TRY(comm->agree(comm, esp_options_continue(options, d.param, param)));
  ESP_TRY(check_same(path, &d, model, param, precision));
  ESP_TRY(read_blocks(file, &d, param, &copy, adam ? &moments : NULL));
  const size_t bytes = (size_t)model->block.count * sizeof(double);
  memcpy(model->param, param, options->size);
  memcpy(model->block.value, copy.block.value, bytes);
  if (adam) {
    memcpy(adam->m, moments.m, bytes);
    memcpy(adam->v, moments.v, bytes);
    adam->step = moments.step;
    esp_best_free(&adam->best);
    adam->best = moments.best, moments.best = (esp_best){0};
  }
done:
  esp_file_close(&file);
  esp_model_free(&copy);
  esp_adam_free(&moments);
  ESP_FREE(param);
  ESP_FREE(d.param);
  return rc;
}

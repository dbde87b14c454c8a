#include "io/checkpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "io/file.h"

static const char FORMAT[] = "espalier checkpoint";
enum { VERSION = 1, NAME = 32 };

/* The description of a model as it stands in a file. */
typedef struct {
  int64_t layers, hidden, leaf, block, pairs_per_particle, pairs_limit, step, moments;
  uint64_t seed;
  double theta;
  char tableau[NAME], message[NAME], precision[NAME];
} description;

static description describe(const esp_model *model, const esp_adam *adam, const char *precision) {
  const esp_model_param *p = &model->param;
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
  snprintf(d.tableau, NAME, "%s", esp_tableau_name(p->tableau));
  snprintf(d.message, NAME, "%s", esp_message_name(p->message));
  snprintf(d.precision, NAME, "%s", precision);
  return d;
}

/* ---- writing ---- */

static int write_description(esp_file *file, const description *d) {
  const struct {
    const char *name;
    const int64_t *value;
  } whole[] = {{"layers", &d->layers},   {"hidden", &d->hidden},
               {"leaf", &d->leaf},       {"block", &d->block},
               {"step", &d->step},       {"pairs_per_particle", &d->pairs_per_particle},
               {"moments", &d->moments}, {"pairs_limit", &d->pairs_limit}};
  int64_t version = VERSION;
  ESP_CALL(esp_file_attr_write_string(file, "/", "format", FORMAT));
  ESP_CALL(esp_file_attr_write(file, "/", "version", ESP_FILE_I64, 0, &version));
  for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
    ESP_CALL(esp_file_attr_write(file, "/", whole[i].name, ESP_FILE_I64, 0, whole[i].value));
  }
  ESP_CALL(esp_file_attr_write(file, "/", "seed", ESP_FILE_U64, 0, &d->seed));
  ESP_CALL(esp_file_attr_write(file, "/", "theta", ESP_FILE_F64, 0, &d->theta));
  ESP_CALL(esp_file_attr_write_string(file, "/", "tableau", d->tableau));
  ESP_CALL(esp_file_attr_write_string(file, "/", "message", d->message));
  return esp_file_attr_write_string(file, "/", "precision", d->precision);
}

/* Every rank holds the same block; rank 0 writes it. */
static int write_block(esp_file *file, const char *name, int count, const double *value) {
  return esp_file_write(file, name, ESP_FILE_F64, 0, count, 0, file->comm->rank == 0 ? count : 0, value, 0);
}

static int write_all(esp_file *file, const esp_model *model, const esp_adam *adam, const description *d) {
  ESP_CALL(write_description(file, d));
  ESP_CALL(esp_file_group(file, "table"));
  for (int e = 0; e < model->entries; e++) {
    const esp_param_entry *entry = &model->entry[e];
    int32_t place[3] = {entry->offset, entry->rows, entry->columns};
    ESP_CALL(esp_file_attr_write(file, "table", entry->name, ESP_FILE_I32, 3, place));
  }
  ESP_CALL(write_block(file, "parameters", model->count, model->value));
  if (adam) {
    ESP_CALL(write_block(file, "moment1", model->count, adam->m));
    ESP_CALL(write_block(file, "moment2", model->count, adam->v));
  }
  return ESP_OK;
}

int esp_checkpoint_write(const esp_comm *comm, const char *path, const esp_model *model, const esp_adam *adam,
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

static int read_description(esp_file *file, description *d) {
  const struct {
    const char *name;
    int64_t *value;
  } whole[] = {{"layers", &d->layers},   {"hidden", &d->hidden},
               {"leaf", &d->leaf},       {"block", &d->block},
               {"step", &d->step},       {"pairs_per_particle", &d->pairs_per_particle},
               {"moments", &d->moments}, {"pairs_limit", &d->pairs_limit}};
  esp_file_shape shape;
  char format[NAME] = "";
  int64_t version = 0;
  ESP_CALL(esp_file_attr_shape(file, "/", "format", &shape));
  ESP_CHECK(shape.exists && shape.class == H5T_STRING, ESP_ERR_FORMAT,
            "%s: not a checkpoint: attribute 'format' is missing", file->path);
  ESP_CALL(esp_file_attr_read_string(file, "/", "format", format, sizeof format));
  ESP_CHECK(!strcmp(format, FORMAT), ESP_ERR_FORMAT, "%s: not a checkpoint: format is '%s', allowed is '%s'",
            file->path, format, FORMAT);
  ESP_CALL(esp_file_attr_read(file, "/", "version", ESP_FILE_I64, 1, &version));
  ESP_CHECK(version == VERSION, ESP_ERR_FORMAT, "%s: checkpoint version %lld, known is %d", file->path,
            (long long)version, VERSION);
  for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
    ESP_CALL(esp_file_attr_read(file, "/", whole[i].name, ESP_FILE_I64, 1, whole[i].value));
  }
  ESP_CALL(esp_file_attr_read(file, "/", "seed", ESP_FILE_U64, 1, &d->seed));
  ESP_CALL(esp_file_attr_read(file, "/", "theta", ESP_FILE_F64, 1, &d->theta));
  ESP_CALL(esp_file_attr_read_string(file, "/", "tableau", d->tableau, NAME));
  ESP_CALL(esp_file_attr_read_string(file, "/", "message", d->message, NAME));
  return esp_file_attr_read_string(file, "/", "precision", d->precision, NAME);
}

/* The parameter table must be the one this program gives such a model. */
static int check_table(esp_file *file, const esp_model *model) {
  for (int e = 0; e < model->entries; e++) {
    const esp_param_entry *entry = &model->entry[e];
    int32_t place[3] = {0};
    ESP_CALL(esp_file_attr_read(file, "table", entry->name, ESP_FILE_I32, 3, place));
    ESP_CHECK(place[0] == entry->offset && place[1] == entry->rows && place[2] == entry->columns, ESP_ERR_FORMAT,
              "%s: table/%s: offset %d, shape %d x %d; the model needs offset %d, shape %d x %d", file->path,
              entry->name, (int)place[0], (int)place[1], (int)place[2], entry->offset, entry->rows, entry->columns);
  }
  return ESP_OK;
}

static int check_finite(const char *path, const char *name, int count, const double *value) {
  for (int i = 0; i < count; i++) {
    ESP_CHECK(value[i] - value[i] == 0, ESP_ERR_FORMAT, "%s: %s[%d] is %g: must be finite", path, name, i, value[i]);
  }
  return ESP_OK;
}

static int read_block(esp_file *file, const char *name, int count, double *value) {
  ESP_CALL(esp_file_read(file, name, ESP_FILE_F64, 0, count, 0, count, value));
  return check_finite(file->path, name, count, value);
}

/* Values, and moments if adam and if the file has them. */
static int read_blocks(esp_file *file, const description *d, esp_model *model, esp_adam *adam) {
  ESP_CALL(check_table(file, model));
  ESP_CALL(read_block(file, "parameters", model->count, model->value));
  if (!adam) return ESP_OK;
  ESP_CHECK(d->moments, ESP_ERR_FORMAT, "%s: holds no moments: training cannot go on from it", file->path);
  ESP_CHECK(d->step >= 0, ESP_ERR_FORMAT, "%s: step %lld: must be >= 0", file->path, (long long)d->step);
  ESP_CALL(read_block(file, "moment1", model->count, adam->m));
  ESP_CALL(read_block(file, "moment2", model->count, adam->v));
  adam->step = d->step;
  return ESP_OK;
}

static int kind_of(const char *path, const char *what, const char *seen, int kinds, const char *const *name,
                   int *kind) {
  for (*kind = 0; *kind < kinds; (*kind)++) {
    if (!strcmp(seen, name[*kind])) return ESP_OK;
  }
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: %s '%s' is not known", path, what, seen);
}

static int to_param(const char *path, const description *d, esp_model_param *param) {
  const char *tableaux[] = {esp_tableau_name(ESP_TABLEAU_FREE), esp_tableau_name(ESP_TABLEAU_SYMPLECTIC)};
  const char *messages[] = {esp_message_name(ESP_MESSAGE_NEWTON), esp_message_name(ESP_MESSAGE_CORRECTION),
                            esp_message_name(ESP_MESSAGE_MLP)};
  int tableau, message;
  ESP_CALL(kind_of(path, "tableau", d->tableau, 2, tableaux, &tableau));
  ESP_CALL(kind_of(path, "message", d->message, 3, messages, &message));
  const int64_t small[] = {d->layers, d->hidden, d->leaf, d->block};
  for (int i = 0; i < 4; i++) {
    ESP_CHECK(small[i] >= 0 && small[i] <= INT32_MAX, ESP_ERR_FORMAT, "%s: layers, hidden, leaf or block is %lld", path,
              (long long)small[i]);
  }
  *param = (esp_model_param){.layers = (int)d->layers,
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

static int read_model(esp_file *file, esp_model *model, esp_adam *adam, char *precision) {
  description d = {0};
  esp_model_param param;
  ESP_CALL(read_description(file, &d));
  ESP_CALL(to_param(file->path, &d, &param));
  ESP_AGREE(file->comm, esp_model_create(&param, model));
  if (adam) ESP_AGREE(file->comm, esp_adam_create(model->count, adam));
  ESP_CALL(read_blocks(file, &d, model, adam));
  if (precision) snprintf(precision, ESP_CHECKPOINT_PRECISION, "%.15s", d.precision);
  return ESP_OK;
}

int esp_checkpoint_read(const esp_comm *comm, const char *path, esp_model *model, esp_adam *adam, char *precision) {
  esp_file *file = NULL;
  *model = (esp_model){0};
  if (adam) *adam = (esp_adam){0};
  ESP_CALL(esp_file_open(comm, path, &file));
  int rc = read_model(file, model, adam, precision);
  esp_file_close(&file);
  if (rc) {
    esp_model_free(model);
    if (adam) esp_adam_free(adam);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  return ESP_OK;
}

/* ---- continuing ---- */

typedef struct {
  char text[1024];
  size_t length;
} differences;

static void __attribute__((format(printf, 2, 3))) differ(differences *all, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int length = vsnprintf(all->text + all->length, sizeof all->text - all->length, format, list);
  va_end(list);
  if (length > 0) all->length += (size_t)length;
  if (all->length >= sizeof all->text) all->length = sizeof all->text - 1;
}

static void compare_whole(differences *all, const char *key, int64_t file, int64_t run) {
  if (file != run) differ(all, "\n  %s: file %lld, run %lld", key, (long long)file, (long long)run);
}

static void compare_text(differences *all, const char *key, const char *file, const char *run) {
  if (strcmp(file, run)) differ(all, "\n  %s: file '%s', run '%s'", key, file, run);
}

static int check_same(const char *path, const description *file, const description *run) {
  differences all = {.length = 0};
  compare_whole(&all, "layers", file->layers, run->layers);
  compare_text(&all, "tableau", file->tableau, run->tableau);
  compare_text(&all, "message", file->message, run->message);
  compare_whole(&all, "hidden", file->hidden, run->hidden);
  compare_whole(&all, "seed", (int64_t)file->seed, (int64_t)run->seed);
  compare_whole(&all, "leaf", file->leaf, run->leaf);
  compare_whole(&all, "block", file->block, run->block);
  compare_text(&all, "precision", file->precision, run->precision);
  if (run->pairs_per_particle <= 0 && file->theta != run->theta) {
    differ(&all, "\n  theta: file %.17g, run %.17g", file->theta, run->theta);
  }
  ESP_CHECK(all.length == 0, ESP_ERR_CONFIG, "%s: a checkpoint of another model:%s", path, all.text);
  return ESP_OK;
}

/* A failure leaves model and adam untouched: everything is read into copies first. */
int esp_checkpoint_resume(const esp_comm *comm, const char *path, esp_model *model, esp_adam *adam,
                          const char *precision) {
  int rc = ESP_OK;
  esp_file *file = NULL;
  esp_model copy = {0};
  esp_adam moments = {0};
  description in_file = {0}, in_run = describe(model, adam, precision);
  ESP_CALL(esp_file_open(comm, path, &file));
  ESP_TRY(read_description(file, &in_file));
  ESP_TRY(check_same(path, &in_file, &in_run));
  rc = esp_model_create(&model->param, &copy);
  if (!rc) rc = esp_adam_create(model->count, &moments);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(read_blocks(file, &in_file, &copy, adam ? &moments : NULL));
  size_t bytes = (size_t)model->count * sizeof(double);
  memcpy(model->value, copy.value, bytes);
  model->param.domain.lists.theta = in_file.theta;
  model->param.domain.lists.pairs_per_particle = in_file.pairs_per_particle;
  if (adam) {
    memcpy(adam->m, moments.m, bytes);
    memcpy(adam->v, moments.v, bytes);
    adam->step = moments.step;
  }
done:
  esp_file_close(&file);
  esp_model_free(&copy);
  esp_adam_free(&moments);
  return rc;
}

#include "io/checkpoint_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const int64_t VERSION = 1;

/* ---- fields ---- */

static esp_file_type number_type(esp_checkpoint_kind kind) {
  return kind == ESP_FIELD_WHOLE ? ESP_FILE_I64 : kind == ESP_FIELD_SEED ? ESP_FILE_U64 : ESP_FILE_F64;
}

int esp_checkpoint_put_fields(esp_file *file, const char *format, const esp_checkpoint_field *field, int fields,
                              const void *description) {
  ESP_CALL(esp_file_attr_write_string(file, "/", "format", format));
  ESP_CALL(esp_file_attr_write(file, "/", "version", ESP_FILE_I64, 0, &VERSION));
  for (int k = 0; k < fields; k++) {
    const char *at = (const char *)description + field[k].offset;
    if (field[k].kind == ESP_FIELD_TEXT)
      ESP_CALL(esp_file_attr_write_string(file, "/", field[k].name, at));
    else
      ESP_CALL(esp_file_attr_write(file, "/", field[k].name, number_type(field[k].kind), 0, at));
  }
  return ESP_OK;
}

/* What a file of this format is, in words; NULL if it is none of ours. */
static const char *words_of(const char *format) {
  static const struct {
    const char *format, *words;
  } known[] = {{"espalier checkpoint", "a checkpoint of a gravity network"},
               {"espalier relation checkpoint", "a checkpoint of a learned relation"},
               {"espalier ensemble", "an ensemble of clouds"},
               {"espalier features", "a file of feature sets"}};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    if (!strcmp(format, known[k].format)) return known[k].words;
  }
  return NULL;
}

static int check_format(const esp_file *file, const char *wanted) {
  char format[64] = "";
  esp_file_shape shape;
  ESP_CALL(esp_file_attr_shape(file, "/", "format", &shape));
  ESP_CHECK(shape.exists && shape.class == H5T_STRING, ESP_ERR_FORMAT,
            "%s: not a checkpoint: attribute 'format' is missing", file->path);
  ESP_CALL(esp_file_attr_read_string(file, "/", "format", format, sizeof format));
  const char *words = words_of(format);
  ESP_CHECK(words || !strcmp(format, wanted), ESP_ERR_FORMAT, "%s: not a checkpoint: format is '%s', allowed is '%s'",
            file->path, format, wanted);
  ESP_CHECK(!strcmp(format, wanted), ESP_ERR_FORMAT,
            "%s: not a checkpoint that serves here: it is %s (format '%s'), needed is %s ('%s')", file->path, words,
            format, words_of(wanted), wanted);
  return ESP_OK;
}

int esp_checkpoint_get_fields(esp_file *file, const char *format, const esp_checkpoint_field *field, int fields,
                              void *description) {
  int64_t version = 0;
  ESP_CALL(check_format(file, format));
  ESP_CALL(esp_file_attr_read(file, "/", "version", ESP_FILE_I64, 1, &version));
  ESP_CHECK(version == VERSION, ESP_ERR_FORMAT, "%s: checkpoint version %lld, known is %lld", file->path,
            (long long)version, (long long)VERSION);
  for (int k = 0; k < fields; k++) {
    char *at = (char *)description + field[k].offset;
    if (field[k].kind == ESP_FIELD_TEXT)
      ESP_CALL(esp_file_attr_read_string(file, "/", field[k].name, at, ESP_CHECKPOINT_TEXT));
    else
      ESP_CALL(esp_file_attr_read(file, "/", field[k].name, number_type(field[k].kind), 1, at));
  }
  return ESP_OK;
}

int esp_checkpoint_kind_of(const char *path, const char *what, const char *seen, int kinds, const char *const *name,
                           int *kind) {
  for (*kind = 0; *kind < kinds; (*kind)++) {
    if (!strcmp(seen, name[*kind])) return ESP_OK;
  }
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: %s '%s' is not known", path, what, seen);
}

/* ---- table and blocks ---- */

/* Every rank holds the same block; rank 0 writes it. */
static int write_block(esp_file *file, const char *name, int count, const double *value) {
  return esp_file_write(file, name, ESP_FILE_F64, 0, count, 0, file->comm->rank == 0 ? count : 0, value, 0);
}

int esp_checkpoint_put_block(esp_file *file, const esp_block *block, const esp_adam *adam) {
  ESP_CALL(esp_file_group(file, "table"));
  for (int e = 0; e < block->entries; e++) {
    const esp_entry *entry = &block->entry[e];
    const int32_t place[3] = {entry->offset, entry->rows, entry->columns};
    ESP_CALL(esp_file_attr_write(file, "table", entry->name, ESP_FILE_I32, 3, place));
  }
  ESP_CALL(write_block(file, "parameters", block->count, block->value));
  if (adam) {
    ESP_CALL(write_block(file, "moment1", block->count, adam->m));
    ESP_CALL(write_block(file, "moment2", block->count, adam->v));
  }
  return ESP_OK;
}

/* The parameter table must be the one this program gives such a model. */
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

static int read_block(esp_file *file, const char *name, int count, double *value) {
  ESP_CALL(esp_file_read(file, name, ESP_FILE_F64, 0, count, 0, count, value));
  for (int i = 0; i < count; i++) {
    ESP_CHECK(value[i] - value[i] == 0, ESP_ERR_FORMAT, "%s: %s[%d] is %g: must be finite", file->path, name, i,
              value[i]);
  }
  return ESP_OK;
}

int esp_checkpoint_get_block(esp_file *file, const esp_block *block, int64_t moments, int64_t step, esp_adam *adam) {
  ESP_CALL(check_table(file, block));
  ESP_CALL(read_block(file, "parameters", block->count, block->value));
  if (!adam) return ESP_OK;
  ESP_CHECK(moments, ESP_ERR_FORMAT, "%s: holds no moments: training cannot go on from it", file->path);
  ESP_CHECK(step >= 0, ESP_ERR_FORMAT, "%s: step %lld: must be >= 0", file->path, (long long)step);
  ESP_CALL(read_block(file, "moment1", block->count, adam->m));
  ESP_CALL(read_block(file, "moment2", block->count, adam->v));
  adam->step = step;
  return ESP_OK;
}

/* ---- differences ---- */

void esp_differences_add(esp_differences *all, const char *format, ...) {
  va_list list;
  va_start(list, format);
  const int length = vsnprintf(all->text + all->length, sizeof all->text - all->length, format, list);
  va_end(list);
  if (length > 0) all->length += (size_t)length;
  if (all->length >= sizeof all->text) all->length = sizeof all->text - 1;
}

void esp_differences_fields(esp_differences *all, const esp_checkpoint_field *field, int fields, const void *in_file,
                            const void *in_run) {
  for (int k = 0; k < fields; k++) {
    const char *name = field[k].name, *a = (const char *)in_file + field[k].offset,
               *b = (const char *)in_run + field[k].offset;
    if (!field[k].same) continue;
    if (field[k].kind == ESP_FIELD_TEXT) {
      if (strcmp(a, b)) esp_differences_add(all, "\n  %s: file '%s', run '%s'", name, a, b);
    } else if (field[k].kind == ESP_FIELD_REAL) {
      double x, y;
      memcpy(&x, a, sizeof x), memcpy(&y, b, sizeof y);
      if (x != y) esp_differences_add(all, "\n  %s: file %.17g, run %.17g", name, x, y);
    } else {
      int64_t x, y;
      memcpy(&x, a, sizeof x), memcpy(&y, b, sizeof y);
      if (x != y && field[k].kind == ESP_FIELD_SEED)
        esp_differences_add(all, "\n  %s: file %llu, run %llu", name, (unsigned long long)x, (unsigned long long)y);
      else if (x != y)
        esp_differences_add(all, "\n  %s: file %lld, run %lld", name, (long long)x, (long long)y);
    }
  }
}

int esp_differences_refuse(const esp_differences *all, const char *path) {
  ESP_CHECK(all->length == 0, ESP_ERR_CONFIG, "%s: a checkpoint of another model:%s", path, all->text);
  return ESP_OK;
}

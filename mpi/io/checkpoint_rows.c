#include "io/checkpoint_rows.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { STORED = ESP_OF_MODEL | ESP_OF_TREE | ESP_OF_DATA, WORD = 64 };

typedef struct {
  esp_file *file;
  int64_t version;
  char *param;
} rows;

/* What is never negative may be a seed, which needs all bits. */
static esp_file_type whole_type(const esp_option *row) {
  return row->type == ESP_OPTION_WHOLE && row->min >= 0 ? ESP_FILE_U64 : ESP_FILE_I64;
}

/* ---- writing ---- */

static int write_row(void *context, const esp_option *row, size_t offset) {
  const rows *r = context;
  const char *at = r->param + offset;
  char word[WORD];
  int small;
  if (!(row->flags & STORED)) return ESP_OK;
  switch (row->type) {
    case ESP_OPTION_INT:
    case ESP_OPTION_FLAG:
      memcpy(&small, at, sizeof small);
      return esp_file_attr_write(r->file, "/", row->name, ESP_FILE_I64, 0, &(int64_t){small});
    case ESP_OPTION_CHOICE:
      esp_option_print(row, at, word, sizeof word);
      return esp_file_attr_write_string(r->file, "/", row->name, word);
    case ESP_OPTION_WHOLE:
      return esp_file_attr_write(r->file, "/", row->name, whole_type(row), 0, at);
    case ESP_OPTION_REAL:
      return esp_file_attr_write(r->file, "/", row->name, ESP_FILE_F64, 0, at);
    case ESP_OPTION_LIST: {
      esp_list list;
      memcpy(&list, at, sizeof list);
      return list.count ? esp_file_attr_write(r->file, "/", row->name, ESP_FILE_I64, list.count, list.value) : ESP_OK;
    }
    case ESP_OPTION_TEXT:
    case ESP_OPTION_PART:
      break;
  }
  return ESP_FAIL(ESP_ERR_INTERNAL, "%s: a text stands in no checkpoint", row->name);
}

int esp_rows_write(esp_file *file, const esp_options *options, const void *param) {
  rows r = {.file = file, .param = (char *)param};
  ESP_CALL(esp_options_each(options, write_row, &r));
  return ESP_OK;
}

/* ---- reading ---- */

static const char *name_of(const esp_option *row, int64_t version) {
  if (version > 1 || (row->flags & ESP_OF_DATA)) return row->was && version == 1 ? row->was : row->name;
  const char *rest = strchr(row->name, '_');
  return row->was ? row->was : rest ? rest + 1 : row->name;
}

static int read_small(const rows *r, const char *name, void *at) {
  int64_t whole = 0;
  ESP_CALL(esp_file_attr_read(r->file, "/", name, ESP_FILE_I64, 1, &whole));
  ESP_CHECK(whole == (int)whole, ESP_ERR_FORMAT, "%s: %s is %" PRId64 ", must be a number of 32 bits", r->file->path,
            name, whole);
  memcpy(at, &(int){(int)whole}, sizeof(int));
  return ESP_OK;
}

/* A word, or, as version 1 had some, its place. */
static int read_choice(const rows *r, const esp_option *row, const char *name, const esp_file_shape *s, void *at) {
  char word[WORD];
  if (s->class != H5T_STRING) return read_small(r, name, at);
  ESP_CALL(esp_file_attr_read_string(r->file, "/", name, word, sizeof word));
  const int place = esp_option_place(row, word);
  ESP_CHECK(place >= 0, ESP_ERR_FORMAT, "%s: %s '%s' is not known", r->file->path, name, word);
  memcpy(at, &place, sizeof place);
  return ESP_OK;
}

static int read_list(const rows *r, const char *name, const esp_file_shape *s, void *at) {
  esp_list list = {.count = (int)s->count};
  ESP_CHECK(s->count <= ESP_LIST, ESP_ERR_FORMAT, "%s: %s has %" PRId64 " numbers, at most %d", r->file->path, name,
            s->count, ESP_LIST);
  ESP_CALL(esp_file_attr_read(r->file, "/", name, ESP_FILE_I64, list.count, list.value));
  memcpy(at, &list, sizeof list);
  return ESP_OK;
}

static int read_member(const rows *r, const esp_option *row, const char *name, const esp_file_shape *s, void *at) {
  switch (row->type) {
    case ESP_OPTION_INT:
    case ESP_OPTION_FLAG:
      return read_small(r, name, at);
    case ESP_OPTION_CHOICE:
      return read_choice(r, row, name, s, at);
    case ESP_OPTION_WHOLE:
      return esp_file_attr_read(r->file, "/", name, whole_type(row), 1, at);
    case ESP_OPTION_REAL:
      return esp_file_attr_read(r->file, "/", name, ESP_FILE_F64, 1, at);
    case ESP_OPTION_LIST:
      return read_list(r, name, s, at);
    case ESP_OPTION_TEXT:
    case ESP_OPTION_PART:
      break;
  }
  return ESP_OK;
}

/* A file's member must be what its key allows. */
static int read_row(void *context, const esp_option *row, size_t offset) {
  const rows *r = context;
  char *at = r->param + offset;
  const char *name = name_of(row, r->version);
  esp_file_shape s;
  if (!(row->flags & STORED)) return ESP_OK;
  ESP_CALL(esp_file_attr_shape(r->file, "/", name, &s));
  ESP_CHECK(s.exists || !row->lacking, ESP_ERR_FORMAT, "%s: a checkpoint without %s: %s", r->file->path, row->name,
            row->lacking);
  if (!s.exists) return esp_option_parse(row, row->absent ? row->absent : row->value, at);
  ESP_CALL(read_member(r, row, name, &s, at));
  ESP_CALL(esp_error_blame(esp_option_check(row, at), r->file->path));
  return ESP_OK;
}

int esp_rows_read(esp_file *file, const esp_options *options, int64_t version, void *param) {
  rows r = {.file = file, .version = version, .param = param};
  memset(param, 0, options->size);
  ESP_CALL(esp_options_each(options, read_row, &r));
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

typedef struct {
  esp_differences *all;
  const char *in_file, *in_run;
} sides;

static int compare_row(void *context, const esp_option *row, size_t offset) {
  const sides *s = context;
  char a[512], b[512];
  if (!(row->flags & (ESP_OF_MODEL | ESP_OF_DATA))) return 0;
  esp_option_print(row, s->in_file + offset, a, sizeof a);
  esp_option_print(row, s->in_run + offset, b, sizeof b);
  const char *quote = row->type == ESP_OPTION_CHOICE ? "'" : "";
  if (strcmp(a, b) != 0)
    esp_differences_add(s->all, "\n  %s: file %s%s%s, run %s%s%s", row->name, quote, a, quote, quote, b, quote);
  return 0;
}

void esp_differences_rows(esp_differences *all, const esp_options *options, const void *in_file, const void *in_run) {
  sides s = {all, in_file, in_run};
  esp_options_each(options, compare_row, &s);
}

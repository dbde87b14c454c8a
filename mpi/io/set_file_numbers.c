/* Sizes and numbers of the sets of a file: datasets, or what stood for them in version 1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/set_file_columns.h"

/* Where an ensemble keeps the sizes: fields of its table, before the numbers in memory. */
enum { SIZES = 4 };
static const char *const size_field[SIZES] = {"n", "offset", "frames", "frame_offset"};

static size_t values_of(const esp_set_file *f, esp_part part) {
  return (size_t)f->sets[part] * (size_t)esp_set_numbers(f->layout);
}

/* Rows of one set. */
typedef struct {
  int64_t first, count;
  int set;
} stretch;

static int by_first(const void *a, const void *b) {
  const stretch *p = a, *q = b;
  return (p->first > q->first) - (p->first < q->first);
}

/* Each row is of one set at most, so that sums over sets are sums over rows. each: times count; NULL: once. */
static int check_apart(const esp_set_file *f, esp_part part, const int64_t *first, const int64_t *count,
                       const int64_t *each) {
  stretch *rows = NULL;
  size_t some = 0;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(rows, f->sets[part]));
  for (int s = 0; s < f->sets[part]; s++) {
    const int64_t all = count[s] * (each ? each[s] : 1);
    if (all) rows[some++] = (stretch){first[s], all, s};
  }
  qsort(rows, some, sizeof *rows, by_first);
  for (size_t s = 1; s < some; s++)
    ESP_NEED(rows[s].first >= rows[s - 1].first + rows[s - 1].count, ESP_ERR_FORMAT,
             "%s: /%s sets %d and %d share %srows from %lld on, each must have its own", f->file->path,
             esp_part_name(part), rows[s - 1].set, rows[s].set, each ? "frame " : "", (long long)rows[s].first);
done:
  ESP_FREE(rows);
  return rc;
}

static int check_sizes(const esp_set_file *f, esp_part part) {
  const int64_t rows = f->rows[part], frame_rows = f->frame_rows[part];
  for (int s = 0; s < f->sets[part]; s++) {
    const int64_t n = f->n[part][s], row = f->row[part][s], frames = f->frames[part][s], at = f->frame_row[part][s];
    ESP_CHECK(n >= 0 && row >= 0 && n <= rows && row <= rows - n, ESP_ERR_FORMAT,
              "%s: /%s set %d has rows [%lld, +%lld) of %lld", f->file->path, esp_part_name(part), s, (long long)row,
              (long long)n, (long long)rows);
    ESP_CHECK(frames >= 0 && at >= 0 && frames <= frame_rows / (n ? n : 1) && at <= frame_rows - frames * n,
              ESP_ERR_FORMAT, "%s: /%s set %d has %lld frames from row %lld of %lld", f->file->path,
              esp_part_name(part), s, (long long)frames, (long long)at, (long long)frame_rows);
  }
  ESP_CALL(check_apart(f, part, f->row[part], f->n[part], NULL));
  return check_apart(f, part, f->frame_row[part], f->n[part], f->frames[part]);
}

static int alloc_part(esp_set_file *f, esp_part part) {
  ESP_CALL(ESP_ALLOC(f->n[part], f->sets[part]));
  ESP_CALL(ESP_ALLOC(f->row[part], f->sets[part]));
  ESP_CALL(ESP_ALLOC(f->frames[part], f->sets[part]));
  ESP_CALL(ESP_ALLOC(f->frame_row[part], f->sets[part]));
  return ESP_ALLOC(f->value[part], values_of(f, part));
}

/* ---- datasets of pairs ---- */

/* Its first and second column. */
static int read_pairs(const esp_set_file *f, const char *name, const esp_file_shape *s, int64_t *a, int64_t *b) {
  int64_t(*pair)[2] = NULL;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(pair, s->dim[0]));
  ESP_TRY(esp_file_read(f->file, name, ESP_FILE_I64, 2, s->dim[0], 0, s->dim[0], pair));
  for (int64_t i = 0; i < s->dim[0]; i++) a[i] = pair[i][0], b[i] = pair[i][1];
done:
  ESP_FREE(pair);
  return rc;
}

/* Is it there, and of the shape (sets, 2)? */
static int look_pairs(const esp_set_file *f, const char *name, esp_file_shape *s) {
  char seen[64] = "";
  ESP_CALL(esp_file_dataset(f->file, name, s));
  if (s->rank == 1) snprintf(seen, sizeof seen, "%lld", (long long)s->dim[0]);
  if (s->rank > 1) snprintf(seen, sizeof seen, "%lld, %lld", (long long)s->dim[0], (long long)s->dim[1]);
  ESP_CHECK(!s->exists || (s->rank == 2 && s->dim[1] == 2 && s->dim[0] <= INT32_MAX && s->class == H5T_INTEGER),
            ESP_ERR_FORMAT, "%s: dataset %s has shape (%s), wanted are integers (sets, 2)", f->file->path, name, seen);
  return ESP_OK;
}

static int sizes_of_pairs(esp_set_file *f, esp_part part) {
  char name[ESP_SET_NAME];
  esp_file_shape s;
  esp_set_file_name(part, "", "sets", name);
  ESP_CALL(look_pairs(f, name, &s));
  f->sets[part] = s.exists ? (int)s.dim[0] : 1;
  ESP_CALL(alloc_part(f, part));
  if (s.exists)
    ESP_CALL(read_pairs(f, name, &s, f->n[part], f->row[part]));
  else
    f->n[part][0] = f->rows[part];
  if (!f->frame_rows[part]) return ESP_OK;
  esp_set_file_name(part, "frames", "sets", name);
  ESP_CALL(look_pairs(f, name, &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: dataset %s is missing", f->file->path, name);
  ESP_CHECK(s.dim[0] == f->sets[part], ESP_ERR_FORMAT, "%s: dataset %s has %lld rows, wanted are those of %d sets",
            f->file->path, name, (long long)s.dim[0], f->sets[part]);
  return read_pairs(f, name, &s, f->frames[part], f->frame_row[part]);
}

/* ---- an ensemble's table ---- */

/* A field of the stored table, if it is there: 8 bytes an element, of the class. */
static int check_field(const esp_set_file *f, const char *table, hid_t stored, const char *field, int whole, int count,
                       int needed, int *exists) {
  const int at = H5Tget_member_index(stored, field);
  *exists = at >= 0;
  ESP_CHECK(at >= 0 || !needed, ESP_ERR_FORMAT, "%s: table %s lacks the field %s", f->file->path, table, field);
  if (at < 0) return ESP_OK;
  hid_t type = H5Tget_member_type(stored, (unsigned)at), base = H5I_INVALID_HID;
  if (type >= 0 && count > 1 && H5Tget_class(type) == H5T_ARRAY) base = H5Tget_super(type);
  const hid_t element = count > 1 ? base : type;
  const int good = element >= 0 && H5Tget_size(type) == 8u * (size_t)count &&
                   H5Tget_class(element) == (whole ? H5T_INTEGER : H5T_FLOAT);
  if (base >= 0) H5Tclose(base);
  if (type >= 0) H5Tclose(type);
  ESP_CHECK(good, ESP_ERR_FORMAT, "%s: table %s: field %s must be %d 64-bit %s", f->file->path, table, field, count,
            whole ? "integers" : "floats");
  return ESP_OK;
}

/* Field of `count` numbers at word `at` of a row in memory. */
static int add_field(hid_t memory, const char *field, int whole, int count, int at) {
  const hsize_t length = (hsize_t)count;
  const hid_t native = whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
  const hid_t type = count > 1 ? H5Tarray_create2(native, 1, &length) : native;
  const int bad = type < 0 || H5Tinsert(memory, field, 8u * (size_t)at, type) < 0;
  if (count > 1 && type >= 0) H5Tclose(type);
  return bad ? ESP_FAIL(ESP_ERR_FILE, "field %s of a table cannot be described", field) : ESP_OK;
}

/* The type of a row in memory: the sizes, then the numbers of the layout as they lie in a set. */
static int describe_row(const esp_set_file *f, const char *table, hid_t stored, hid_t memory) {
  int exists, at = SIZES;
  ESP_CHECK(H5Tget_class(stored) == H5T_COMPOUND, ESP_ERR_FORMAT, "%s: dataset %s is no table (no compound type)",
            f->file->path, table);
  for (int k = 0; k < SIZES; k++) {
    ESP_CALL(check_field(f, table, stored, size_field[k], 1, 1, 1, &exists));
    ESP_CALL(add_field(memory, size_field[k], 1, 1, k));
  }
  for (const esp_number *number = f->layout->number; number->name; at += number->count, number++) {
    ESP_CALL(check_field(f, table, stored, number->name, number->whole, number->count, 0, &exists));
    if (exists) ESP_CALL(add_field(memory, number->name, number->whole, number->count, at));
  }
  return ESP_OK;
}

static int take_table(esp_set_file *f, esp_part part, const char *name, hid_t dataset, hid_t memory, int64_t clouds) {
  const size_t numbers = (size_t)esp_set_numbers(f->layout), row = SIZES + numbers;
  esp_value *table = NULL;
  int rc = ESP_OK;
  f->sets[part] = (int)clouds;
  ESP_TRY(alloc_part(f, part));
  ESP_TRY(ESP_ALLOC(table, (size_t)clouds * row));
  ESP_NEED(clouds == 0 || H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, table) >= 0, ESP_ERR_FILE,
           "%s: table %s cannot be read", f->file->path, name);
  for (size_t s = 0; s < (size_t)clouds; s++) {
    const esp_value *at = table + s * row;
    f->n[part][s] = at[0].whole, f->row[part][s] = at[1].whole;
    f->frames[part][s] = at[2].whole, f->frame_row[part][s] = at[3].whole;
    if (numbers) memcpy(f->value[part] + s * numbers, at + SIZES, numbers * sizeof *at);
  }
done:
  ESP_FREE(table);
  return rc;
}

/* Sizes and numbers at once. */
static int read_table(esp_set_file *f, esp_part part) {
  const size_t bytes = 8u * (size_t)(SIZES + esp_set_numbers(f->layout));
  char name[ESP_SET_NAME];
  esp_file_shape s;
  int rc = ESP_OK;
  esp_set_file_name(part, "", "clouds", name);
  ESP_CALL(esp_file_dataset(f->file, name, &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: table %s is missing", f->file->path, name);
  hid_t dataset = H5Dopen2(f->file->id, name, H5P_DEFAULT), memory = H5Tcreate(H5T_COMPOUND, bytes);
  hid_t stored = dataset >= 0 ? H5Dget_type(dataset) : H5I_INVALID_HID;
  ESP_NEED(stored >= 0 && memory >= 0, ESP_ERR_FILE, "%s: table %s cannot be read", f->file->path, name);
  ESP_TRY(describe_row(f, name, stored, memory));
  ESP_NEED(s.rank == 1 && s.dim[0] <= INT32_MAX, ESP_ERR_FORMAT,
           "%s: table %s has %lld rows and rank %d, allowed are rank 1 and at most %d rows", f->file->path, name,
           (long long)s.dim[0], s.rank, INT32_MAX);
  ESP_TRY(take_table(f, part, name, dataset, memory, s.dim[0]));
done:
  if (stored >= 0) H5Tclose(stored);
  if (memory >= 0) H5Tclose(memory);
  if (dataset >= 0) H5Dclose(dataset);
  return rc;
}

int esp_set_file_sizes(esp_set_file *f, esp_set_format format, esp_part part) {
  ESP_CALL(format == ESP_SET_ENSEMBLE ? read_table(f, part) : sizes_of_pairs(f, part));
  return check_sizes(f, part);
}

/* ---- numbers ---- */

static int place_of(const esp_number *number, const char *word, size_t length) {
  const char *name;
  for (int k = 0; (name = number->names(k)); k++)
    if (strlen(name) == length && !strncmp(name, word, length)) return k;
  return -1;
}

/* The file's places become the layout's: attribute words tells which words they mean. */
static int by_words(const esp_set_file *f, const char *name, const esp_number *number, int64_t count, int64_t *value) {
  enum { WORDS = 64 };
  char words[2048];
  int place[WORDS], known = 0;
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(f->file, name, "words", &s));
  if (!s.exists) return ESP_OK;
  ESP_CALL(esp_file_attr_read_string(f->file, name, "words", words, sizeof words));
  for (const char *word = words; known < WORDS; word++) {
    const size_t length = strcspn(word, "|");
    place[known++] = place_of(number, word, length);
    word += length;
    if (!*word) break;
  }
  for (int64_t i = 0; i < count; i++) value[i] = value[i] >= 0 && value[i] < known ? place[value[i]] : -1;
  return ESP_OK;
}

/* Dataset about/NAME into words `at` of each set's numbers. */
static int read_dataset(esp_set_file *f, esp_part part, const esp_number *number, int at) {
  const size_t numbers = (size_t)esp_set_numbers(f->layout), width = (size_t)number->count;
  const int64_t sets = f->sets[part];
  char name[ESP_SET_NAME];
  esp_value *value = NULL;
  esp_file_shape s;
  int rc = ESP_OK;
  esp_set_file_name(part, "about", number->name, name);
  ESP_CALL(esp_file_dataset(f->file, name, &s));
  if (!s.exists) return ESP_OK;
  ESP_TRY(ESP_ALLOC(value, (size_t)sets * width));
  ESP_TRY(esp_file_read(f->file, name, number->whole ? ESP_FILE_I64 : ESP_FILE_F64, esp_set_file_columns(number->count),
                        sets, 0, sets, value));
  if (number->names) ESP_TRY(by_words(f, name, number, sets * number->count, &value->whole));
  for (size_t i = 0; i < (size_t)sets; i++)
    memcpy(f->value[part] + i * numbers + (size_t)at, value + i * width, width * sizeof *value);
done:
  ESP_FREE(value);
  return rc;
}

/* Attribute NAME of /, or of `task`, a word, the same for every set. */
static int read_attribute(esp_set_file *f, esp_part part, const esp_number *number, int at) {
  const size_t numbers = (size_t)esp_set_numbers(f->layout);
  esp_value value = {.whole = 0};
  esp_file_shape s;
  if (number->names) {
    if (!f->about.task[0]) return ESP_OK;
    value.whole = place_of(number, f->about.task, strlen(f->about.task));
  } else {
    ESP_CALL(esp_file_attr_shape(f->file, "/", number->name, &s));
    if (!s.exists || number->count != 1) return ESP_OK;
    ESP_CALL(esp_file_attr_read(f->file, "/", number->name, number->whole ? ESP_FILE_I64 : ESP_FILE_F64, 1, &value));
  }
  for (size_t i = 0; i < (size_t)f->sets[part]; i++) f->value[part][i * numbers + (size_t)at] = value;
  return ESP_OK;
}

static int check_number(const esp_set_file *f, esp_part part, int s, const esp_number *number, esp_value value) {
  const double real = number->whole ? (double)value.whole : value.real;
  const char *name = esp_part_name(part);
  ESP_CHECK(isfinite(real), ESP_ERR_FORMAT, "%s: /%s set %d: %s is %g, must be finite", f->file->path, name, s,
            number->name, real);
  if (number->min == 0 && number->max == 0) return ESP_OK;
  ESP_CHECK(real >= number->min && real <= number->max, ESP_ERR_FORMAT,
            "%s: /%s set %d: %s is %g, allowed are %g to %g", f->file->path, name, s, number->name, real, number->min,
            number->max);
  return ESP_OK;
}

int esp_set_file_numbers(esp_set_file *f, esp_set_format format, esp_part part) {
  const int numbers = esp_set_numbers(f->layout);
  int at = 0;
  for (const esp_number *number = f->layout->number; number->name; at += number->count, number++) {
    esp_value *value = f->value[part] + at;
    for (int s = 0; s < f->sets[part] && number->names && format != ESP_SET_ENSEMBLE; s++)
      value[(size_t)s * (size_t)numbers].whole = -1;
    if (format == ESP_SET_NOW) ESP_CALL(read_dataset(f, part, number, at));
    if (format == ESP_SET_FEATURES) ESP_CALL(read_attribute(f, part, number, at));
    for (int s = 0; s < f->sets[part]; s++)
      for (int c = 0; c < number->count; c++)
        ESP_CALL(check_number(f, part, s, number, value[(size_t)s * (size_t)numbers + (size_t)c]));
  }
  return ESP_OK;
}

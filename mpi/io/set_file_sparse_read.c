/* Columns of a set file that are not dense: groups of indptr, indices and data. */
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "io/set_file_columns.h"

static void name_of(const esp_set_file *f, esp_part part, int k, const char *dataset, char text[ESP_SET_NAME]) {
  esp_set_file_name(part, f->layout->column[k].name, dataset, text);
}

int esp_set_file_sparse_is(const esp_file *file, const char *group, esp_lying *lying) {
  char name[2 * ESP_SET_NAME];
  esp_file_shape s;
  int exists;
  *lying = ESP_DENSE;
  snprintf(name, sizeof name, "%s/indptr", group);
  ESP_CALL(esp_file_exists(file, name, &exists));
  if (!exists) return ESP_OK;
  ESP_CALL(esp_file_attr_shape(file, group, "columns", &s));
  *lying = s.exists ? ESP_SPARSE : ESP_EDGES;
  return ESP_OK;
}

/* ---- opening ---- */

/* One of the three. Its length goes to *length. */
static int open_one(const esp_file *file, const char *name, int whole, int64_t *length, hid_t *dataset) {
  esp_file_shape s;
  ESP_CALL(esp_file_dataset(file, name, &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: dataset %s is missing", file->path, name);
  ESP_CHECK(s.class == H5T_INTEGER || (s.class == H5T_FLOAT && !whole), ESP_ERR_FORMAT,
            "%s: dataset %s holds neither %sintegers (elements of %d bytes)", file->path, name,
            whole ? "" : "floats nor ", s.bytes);
  ESP_CHECK(s.rank == 1, ESP_ERR_FORMAT, "%s: dataset %s has %d dimensions, must have 1", file->path, name, s.rank);
  *length = s.dim[0];
  *dataset = H5Dopen2(file->id, name, H5P_DEFAULT);
  ESP_CHECK(*dataset >= 0, ESP_ERR_FILE, "%s: dataset %s cannot be opened", file->path, name);
  return esp_file_check_filters(file, name, *dataset);
}

static int read_columns(const esp_set_file *f, const char *group, int *width) {
  esp_file_shape s;
  int64_t columns = 0;
  ESP_CALL(esp_file_attr_shape(f->file, group, "columns", &s));
  ESP_CHECK(s.exists, ESP_ERR_FORMAT, "%s: %s has no attribute columns, which says how many there are", f->file->path,
            group);
  ESP_CALL(esp_file_attr_read(f->file, group, "columns", ESP_FILE_I64, 1, &columns));
  ESP_CHECK(columns >= 1 && columns <= INT32_MAX && (*width == 0 || columns == *width), ESP_ERR_FORMAT,
            "%s: %s has %lld columns, must be %d to %d", f->file->path, group, (long long)columns, *width ? *width : 1,
            *width ? *width : INT32_MAX);
  *width = (int)columns;
  return ESP_OK;
}

/* The first and the last of indptr, [rows + 1]. */
static int check_ends(const esp_set_file *f, const char *name, const esp_set_sparse *sparse, int64_t rows) {
  int64_t end[2];
  ESP_CALL(esp_file_read_open(f->file, name, sparse->start, ESP_FILE_I64, 0, 0, 1, &end[0]));
  ESP_CALL(esp_file_read_open(f->file, name, sparse->start, ESP_FILE_I64, 0, rows, 1, &end[1]));
  ESP_CHECK(end[0] == 0 && end[1] == sparse->entries, ESP_ERR_FORMAT,
            "%s: %s goes from %lld to %lld, must from 0 to the number of indices, %lld", f->file->path, name,
            (long long)end[0], (long long)end[1], (long long)sparse->entries);
  return ESP_OK;
}

int esp_set_file_sparse_open(esp_set_file *f, esp_part part, int k, int64_t *rows, int *width) {
  const esp_column *column = &f->layout->column[k];
  esp_set_sparse *sparse = &f->sparse[part][k];
  char group[ESP_SET_NAME], name[ESP_SET_NAME];
  int64_t length;
  int exists;
  esp_set_file_name(part, "", column->name, group);
  name_of(f, part, k, "indptr", name);
  ESP_CALL(esp_file_exists(f->file, name, &exists));
  ESP_CHECK(exists || column->optional, ESP_ERR_FORMAT, "%s: %s is missing, a group of indptr, indices, data",
            f->file->path, group);
  if (!exists) return *width = 0, ESP_OK;
  ESP_CALL(open_one(f->file, name, 1, &length, &sparse->start));
  ESP_CHECK(length >= 1 && (*rows < 0 || length == *rows + 1), ESP_ERR_FORMAT,
            "%s: dataset %s has %lld numbers, must have one more than rows, %lld", f->file->path, name,
            (long long)length, (long long)(*rows < 0 ? 1 : *rows + 1));
  *rows = length - 1;
  name_of(f, part, k, "indices", name);
  ESP_CALL(open_one(f->file, name, 1, &sparse->entries, &sparse->index));
  name_of(f, part, k, "data", name);
  ESP_CALL(esp_file_exists(f->file, name, &exists));
  if (exists) ESP_CALL(open_one(f->file, name, 0, &length, &sparse->value));
  ESP_CHECK(!exists || length == sparse->entries, ESP_ERR_FORMAT,
            "%s: dataset %s has %lld numbers, must have as many as there are indices, %lld", f->file->path, name,
            (long long)length, (long long)sparse->entries);
  name_of(f, part, k, "indptr", name);
  ESP_CALL(check_ends(f, name, sparse, *rows));
  if (column->lying == ESP_EDGES) return *width = 1, ESP_OK;
  return read_columns(f, group, width);
}

void esp_set_file_sparse_close(esp_set_file *f, esp_part part, int k) {
  esp_set_sparse *sparse = &f->sparse[part][k];
  if (f->file && sparse->start >= 0) H5Dclose(sparse->start);
  if (f->file && sparse->index >= 0) H5Dclose(sparse->index);
  if (f->file && sparse->value >= 0) H5Dclose(sparse->value);
}

/* ---- rows ---- */

/* start [count + 1]: rows [first, first + count) of the part, as they lie. */
static int read_start(const esp_set_file *f, esp_part part, int k, int64_t first, int64_t count, int64_t *start) {
  const esp_set_sparse *sparse = &f->sparse[part][k];
  char name[ESP_SET_NAME];
  name_of(f, part, k, "indptr", name);
  ESP_CALL(esp_file_read_open(f->file, name, sparse->start, ESP_FILE_I64, 0, first, count + 1, start));
  for (int64_t i = 0; i <= count; i++) {
    const int64_t least = i ? start[i - 1] : 0;
    ESP_CHECK(start[i] >= least && start[i] <= sparse->entries, ESP_ERR_FORMAT,
              "%s: %s is %lld at %lld, must ascend: %lld to %lld", f->file->path, name, (long long)start[i],
              (long long)(first + i), (long long)least, (long long)sparse->entries);
  }
  return ESP_OK;
}

/* Entries [first, first + count); value may be NULL. */
static int read_entries(const esp_set_file *f, esp_part part, int k, int64_t first, int64_t count, int64_t *index,
                        double *value) {
  const esp_set_sparse *sparse = &f->sparse[part][k];
  char name[ESP_SET_NAME];
  name_of(f, part, k, "indices", name);
  ESP_CALL(esp_file_read_open(f->file, name, sparse->index, ESP_FILE_I64, 0, first, count, index));
  if (!value) return ESP_OK;
  name_of(f, part, k, "data", name);
  return esp_file_read_open(f->file, name, sparse->value, ESP_FILE_F64, 0, first, count, value);
}

int esp_set_file_sparse_read(const esp_set_file *f, esp_part part, int s, int k, esp_set *set) {
  const esp_column *column = &f->layout->column[k];
  const esp_set_sparse *sparse = &f->sparse[part][k];
  const int64_t row = f->row[part][s] + set->first;
  int64_t *start = NULL, again;
  int rc, at;
  esp_csr csr = {0};
  ESP_TRY(ESP_RESERVE(start, set->n_home + 1));
  ESP_TRY(read_start(f, part, k, row, set->n_home, start));
  const int64_t begin = start[0], entries = start[set->n_home] - begin;
  ESP_TRY(esp_csr_create(set->n_home, set->csr[k].columns, entries, sparse->value >= 0, &csr));
  ESP_TRY(read_entries(f, part, k, begin, entries, csr.index, csr.value));
  for (int i = 0; i <= set->n_home; i++) csr.start[i] = start[i] - begin;
  for (int i = 0; i < set->n_home; i++)
    for (int64_t e = csr.start[i]; e < csr.start[i + 1]; e++)
      ESP_NEED(csr.index[e] >= 0 && csr.index[e] < csr.columns, ESP_ERR_VALUE,
               "%s: /%s set %d: row %lld: %s has an entry at %lld: must be 0 to %lld", f->file->path,
               esp_part_name(part), s, (long long)(set->first + i), column->name, (long long)csr.index[e],
               (long long)csr.columns - 1);
  ESP_TRY(esp_csr_sort(&csr, &at, &again));
  ESP_NEED(at < 0, ESP_ERR_VALUE, "%s: /%s set %d: row %lld: %s has two entries at %lld, must have one", f->file->path,
           esp_part_name(part), s, (long long)(set->first + at), column->name, (long long)again);
  esp_csr_free(&set->csr[k]);
  set->csr[k] = csr;
  csr = (esp_csr){0};
done:
  esp_csr_free(&csr);
  ESP_FREE(start);
  return rc;
}

/* ---- walking through them ---- */

enum { ROWS = 4096, ENTRIES = 65536 };

typedef struct {
  int64_t start[ROWS + 1], index[ENTRIES];
  double value[ENTRIES];
} buffers;

/* Rows [first, first + count) of set s, at most ROWS. */
static int visit_rows(const esp_set_file *f, esp_part part, int s, int k, int64_t first, int64_t count, buffers *b,
                      esp_set_file_entry visit, void *context) {
  const int has_values = f->sparse[part][k].value >= 0;
  int64_t at = 0;
  ESP_CALL(read_start(f, part, k, f->row[part][s] + first, count, b->start));
  for (int64_t done = b->start[0], end = b->start[count]; done < end;) {
    const int64_t some = end - done < ENTRIES ? end - done : ENTRIES;
    ESP_CALL(read_entries(f, part, k, done, some, b->index, has_values ? b->value : NULL));
    for (int64_t e = 0; e < some; e++) {
      while (done + e >= b->start[at + 1]) at++;
      visit(context, first + at, b->index[e], has_values ? b->value[e] : 1);
    }
    done += some;
  }
  return ESP_OK;
}

int esp_set_file_sparse_each(const esp_set_file *f, esp_part part, int s, int k, int64_t first, int64_t count,
                             esp_set_file_entry visit, void *context) {
  buffers *b = NULL;
  int rc;
  ESP_TRY(ESP_RESERVE(b, 1));
  for (int64_t done = 0; done < count; done += ROWS)
    ESP_TRY(visit_rows(f, part, s, k, first + done, count - done < ROWS ? count - done : ROWS, b, visit, context));
done:
  ESP_FREE(b);
  return rc;
}

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "io/feature_columns.h"

/* ---- opening ---- */

static void shape_text(const esp_file_shape *s, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int k = 0; k < s->rank && k < 4 && used < size; k++) {
    used += (size_t)snprintf(text + used, size - used, "%s%lld", k ? ", " : "", (long long)s->dim[k]);
  }
}

/* Class, rank and rows of the dataset of column k; its width. rows: in, those of the datasets before it, or -1. */
static int check_column(const esp_file *file, const char *name, int k, const esp_file_shape *s, int64_t *rows,
                        int *width) {
  char seen[96];
  const int whole = esp_feature_columns[k].type == ESP_FILE_I64, narrow = whole || k == ESP_COLUMN_WEIGHT;
  const int64_t wide = s->rank == 2 ? s->dim[1] : 1;
  shape_text(s, seen, sizeof seen);
  ESP_CHECK(s->class == H5T_INTEGER || (s->class == H5T_FLOAT && !whole), ESP_ERR_FORMAT,
            "%s: dataset %s holds neither %sintegers (elements of %d bytes)", file->path, name,
            whole ? "" : "floats nor ", s->bytes);
  ESP_CHECK((s->rank == 1 || s->rank == 2) && wide >= 1 && wide <= INT32_MAX && (wide == 1 || !narrow), ESP_ERR_FORMAT,
            "%s: dataset %s has shape (%s), wanted is (rows%s)", file->path, name, seen, narrow ? "" : ", columns");
  ESP_CHECK(*rows < 0 || s->dim[0] == *rows, ESP_ERR_FORMAT, "%s: dataset %s has shape (%s), wanted are %lld rows",
            file->path, name, seen, (long long)*rows);
  *rows = s->dim[0];
  *width = (int)wide;
  return ESP_OK;
}

/* Widths [ESP_FEATURE_COLUMNS] of a part, 0 where a dataset is missing; its rows. */
static int open_columns(esp_feature_file *f, esp_part part, int *width) {
  char name[ESP_FEATURE_NAME];
  int64_t rows = -1;
  static const int order[] = {ESP_COLUMN_X, ESP_COLUMN_V, ESP_COLUMN_Y, ESP_COLUMN_ID, ESP_COLUMN_WEIGHT, ESP_COLUMN_Z};
  for (int i = 0; i < ESP_FEATURE_COLUMNS; i++) {
    const int k = order[i];
    esp_file_shape s;
    esp_feature_name(part, esp_feature_columns[k].name, name);
    ESP_CALL(esp_file_dataset(f->file, name, &s));
    ESP_CHECK(s.exists || (k != ESP_COLUMN_X && k != ESP_COLUMN_V), ESP_ERR_FORMAT, "%s: dataset %s is missing",
              f->file->path, name);
    width[k] = 0;
    if (s.exists) ESP_CALL(check_column(f->file, name, k, &s, &rows, &width[k]));
  }
  f->rows[part] = rows;
  f->has[part].id = width[ESP_COLUMN_ID];
  f->has[part].y = width[ESP_COLUMN_Y];
  f->has[part].weight = width[ESP_COLUMN_WEIGHT];
  f->has[part].z = width[ESP_COLUMN_Z];
  f->about.weighted |= f->has[part].weight;
  return ESP_OK;
}

static int check_sets(const esp_feature_file *f, esp_part part, const int64_t (*table)[2]) {
  for (int s = 0; s < f->sets[part]; s++) {
    const int64_t n = table[s][0], row = table[s][1], rows = f->rows[part];
    ESP_CHECK(n >= 0 && row >= 0 && n <= rows && row <= rows - n, ESP_ERR_FORMAT,
              "%s: /%s set %d has rows [%lld, +%lld) of %lld", f->file->path, esp_part_name(part), s, (long long)row,
              (long long)n, (long long)rows);
  }
  return ESP_OK;
}

static int open_table(esp_feature_file *f, esp_part part) {
  char name[ESP_FEATURE_NAME], seen[96];
  int64_t(*table)[2] = NULL;
  int rc = ESP_OK;
  esp_file_shape s;
  esp_feature_name(part, "sets", name);
  ESP_CALL(esp_file_dataset(f->file, name, &s));
  shape_text(&s, seen, sizeof seen);
  ESP_CHECK(!s.exists || (s.rank == 2 && s.dim[1] == 2 && s.dim[0] <= INT32_MAX && s.class == H5T_INTEGER),
            ESP_ERR_FORMAT, "%s: dataset %s has shape (%s), wanted are integers (sets, 2)", f->file->path, name, seen);
  f->has[part].sets = s.exists;
  f->sets[part] = s.exists ? (int)s.dim[0] : 1;
  const size_t sets = (size_t)f->sets[part];
  ESP_TRY(ESP_ALLOC(table, sets));
  ESP_TRY(ESP_ALLOC(f->n[part], sets));
  ESP_TRY(ESP_ALLOC(f->row[part], sets));
  if (s.exists)
    ESP_TRY(esp_file_read(f->file, name, ESP_FILE_I64, 2, s.dim[0], 0, s.dim[0], table));
  else
    table[0][0] = f->rows[part];
  ESP_TRY(check_sets(f, part, (const int64_t(*)[2])table));
  for (size_t i = 0; i < sets; i++) f->n[part][i] = table[i][0], f->row[part][i] = table[i][1];
done:
  ESP_FREE(table);
  return rc;
}

static int open_parts(esp_feature_file *f) {
  int width[ESP_PARTS][ESP_FEATURE_COLUMNS] = {{0}}, parts = 0, last = 0;
  const char *path = f->file->path;
  for (int part = 0; part < ESP_PARTS; part++) {
    char name[ESP_FEATURE_NAME];
    int exists;
    snprintf(name, sizeof name, "/%s", esp_part_name((esp_part)part));
    ESP_CALL(esp_file_exists(f->file, name, &exists));
    if (!exists) continue;
    ESP_CALL(open_columns(f, (esp_part)part, width[part]));
    ESP_CALL(open_table(f, (esp_part)part));
    last = part;
    parts++;
  }
  ESP_CHECK(parts, ESP_ERR_FORMAT, "%s: holds neither a group /%s nor /%s", path, esp_part_name(ESP_PART_TRAIN),
            esp_part_name(ESP_PART_TEST));
  for (int k = 0; k < ESP_FEATURE_COLUMNS && parts == ESP_PARTS; k++) {
    if (k == ESP_COLUMN_ID || k == ESP_COLUMN_WEIGHT) continue;
    ESP_CHECK(width[0][k] == width[1][k], ESP_ERR_FORMAT,
              "%s: %s has %d columns in /%s and %d in /%s (0: missing), must be the same", path,
              esp_feature_columns[k].name, width[0][k], esp_part_name(ESP_PART_TRAIN), width[1][k],
              esp_part_name(ESP_PART_TEST));
  }
  f->about.features = width[last][ESP_COLUMN_X];
  f->about.values = width[last][ESP_COLUMN_V];
  f->about.targets = width[last][ESP_COLUMN_Y];
  f->about.hidden = width[last][ESP_COLUMN_Z];
  return ESP_OK;
}

/* ---- attributes ---- */

static int check_format(const esp_file *file) {
  char format[64] = "";
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(file, "/", "format", &s));
  ESP_CHECK(s.exists && s.class == H5T_STRING, ESP_ERR_FORMAT,
            "%s: attribute format of / is missing, must be \"%s\": not a feature file", file->path, ESP_FEATURE_FORMAT);
  ESP_CALL(esp_file_attr_read_string(file, "/", "format", format, sizeof format));
  ESP_CHECK(!strcmp(format, ESP_FEATURE_FORMAT), ESP_ERR_FORMAT,
            "%s: attribute format is \"%s\", must be \"%s\": not a feature file", file->path, format,
            ESP_FEATURE_FORMAT);
  return ESP_OK;
}

/* A whole number that may be missing: then *value stays. */
static int read_whole(const esp_file *file, const char *name, int64_t *value) {
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(file, "/", name, &s));
  return s.exists ? esp_file_attr_read(file, "/", name, ESP_FILE_I64, 1, value) : ESP_OK;
}

static int read_about(esp_feature_file *f) {
  esp_feature_about *a = &f->about;
  const struct {
    const char *name, *dataset;
    int seen;
  } size[] = {{"features", "x", a->features},
              {"values", "v", a->values},
              {"targets", "y", a->targets},
              {"hidden", "z", a->hidden}};
  for (int k = 0; k < 4; k++) {
    int64_t told = size[k].seen;
    ESP_CALL(read_whole(f->file, size[k].name, &told));
    ESP_CHECK(told == size[k].seen, ESP_ERR_FORMAT, "%s: attribute %s is %lld, but %s has %d columns", f->file->path,
              size[k].name, (long long)told, size[k].dataset, size[k].seen);
  }
  int64_t average = 0;
  esp_file_shape s;
  ESP_CALL(read_whole(f->file, "average", &average));
  ESP_CALL(read_whole(f->file, "seed", &a->seed));
  a->average = average != 0;
  ESP_CALL(esp_file_attr_shape(f->file, "/", "h", &s));
  if (s.exists) ESP_CALL(esp_file_attr_read(f->file, "/", "h", ESP_FILE_F64, 1, &a->h));
  ESP_CALL(esp_file_attr_shape(f->file, "/", "task", &s));
  if (s.exists) ESP_CALL(esp_file_attr_read_string(f->file, "/", "task", a->task, sizeof a->task));
  return ESP_OK;
}

/* Local: every rank opens the file for itself, so that it may read when it likes. */
static int open_local(esp_feature_file *f, const char *path) {
  ESP_CALL(esp_file_open(esp_comm_self(), path, &f->file));
  ESP_CALL(check_format(f->file));
  ESP_CALL(open_parts(f));
  return read_about(f);
}

int esp_feature_open(const esp_comm *comm, const char *path, esp_feature_file *file) {
  memset(file, 0, sizeof *file);
  file->comm = comm;
  int rc = comm->agree(comm, open_local(file, path));
  if (rc) esp_feature_close(file);
  return rc;
}

void esp_feature_close(esp_feature_file *file) {
  for (int part = 0; part < ESP_PARTS; part++) {
    ESP_FREE(file->n[part]);
    ESP_FREE(file->row[part]);
  }
  esp_file_close(&file->file);
  memset(file, 0, sizeof *file);
}

int esp_feature_is(const esp_comm *comm, const char *path, int *is) {
  int64_t answer = 0;
  if (comm->rank == 0) {
    esp_file *file = NULL;
    answer = !esp_file_open(esp_comm_self(), path, &file) && !check_format(file);
    esp_file_close(&file);
    if (!answer) esp_error_clear();
  }
  ESP_CALL(comm->broadcast(comm, &answer, sizeof answer, 0));
  *is = (int)answer;
  return ESP_OK;
}

/* ---- sets ---- */

static int has_column(const esp_feature_file *f, esp_part part, int k) {
  return k == ESP_COLUMN_ID       ? f->has[part].id
         : k == ESP_COLUMN_WEIGHT ? f->has[part].weight
                                  : esp_feature_width(&f->about, k) > 0;
}

/* Rows of one dataset. Local. */
static int read_column(const esp_feature_file *f, esp_part part, int k, int64_t first, int64_t count, void *data) {
  char name[ESP_FEATURE_NAME];
  const int width = esp_feature_width(&f->about, k);
  esp_feature_name(part, esp_feature_columns[k].name, name);
  return esp_file_read(f->file, name, esp_feature_columns[k].type, width == 1 ? 0 : width, f->rows[part], first, count,
                       data);
}

/* Particles [first, first + count) of set s. Local. */
static int read_rows(const esp_feature_file *f, esp_part part, int s, int64_t first, int64_t count,
                     esp_feature_set *set) {
  int rc = ESP_OK;
  const esp_feature_about *a = &f->about;
  esp_feature_set made = {.n = f->n[part][s],
                          .first = first,
                          .n_home = (int)count,
                          .features = a->features,
                          .values = a->values,
                          .targets = a->targets,
                          .hidden = a->hidden};
  ESP_CHECK(count <= INT32_MAX, ESP_ERR_LIMIT, "%s: %lld particles of /%s set %d on one rank, at most %d",
            f->file->path, (long long)count, esp_part_name(part), s, INT32_MAX);
  ESP_TRY(esp_feature_set_create(&made, f->has[part].weight));
  for (int k = 0; k < ESP_FEATURE_COLUMNS; k++) {
    if (has_column(f, part, k))
      ESP_TRY(read_column(f, part, k, f->row[part][s] + first, count, esp_feature_data(&made, k)));
  }
  for (int i = 0; i < made.n_home && !f->has[part].id; i++) made.id[i] = first + i;
done:
  if (rc) esp_feature_set_free(&made);
  *set = made;
  return rc;
}

int esp_feature_share_read(const esp_feature_file *file, const esp_comm *comm, esp_part part, int s,
                           esp_feature_set *set) {
  char source[4200];
  int64_t first = 0, count = 0;
  int rc = ESP_OK;
  memset(set, 0, sizeof *set);
  ESP_CHECK(s >= 0 && s < file->sets[part], ESP_ERR_ARG, "%s: set %d of /%s, which has %d", file->file->path, s,
            esp_part_name(part), file->sets[part]);
  esp_set_share(file->n[part][s], comm->rank, comm->size, &first, &count);
  ESP_TRY(comm->agree(comm, read_rows(file, part, s, first, count, set)));
  snprintf(source, sizeof source, "%s: /%s set %d", file->file->path, esp_part_name(part), s);
  ESP_TRY(esp_feature_set_check(comm, set, source));
done:
  if (rc) esp_feature_set_free(set);
  return rc;
}

int esp_feature_set_read(const esp_feature_file *file, esp_part part, int s, esp_feature_set *set) {
  return esp_feature_share_read(file, esp_comm_self(), part, s, set);
}

/* ---- fingerprint ---- */

/* Every number is hashed with its place; the sum is free of order, so ranks may share the rows. */
static int hash_column(const esp_feature_file *f, esp_part part, int k, uint64_t *buffer, int64_t numbers,
                       uint64_t *sum) {
  const int64_t width = esp_feature_width(&f->about, k), rows = f->rows[part], some = numbers / width;
  const int64_t begin = rows * f->comm->rank / f->comm->size, end = rows * (f->comm->rank + 1) / f->comm->size;
  const uint64_t salt = esp_hash_mix((uint64_t)part + 1, (uint64_t)k);
  for (int64_t first = begin; first < end; first += some) {
    const int64_t count = end - first < some ? end - first : some;
    ESP_CALL(read_column(f, part, k, first, count, buffer));
    for (int64_t i = 0; i < count * width; i++) {
      *sum += esp_hash_mix(esp_hash_mix(salt, (uint64_t)(first * width + i)), buffer[i]);
    }
  }
  return ESP_OK;
}

static int hash_part(const esp_feature_file *f, esp_part part, uint64_t *buffer, int64_t numbers, uint64_t *sum) {
  for (int k = 0; k < ESP_FEATURE_COLUMNS && f->rows[part]; k++) {
    if (has_column(f, part, k)) ESP_CALL(hash_column(f, part, k, buffer, numbers, sum));
  }
  for (int s = 0; s < f->sets[part] && f->comm->rank == 0; s++) {
    const uint64_t place = esp_hash_mix(esp_hash_mix((uint64_t)part + 1, ESP_FEATURE_COLUMNS), (uint64_t)s);
    *sum += esp_hash_mix(esp_hash_mix(place, (uint64_t)f->n[part][s]), (uint64_t)f->row[part][s]);
  }
  return ESP_OK;
}

int esp_feature_checksum(const esp_feature_file *file, uint64_t *sum) {
  const esp_comm *comm = file->comm;
  int64_t numbers = 65536;
  uint64_t *buffer = NULL;
  for (int k = 0; k < ESP_FEATURE_COLUMNS; k++) {
    if (numbers < esp_feature_width(&file->about, k)) numbers = esp_feature_width(&file->about, k);
  }
  int rc = ESP_ALLOC(buffer, numbers);
  *sum = 0;
  for (int part = 0; part < ESP_PARTS && !rc; part++) rc = hash_part(file, (esp_part)part, buffer, numbers, sum);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->sum_i64(comm, (int64_t *)sum, 1));
done:
  ESP_FREE(buffer);
  return rc;
}

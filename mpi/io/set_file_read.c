#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/at_hand.h"
#include "base/count.h"
#include "domain/migrate.h"
#include "io/set_file_columns.h"

/* ---- names and formats ---- */

const char *const esp_set_formats[ESP_SET_FORMATS] = {ESP_SET_FORMAT, "espalier features", "espalier ensemble"};

void esp_set_file_name(esp_part part, const char *group, const char *name, char text[ESP_SET_NAME]) {
  snprintf(text, ESP_SET_NAME, "/%s%s%s%s%s", esp_part_name(part), *group ? "/" : "", group, *name ? "/" : "", name);
}

int esp_set_file_columns(int width) {
  return width == 1 ? 0 : width;
}

int esp_set_file_format(const esp_file *file, esp_set_format *format) {
  char word[64] = "";
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(file, "/", "format", &s));
  ESP_CHECK(s.exists && s.class == H5T_STRING, ESP_ERR_FORMAT,
            "%s: attribute format of / is missing, must be \"%s\": not a set file", file->path, ESP_SET_FORMAT);
  ESP_CALL(esp_file_attr_read_string(file, "/", "format", word, sizeof word));
  for (int k = 0; k < ESP_SET_FORMATS; k++) {
    *format = (esp_set_format)k;
    if (!strcmp(word, esp_set_formats[k])) return ESP_OK;
  }
  return ESP_FAIL(ESP_ERR_FORMAT, "%s: attribute format is \"%s\", must be \"%s\", or the older \"%s\", \"%s\"",
                  file->path, word, esp_set_formats[0], esp_set_formats[1], esp_set_formats[2]);
}

int esp_set_file_word(const esp_file *file, esp_set_format format, char task[ESP_SET_WORD]) {
  const char *name = format == ESP_SET_ENSEMBLE ? "data_task" : "task";
  esp_file_shape s;
  task[0] = 0;
  ESP_CALL(esp_file_attr_shape(file, "/", name, &s));
  return s.exists ? esp_file_attr_read_string(file, "/", name, task, ESP_SET_WORD) : ESP_OK;
}

/* On rank 0 alone: does it open as one of ours? */
static int look(const char *path, int64_t *is, char task[ESP_SET_WORD]) {
  esp_set_format format;
  esp_file *file = NULL;
  *is = !esp_file_open(esp_comm_self(), path, &file) && !esp_set_file_format(file, &format);
  const int rc = *is ? esp_set_file_word(file, format, task) : ESP_OK;
  esp_file_close(&file);
  return rc;
}

int esp_set_file_is(const esp_comm *comm, const char *path, int *is) {
  char task[ESP_SET_WORD];
  int64_t answer = 0;
  if (comm->rank == 0 && (look(path, &answer, task) || !answer)) esp_error_clear();
  ESP_CALL(comm->broadcast(comm, &answer, sizeof answer, 0));
  *is = (int)answer;
  return ESP_OK;
}

int esp_set_file_task(const esp_comm *comm, const char *path, char task[ESP_SET_WORD]) {
  int64_t is = 1;
  int rc = ESP_OK;
  memset(task, 0, ESP_SET_WORD);
  if (comm->rank == 0) rc = look(path, &is, task);
  if (!rc && !is) rc = ESP_FAIL(ESP_ERR_FORMAT, "%s: is no set file", path); /* the first failure tells why */
  ESP_AGREE(comm, rc);
  return comm->broadcast(comm, task, ESP_SET_WORD, 0);
}

/* ---- opening ---- */

static void shape_text(const esp_file_shape *s, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int k = 0; k < s->rank && k < 4 && used < size; k++) {
    used += (size_t)snprintf(text + used, size - used, "%s%lld", k ? ", " : "", (long long)s->dim[k]);
  }
}

/* Class, rank and rows of a dataset. rows: in, those of the datasets before it, or -1. width: in, that of the layout, 0:
 * any. */
static int check_shape(const esp_file *file, const char *name, int whole, const esp_file_shape *s, int64_t *rows,
                       int *width) {
  char seen[96], wanted[32] = "";
  const int64_t wide = s->rank == 2 ? s->dim[1] : 1;
  shape_text(s, seen, sizeof seen);
  if (*width != 1) snprintf(wanted, sizeof wanted, *width ? ", %d" : ", columns", *width);
  ESP_CHECK(s->class == H5T_INTEGER || (s->class == H5T_FLOAT && !whole), ESP_ERR_FORMAT,
            "%s: dataset %s holds neither %sintegers (elements of %d bytes)", file->path, name,
            whole ? "" : "floats nor ", s->bytes);
  ESP_CHECK((s->rank == 1 || s->rank == 2) && wide >= 1 && wide <= INT32_MAX && (*width == 0 || wide == *width),
            ESP_ERR_FORMAT, "%s: dataset %s has shape (%s), wanted is (rows%s)", file->path, name, seen, wanted);
  ESP_CHECK(*rows < 0 || s->dim[0] == *rows, ESP_ERR_FORMAT, "%s: dataset %s has shape (%s), wanted are %lld rows",
            file->path, name, seen, (long long)*rows);
  *rows = s->dim[0];
  *width = (int)wide;
  return ESP_OK;
}

/* One dataset, left closed (< 0) where it is not there and need not be. */
static int open_dataset(const esp_file *file, const char *name, int needed, int whole, int64_t *rows, int *width,
                        hid_t *dataset) {
  esp_file_shape s;
  ESP_CALL(esp_file_dataset(file, name, &s));
  ESP_CHECK(s.exists || !needed, ESP_ERR_FORMAT, "%s: dataset %s is missing", file->path, name);
  if (!s.exists) return *width = 0, ESP_OK;
  ESP_CALL(check_shape(file, name, whole, &s, rows, width));
  *dataset = H5Dopen2(file->id, name, H5P_DEFAULT);
  ESP_CHECK(*dataset >= 0, ESP_ERR_FILE, "%s: dataset %s cannot be opened", file->path, name);
  return esp_file_check_filters(file, name, *dataset);
}

/* Datasets of a part, their widths [ESP_COLUMNS] (0: missing) and its rows. */
static int open_columns(esp_set_file *f, esp_part part, int *width) {
  const esp_column *column = f->layout->column;
  char name[ESP_SET_NAME];
  int64_t rows = -1;
  int one = 1;
  for (int k = 0; column[k].name; k++) {
    width[k] = column[k].width;
    esp_set_file_name(part, "", column[k].name, name);
    if (column[k].lying != ESP_DENSE)
      ESP_CALL(esp_set_file_sparse_open(f, part, k, &rows, &width[k]));
    else
      ESP_CALL(open_dataset(f->file, name, !column[k].optional, 0, &rows, &width[k], &f->data[part][k]));
    if (width[k]) f->about.width[k] = width[k];
  }
  esp_set_file_name(part, "", "id", name);
  ESP_CALL(open_dataset(f->file, name, 0, 1, &rows, &one, &f->id[part]));
  f->rows[part] = rows < 0 ? 0 : rows;
  return ESP_OK;
}

/* Framed columns of a part, where frames were kept: all that the part has. */
static int open_frames(esp_set_file *f, esp_part part, const int *width) {
  const esp_column *column = f->layout->column;
  char name[ESP_SET_NAME];
  int64_t rows = -1;
  int exists;
  esp_set_file_name(part, "frames", "", name);
  ESP_CALL(esp_file_exists(f->file, name, &exists));
  for (int k = 0; column[k].name && exists; k++) {
    int wide = width[k];
    if (!column[k].framed || !wide) continue;
    esp_set_file_name(part, "frames", column[k].name, name);
    ESP_CALL(open_dataset(f->file, name, 1, 0, &rows, &wide, &f->frame[part][k]));
  }
  f->frame_rows[part] = rows < 0 ? 0 : rows;
  return ESP_OK;
}

/* A column has one width in both parts, or is missing in both. Weights may be there in one. */
static int check_parts(const esp_set_file *f, const int width[ESP_PARTS][ESP_COLUMNS]) {
  for (int k = 0; f->layout->column[k].name; k++) {
    const esp_column *column = &f->layout->column[k];
    const int *seen[ESP_PARTS] = {width[0], width[1]}, both = seen[0][k] && seen[1][k];
    if ((column->role == ESP_WEIGHT || column->role == ESP_EXTRA) && !both) continue;
    ESP_CHECK(width[0][k] == width[1][k], ESP_ERR_FORMAT,
              "%s: %s has %d columns in /%s and %d in /%s (0: missing), must be the same", f->file->path, column->name,
              width[0][k], esp_part_name(ESP_PART_TRAIN), width[1][k], esp_part_name(ESP_PART_TEST));
  }
  return ESP_OK;
}

static int open_parts(esp_set_file *f, esp_set_format format) {
  int width[ESP_PARTS][ESP_COLUMNS] = {{0}}, parts = 0;
  for (int part = 0; part < ESP_PARTS; part++) {
    char name[ESP_SET_NAME];
    int exists;
    esp_set_file_name((esp_part)part, "", "", name);
    ESP_CALL(esp_file_exists(f->file, name, &exists));
    if (!exists) continue;
    ESP_CALL(open_columns(f, (esp_part)part, width[part]));
    ESP_CALL(open_frames(f, (esp_part)part, width[part]));
    ESP_CALL(esp_set_file_sizes(f, format, (esp_part)part));
    ESP_CALL(esp_set_file_numbers(f, format, (esp_part)part));
    parts++;
  }
  ESP_CHECK(parts, ESP_ERR_FORMAT, "%s: holds neither a group /%s nor /%s", f->file->path,
            esp_part_name(ESP_PART_TRAIN), esp_part_name(ESP_PART_TEST));
  return parts == ESP_PARTS ? check_parts(f, (const int(*)[ESP_COLUMNS])width) : ESP_OK;
}

/* What attributes of version 1 say of the widths. */
static int check_told(const esp_set_file *f) {
  static const struct {
    const char *name;
    esp_role role;
  } size[] = {{"features", ESP_INPUT}, {"values", ESP_SENT}, {"targets", ESP_TARGET}, {"hidden", ESP_HIDDEN}};
  for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
    const char *first = NULL;
    int64_t told, seen = 0;
    esp_file_shape s;
    for (int k = 0; f->layout->column[k].name; k++) {
      if (f->layout->column[k].role != size[i].role) continue;
      if (!first) first = f->layout->column[k].name;
      seen += f->about.width[k];
    }
    ESP_CALL(esp_file_attr_shape(f->file, "/", size[i].name, &s));
    if (!s.exists || !first) continue;
    ESP_CALL(esp_file_attr_read(f->file, "/", size[i].name, ESP_FILE_I64, 1, &told));
    ESP_CHECK(told == seen, ESP_ERR_FORMAT, "%s: attribute %s is %lld, but %s has %lld columns", f->file->path,
              size[i].name, (long long)told, first, (long long)seen);
  }
  return ESP_OK;
}

/* Every rank opens the file for itself, so that it may read when it likes. */
static int open_local(esp_set_file *f, const char *path) {
  esp_set_format format;
  ESP_CALL(esp_file_open(esp_comm_self(), path, &f->file));
  ESP_CALL(esp_set_file_format(f->file, &format));
  f->version = format == ESP_SET_NOW ? 2 : 1;
  ESP_CALL(esp_set_file_word(f->file, format, f->about.task));
  if (!f->layout) ESP_CALL(esp_set_file_find(f, format));
  ESP_CALL(open_parts(f, format));
  return format == ESP_SET_FEATURES ? check_told(f) : ESP_OK;
}

int esp_set_open(const esp_comm *comm, const char *path, const esp_layout *layout, esp_set_file *file) {
  *file = (esp_set_file){.comm = comm, .layout = layout};
  for (int part = 0; part < ESP_PARTS; part++) {
    file->id[part] = H5I_INVALID_HID;
    for (int k = 0; k < ESP_COLUMNS; k++) {
      file->data[part][k] = file->frame[part][k] = H5I_INVALID_HID;
      file->sparse[part][k] = (esp_set_sparse){H5I_INVALID_HID, H5I_INVALID_HID, H5I_INVALID_HID, 0};
    }
  }
  const int rc = comm->agree(comm, open_local(file, path));
  esp_at_hand(NULL, NULL); /* it stays open */
  if (rc) esp_set_close(file);
  return rc;
}

static void close_dataset(const esp_set_file *f, hid_t dataset) {
  if (f->file && dataset >= 0) H5Dclose(dataset);
}

void esp_set_close(esp_set_file *file) {
  for (int part = 0; part < ESP_PARTS; part++) {
    close_dataset(file, file->id[part]);
    for (int k = 0; k < ESP_COLUMNS; k++) {
      close_dataset(file, file->data[part][k]);
      close_dataset(file, file->frame[part][k]);
      esp_set_file_sparse_close(file, (esp_part)part, k);
    }
    ESP_FREE(file->n[part]);
    ESP_FREE(file->row[part]);
    ESP_FREE(file->frames[part]);
    ESP_FREE(file->frame_row[part]);
    ESP_FREE(file->value[part]);
  }
  esp_set_file_forget(&file->found);
  esp_file_close(&file->file);
  memset(file, 0, sizeof *file);
}

/* ---- sets ---- */

int esp_set_largest(const esp_set_file *file, esp_part part) {
  int largest = -1;
  for (int s = 0; s < file->sets[part]; s++)
    if (largest < 0 || file->n[part][s] > file->n[part][largest]) largest = s;
  return largest;
}

int esp_set_file_rows(const esp_set_file *f, esp_part part, int k, int frames, int64_t first, int64_t count,
                      void *data) {
  const char *name = k < 0 ? "id" : f->layout->column[k].name;
  const hid_t dataset = k < 0 ? f->id[part] : frames ? f->frame[part][k] : f->data[part][k];
  return esp_file_read_open(f->file, name, dataset, k < 0 ? ESP_FILE_I64 : ESP_FILE_F64,
                            esp_set_file_columns(k < 0 ? 1 : f->about.width[k]), first, count, data);
}

/* Column k, of frames before that at which set s begins: [n_home][backs][width]. */
static int read_before(const esp_set_file *f, esp_part part, int s, int of, esp_set *set, double *rows) {
  const esp_pairing *p = &f->pairing[part];
  const size_t width = (size_t)f->about.width[of], all = width * (size_t)p->backs, n = (size_t)set->n_home;
  double *one = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(one, n * width));
  for (int b = 0; b < p->backs; b++) {
    const int64_t row = f->frame_row[part][s] - p->back[b] * set->n + set->first;
    ESP_TRY(esp_set_file_rows(f, part, of, 1, row, set->n_home, one));
    for (size_t i = 0; i < n; i++) memcpy(rows + i * all + (size_t)b * width, one + i * width, width * sizeof *one);
  }
done:
  ESP_FREE(one);
  return rc;
}

/* Column k of particles [first, ...) of set s: of its frame, of another one, or as it lies. */
static int read_column(const esp_set_file *f, esp_part part, int s, int k, esp_set *set) {
  const esp_column *column = &f->layout->column[k];
  const int64_t lead = f->pairing[part].lead;
  const int derived = lead && column->of && f->data[part][k] < 0;
  const int of = derived ? esp_set_column(f->layout, column->of) : k;
  const int framed = lead && f->frame[part][of] >= 0;
  const int64_t on = derived && column->ahead ? lead * set->n : 0;
  const int64_t row = framed ? f->frame_row[part][s] + on : f->row[part][s];
  if (derived && column->before) return read_before(f, part, s, of, set, set->value[k]);
  return esp_set_file_rows(f, part, of, framed, row + set->first, set->n_home, set->value[k]);
}

/* Particles [first, first + count) of set s. Local. */
static int read_rows(const esp_set_file *f, esp_part part, int s, int64_t first, int64_t count, esp_set *set) {
  const int numbers = esp_set_numbers(f->layout);
  const int64_t row = f->row[part][s] + first;
  int rc = ESP_OK;
  esp_set made = {.n = f->n[part][s], .first = first, .n_home = (int)count, .layout = f->layout};
  ESP_CHECK(count <= INT32_MAX, ESP_ERR_LIMIT, "%s: %lld particles of /%s set %d on one rank, at most %d",
            f->file->path, (long long)count, esp_part_name(part), s, INT32_MAX);
  for (int k = 0; f->layout->column[k].name; k++) {
    const int there =
        f->data[part][k] >= 0 || f->sparse[part][k].start >= 0 || (f->pairing[part].lead && f->layout->column[k].of);
    made.width[k] = there ? f->about.width[k] : 0;
  }
  ESP_TRY(esp_set_create(&made));
  for (int k = 0; f->layout->column[k].name; k++)
    if (made.csr[k].start)
      ESP_TRY(esp_set_file_sparse_read(f, part, s, k, &made));
    else if (made.value[k])
      ESP_TRY(read_column(f, part, s, k, &made));
  if (f->id[part] >= 0) ESP_TRY(esp_set_file_rows(f, part, -1, 0, row, count, made.id));
  for (int i = 0; i < made.n_home && f->id[part] < 0; i++) made.id[i] = first + i;
  if (numbers) memcpy(made.about, f->value[part] + (size_t)s * (size_t)numbers, (size_t)numbers * sizeof *made.about);
done:
  if (rc) esp_set_free(&made);
  *set = made;
  return rc;
}

/* Ids of a file of ours are numbers in the set; whatever else they are, no two may be equal. */
static int check_ids(const esp_comm *comm, const esp_set *set, const char *source) {
  int64_t other = 0;
  for (int i = 0; i < set->n_home; i++) other |= set->id[i] != set->first + i;
  ESP_CALL(comm->max_i64(comm, &other, 1));
  ESP_CALL(other ? esp_error_blame(esp_migrate_check_ids(comm, set->n_home, set->id), source) : ESP_OK);
  return ESP_OK;
}

int esp_set_read(const esp_set_file *file, const esp_comm *comm, esp_part part, int s, esp_set *set) {
  char source[4200];
  int64_t first = 0, count = 0;
  int rc = ESP_OK;
  memset(set, 0, sizeof *set);
  ESP_CHECK(s >= 0 && s < file->sets[part], ESP_ERR_ARG, "%s: set %d of /%s, which has %d", file->file->path, s,
            esp_part_name(part), file->sets[part]);
  esp_set_share(file->n[part][s], comm->rank, comm->size, &first, &count);
  ESP_TRY(comm->agree(comm, read_rows(file, part, s, first, count, set)));
  snprintf(source, sizeof source, "%s: /%s set %d", file->file->path, esp_part_name(part), s);
  ESP_TRY(esp_set_check(comm, set, source));
  ESP_TRY(check_ids(comm, set, source));
done:
  if (rc) esp_set_free(set);
  return rc;
}

/* As esp_set_check has the numbers of a set. */
static int check_frame(const esp_set_file *file, esp_part part, int s, int64_t f, int column, int64_t first,
                       int64_t count, const double *rows) {
  const int width = file->about.width[column];
  for (int64_t i = 0; i < count * width; i++)
    ESP_CHECK(fabs(rows[i]) <= ESP_LARGEST, ESP_ERR_VALUE,
              "%s: /%s set %d, frame %lld: row %lld: %s, column %lld, is %g: must be finite, at most %g",
              file->file->path, esp_part_name(part), s, (long long)f, (long long)(first + i / width),
              file->layout->column[column].name, (long long)(i % width), rows[i], ESP_LARGEST);
  return ESP_OK;
}

int esp_set_read_frame(const esp_set_file *file, esp_part part, int s, int64_t f, int column, int64_t first, int count,
                       double *rows) {
  const char *path = file->file->path, *name = esp_part_name(part);
  ESP_CHECK(s >= 0 && s < file->sets[part], ESP_ERR_ARG, "%s: set %d of /%s, which has %d", path, s, name,
            file->sets[part]);
  const int64_t n = file->n[part][s], frames = file->frames[part][s];
  ESP_CHECK(f >= 0 && f < frames && first >= 0 && count >= 0 && first + count <= n && column >= 0 &&
                file->frame[part][column] >= 0,
            ESP_ERR_ARG,
            "%s: particles [%lld, +%d) of frame %lld, column %d asked for; set %d of /%s has %lld particles, %lld "
            "frames",
            path, (long long)first, count, (long long)f, column, s, name, (long long)n, (long long)frames);
  ESP_CALL(esp_set_file_rows(file, part, column, 1, file->frame_row[part][s] + f * n + first, count, rows));
  return check_frame(file, part, s, f, column, first, count, rows);
}

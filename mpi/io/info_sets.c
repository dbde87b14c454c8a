/* What `info` says of a set file, of whichever format and task. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/shown.h"
#include "io/info_parts.h"
#include "io/set_file_columns.h"

/* ---- sizes ---- */

/* Numbers of sets in file order, equal neighbours together: "3 of 64, 1 of 4096". */
static void print_runs(int sets, const int64_t *n, FILE *out) {
  enum { MOST = 12 };
  int runs = 0;
  for (int s = 0; s < sets;) {
    int end = s + 1;
    while (end < sets && n[end] == n[s]) end++;
    if (runs++ < MOST) fprintf(out, "%s%d of %" PRId64, runs > 1 ? ", " : "", end - s, n[s]);
    s = end;
  }
  if (runs > MOST) fprintf(out, ", ...");
}

static void print_part(const esp_set_file *f, esp_part part, FILE *out) {
  const int sets = f->sets[part];
  fprintf(out, "%-12s %d set%s, %" PRId64 " rows", esp_part_name(part), sets, sets == 1 ? "" : "s", f->rows[part]);
  if (sets) fprintf(out, ": ");
  print_runs(sets, f->n[part], out);
  fprintf(out, "%s\n", sets ? " particles" : "");
  if (!f->frame_rows[part]) return;
  fprintf(out, "  frames     %" PRId64 " rows: ", f->frame_rows[part]);
  print_runs(sets, f->frames[part], out);
  fprintf(out, " frames\n");
}

/* ---- columns ---- */

typedef struct {
  double low, high, sum, square;
  int64_t count, strange; /* not finite */
} range;

static void range_add(range *r, int64_t count, const double *value) {
  for (int64_t i = 0; i < count; i++) {
    if (!isfinite(value[i])) {
      r->strange++;
      continue;
    }
    r->low = r->count && r->low < value[i] ? r->low : value[i];
    r->high = r->count && r->high > value[i] ? r->high : value[i];
    r->sum += value[i];
    r->square += value[i] * value[i];
    r->count++;
  }
}

/* " [unit]": what the file says, else the layout; nothing for numbers that have none. */
static int print_unit(const esp_set_file *f, const char *dataset, const char *unit, FILE *out) {
  char text[64];
  esp_file_shape s;
  ESP_CALL(esp_file_attr_shape(f->file, dataset, "unit", &s));
  if (s.exists && s.class == H5T_STRING && s.bytes < (int)sizeof text) {
    ESP_CALL(esp_file_attr_read_string(f->file, dataset, "unit", text, sizeof text));
    unit = text;
  }
  if (!unit || !*unit || !strcmp(unit, "1")) return ESP_OK;
  fprintf(out, " [");
  esp_info_text(out, unit);
  fprintf(out, "]");
  return ESP_OK;
}

static int read_range(const esp_set_file *f, esp_part part, int k, range *r) {
  const int64_t width = f->about.width[k], rows = f->rows[part], some = 65536 / width + 1;
  double *value = NULL;
  int rc = ESP_OK;
  ESP_TRY(ESP_ALLOC(value, some * width));
  for (int64_t first = 0; first < rows; first += some) {
    const int64_t count = rows - first < some ? rows - first : some;
    ESP_TRY(esp_set_file_rows(f, part, k, 0, first, count, value));
    range_add(r, count * width, value);
  }
done:
  ESP_FREE(value);
  return rc;
}

/* How an entry counts, and the longest row. */
typedef struct {
  range r;
  int64_t row, length, longest;
} entries;

static void add_entry(void *context, int64_t row, int64_t index, double value) {
  entries *e = context;
  (void)index;
  e->length = row == e->row ? e->length + 1 : 1;
  e->row = row;
  if (e->length > e->longest) e->longest = e->length;
  range_add(&e->r, 1, &value);
}

static int print_sparse(const esp_set_file *f, esp_part part, int k, FILE *out) {
  const esp_column *column = &f->layout->column[k];
  const int64_t rows = f->rows[part] ? f->rows[part] : 1;
  char shown[4 * ESP_SET_NAME];
  entries e = {.row = -1};
  for (int s = 0; s < f->sets[part]; s++, e.row = -1)
    ESP_CALL(esp_set_file_sparse_each(f, part, s, k, 0, f->n[part][s], add_entry, &e));
  esp_shown(column->name, "", shown, sizeof shown);
  fprintf(out, "  %-10s ", shown);
  if (column->lying == ESP_EDGES)
    fprintf(out, "%" PRId64 " edges", f->sparse[part][k].entries);
  else
    fprintf(out, "%d columns, sparse, %" PRId64 " entries", f->about.width[k], f->sparse[part][k].entries);
  fprintf(out, ", %.3g a row, at most %" PRId64, (double)f->sparse[part][k].entries / (double)rows, e.longest);
  if (f->sparse[part][k].value >= 0 && e.r.count)
    fprintf(out, ", %.6g to %.6g, mean %.3g", e.r.low, e.r.high, e.r.sum / (double)e.r.count);
  if (e.r.strange) fprintf(out, ", %" PRId64 " not finite", e.r.strange);
  fprintf(out, "\n");
  return ESP_OK;
}

static int print_column(const esp_set_file *f, esp_part part, int k, FILE *out) {
  const esp_column *column = &f->layout->column[k];
  const int width = f->about.width[k];
  char name[ESP_SET_NAME], shown[4 * ESP_SET_NAME];
  range r = {0};
  if (f->sparse[part][k].start >= 0) return print_sparse(f, part, k, out);
  if (f->data[part][k] < 0 || !f->rows[part]) return ESP_OK;
  ESP_CALL(read_range(f, part, k, &r));
  esp_set_file_name(part, "", column->name, name);
  esp_shown(column->name, "", shown, sizeof shown);
  fprintf(out, "  %-10s %d column%s", shown, width, width == 1 ? "" : "s");
  ESP_CALL(print_unit(f, name, column->unit, out));
  if (r.count) {
    const double n = (double)r.count;
    fprintf(out, ", %.6g to %.6g, mean %.3g, rms %.3g", r.low, r.high, r.sum / n, sqrt(r.square / n));
  }
  if (r.strange) fprintf(out, ", %" PRId64 " not finite", r.strange);
  fprintf(out, "\n");
  return ESP_OK;
}

/* ---- numbers ---- */

static const char *word_of(const esp_number *number, int64_t place) {
  const char *name = NULL;
  for (int k = 0; k <= place && (name = number->names(k)) && k < place; k++) continue;
  return name;
}

static void print_value(const esp_number *number, const esp_value *value, FILE *out) {
  const char *word = number->names ? word_of(number, value->whole) : NULL;
  for (int c = 0; c < number->count; c++) {
    if (word)
      fprintf(out, " %s", word);
    else if (number->whole)
      fprintf(out, " %" PRId64, value[c].whole);
    else
      fprintf(out, " %.10g", value[c].real);
  }
}

/* Less in the first of its numbers that differs. */
static int compare(const esp_number *number, const esp_value *a, const esp_value *b) {
  for (int c = 0; c < number->count; c++) {
    const int less = number->whole ? a[c].whole < b[c].whole : a[c].real < b[c].real;
    if (less) return -1;
    if (number->whole ? a[c].whole > b[c].whole : a[c].real > b[c].real) return 1;
  }
  return 0;
}

/* Its least and its largest value over the sets of a part; nothing where all are 0. */
static void print_number(const esp_set_file *f, esp_part part, const esp_number *number, int at, FILE *out) {
  static const esp_value none[ESP_NUMBERS];
  char shown[4 * ESP_SET_NAME];
  const size_t numbers = (size_t)esp_set_numbers(f->layout);
  const esp_value *low = f->value[part] + at, *high = low;
  for (int s = 1; s < f->sets[part]; s++) {
    const esp_value *value = f->value[part] + (size_t)s * numbers + at;
    if (compare(number, value, low) < 0) low = value;
    if (compare(number, value, high) > 0) high = value;
  }
  const int is_told = !number->names || high->whole >= 0;
  if (!is_told || (!number->names && !compare(number, low, none) && !compare(number, high, none))) return;
  esp_shown(number->name, "", shown, sizeof shown);
  fprintf(out, "  %-18s", shown);
  print_value(number, low, out);
  if (compare(number, low, high)) {
    fprintf(out, " to");
    print_value(number, high, out);
  }
  if (number->unit && *number->unit && strcmp(number->unit, "1")) fprintf(out, " [%s]", number->unit);
  fprintf(out, "\n");
}

/* ---- the whole ---- */

static int print_file(const esp_set_file *f, FILE *out) {
  uint64_t sum;
  for (int part = 0; part < ESP_PARTS; part++) {
    int at = 0;
    print_part(f, (esp_part)part, out);
    for (int k = 0; f->layout->column[k].name; k++) ESP_CALL(print_column(f, (esp_part)part, k, out));
    for (const esp_number *number = f->layout->number; number->name && f->sets[part]; number++) {
      print_number(f, (esp_part)part, number, at, out);
      at += number->count;
    }
  }
  ESP_CALL(esp_set_file_checksum(f, &sum));
  fprintf(out, "checksum     %016" PRIx64 "\n", sum);
  return ESP_OK;
}

int esp_info_sets(const char *path, esp_info_layout layout, FILE *out) {
  char task[ESP_SET_WORD];
  esp_set_file file;
  ESP_CALL(esp_set_file_task(esp_comm_self(), path, task));
  const esp_layout *known = layout && task[0] ? layout(task) : NULL;
  fprintf(out, "sets         ");
  if (esp_set_open(esp_comm_self(), path, known, &file)) return esp_info_refused(out), ESP_OK;
  fprintf(out, "version %d, %s", file.version, task[0] ? "task " : "of no task");
  esp_info_text(out, task);
  fprintf(out, "%s\n", known || !task[0] ? "" : ", which is not known here");
  const int rc = print_file(&file, out);
  esp_set_close(&file);
  return rc;
}

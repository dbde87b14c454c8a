/* Graphs in Matrix Market, with labels and features beside them: see io/labelled.h. Format: R. Boisvert, R. Pozo, K. Remington,
 * "The Matrix Market exchange formats: initial design", NISTIR 5935 (1996). */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/input.h"
#include "base/passing.h"
#include "io/labelled.h"

enum { LINE = 1024, LEAST_BYTES = 4 }; /* of a line; of an entry, "1 1\n" */
static const char BANNER[] = "%%MatrixMarket";

typedef struct {
  const char *path;
  FILE *file;
  int64_t line, bytes;
  char text[LINE];
  int symmetric, has_values;
  int64_t rows, columns, entries;
} matrix;

/* The next line that says something: *there 0 behind the last. */
static int next_line(matrix *m, int *there) {
  *there = 0;
  while (fgets(m->text, LINE, m->file)) {
    const size_t length = strlen(m->text);
    m->line++;
    ESP_CHECK(length + 1 < LINE || m->text[length - 1] == '\n', ESP_ERR_FORMAT,
              "%s: line %" PRId64 " has over %d characters", m->path, m->line, LINE - 2);
    const char *p = m->text;
    while (isspace((unsigned char)*p)) p++;
    if (*p && *p != '%') return *there = 1, ESP_OK;
  }
  ESP_CHECK(!ferror(m->file), ESP_ERR_FILE, "%s: cannot be read behind line %" PRId64, m->path, m->line);
  return ESP_OK;
}

/* `count` whole numbers, and then, with `value`, a real one, alone on the line. */
static int parse(const matrix *m, int count, int64_t *whole, double *value) {
  char *p = (char *)(uintptr_t)m->text, *end;
  for (int k = 0; k < count; k++, p = end) {
    whole[k] = strtoll(p, &end, 10);
    ESP_CHECK(end != p && (isspace((unsigned char)*end) || !*end), ESP_ERR_FORMAT,
              "%s: line %" PRId64 ": number %d is missing, or is not a whole one", m->path, m->line, k + 1);
  }
  if (value) {
    *value = strtod(p, &end);
    ESP_CHECK(end != p, ESP_ERR_FORMAT, "%s: line %" PRId64 ": the value is missing", m->path, m->line);
    ESP_CHECK(isfinite(*value), ESP_ERR_VALUE, "%s: line %" PRId64 ": the value is %g, must be finite", m->path,
              m->line, *value);
    p = end;
  }
  while (isspace((unsigned char)*p)) p++;
  ESP_CHECK(!*p, ESP_ERR_FORMAT, "%s: line %" PRId64 ": more than its numbers", m->path, m->line);
  return ESP_OK;
}

/* ---- the beginning ---- */

static int read_banner(matrix *m) {
  char object[32] = "", format[32] = "", field[32] = "", symmetry[32] = "",
       *words[] = {object, format, field, symmetry};
  ESP_CHECK(fgets(m->text, LINE, m->file) && !strncmp(m->text, BANNER, sizeof BANNER - 1), ESP_ERR_FORMAT,
            "%s: does not begin with %s", m->path, BANNER);
  m->line = 1;
  sscanf(m->text + sizeof BANNER - 1, "%31s %31s %31s %31s", object, format, field, symmetry);
  for (size_t k = 0; k < sizeof words / sizeof *words; k++)
    for (char *p = words[k]; *p; p++) *p = (char)tolower((unsigned char)*p);
  m->has_values = strcmp(field, "pattern") != 0;
  m->symmetric = !strcmp(symmetry, "symmetric");
  ESP_CHECK(!strcmp(object, "matrix") && !strcmp(format, "coordinate") &&
                (!m->has_values || !strcmp(field, "real") || !strcmp(field, "integer")) &&
                (m->symmetric || !strcmp(symmetry, "general")),
            ESP_ERR_FORMAT,
            "%s: is %s %s %s %s; read is matrix coordinate, pattern, integer or real, general or symmetric", m->path,
            object, format, field, symmetry);
  return ESP_OK;
}

static int open_matrix(const char *path, matrix *m) {
  int64_t size[3];
  int there, rc;
  *m = (matrix){.path = path};
  ESP_CALL(esp_input_check(path, &m->bytes));
  ESP_CALL(esp_input_open(path, &m->file));
  ESP_TRY(read_banner(m));
  ESP_TRY(next_line(m, &there));
  ESP_NEED(there, ESP_ERR_FORMAT, "%s: has no line of sizes", path);
  ESP_TRY(parse(m, 3, size, NULL));
  m->rows = size[0], m->columns = size[1], m->entries = size[2];
  ESP_NEED(m->rows >= 1 && m->columns >= 1 && m->columns <= INT32_MAX && m->entries >= 0, ESP_ERR_FORMAT,
           "%s: %" PRId64 " rows, %" PRId64 " columns, %" PRId64 " entries; columns must be 1 to %d", path, m->rows,
           m->columns, m->entries, INT32_MAX);
  ESP_NEED(m->entries <= m->bytes / LEAST_BYTES + 1, ESP_ERR_FORMAT,
           "%s: claims %" PRId64 " entries, and has %" PRId64 " bytes", path, m->entries, m->bytes);
done:
  if (rc) fclose(m->file);
  return rc;
}

/* What is done with entry (i, j), both from 0. */
typedef int (*taking)(void *context, const matrix *m, int64_t i, int64_t j, double value);

static int each_entry(matrix *m, taking take, void *context) {
  for (int64_t e = 0; e < m->entries; e++) {
    int64_t at[2];
    double value = 1;
    int there;
    ESP_CALL(next_line(m, &there));
    ESP_CHECK(there, ESP_ERR_FORMAT, "%s: ends behind line %" PRId64 ", %" PRId64 " entries of %" PRId64, m->path,
              m->line, e, m->entries);
    ESP_CALL(parse(m, 2, at, m->has_values ? &value : NULL));
    ESP_CHECK(at[0] >= 1 && at[0] <= m->rows && at[1] >= 1 && at[1] <= m->columns, ESP_ERR_VALUE,
              "%s: line %" PRId64 ": entry (%" PRId64 ", %" PRId64 "), must be (1, 1) to (%" PRId64 ", %" PRId64 ")",
              m->path, m->line, at[0], at[1], m->rows, m->columns);
    ESP_CALL(take(context, m, at[0] - 1, at[1] - 1, value));
  }
  int there;
  ESP_CALL(next_line(m, &there));
  ESP_CHECK(!there, ESP_ERR_FORMAT, "%s: line %" PRId64 ": more than %" PRId64 " entries", m->path, m->line,
            m->entries);
  return ESP_OK;
}

/* ---- graph, labels, features ---- */

static int take_edge(void *context, const matrix *m, int64_t i, int64_t j, double weight) {
  ESP_CHECK(weight >= 0, ESP_ERR_VALUE, "%s: line %" PRId64 ": the weight is %g, must be >= 0", m->path, m->line,
            weight);
  ESP_CALL(esp_labelled_hears(context, i, j, weight));
  return m->symmetric && i != j ? esp_labelled_hears(context, j, i, weight) : ESP_OK;
}

static int read_graph(matrix *m, esp_labelled *l) {
  ESP_CHECK(m->rows == m->columns, ESP_ERR_FORMAT, "%s: %" PRId64 " rows and %" PRId64 " columns; a graph has as many",
            m->path, m->rows, m->columns);
  l->has_edges = 1, l->weighted = m->has_values, l->both = m->symmetric;
  return each_entry(m, take_edge, l);
}

/* "NAME.mtx" -> "NAME_labels.txt". */
static int beside(const char *path, const char *end, char name[ESP_PATH]) {
  const char *dot = strrchr(path, '.'), *folder = strrchr(path, '/');
  const int length = dot && dot > (folder ? folder : path) ? (int)(dot - path) : (int)strlen(path);
  ESP_CHECK(snprintf(name, ESP_PATH, "%.*s%s", length, path, end) < ESP_PATH, ESP_ERR_LIMIT, "%s: the name is too long",
            path);
  return ESP_OK;
}

/* The rows that the file claims are held against the lines that there are, before memory is taken for them. */
static int read_labels(const esp_comm *comm, const matrix *graph, const char *path, esp_labelled *l) {
  matrix m = {.path = path};
  int rc = ESP_OK, there;
  int64_t row = 0, label;
  ESP_CALL(esp_input_check(path, &m.bytes));
  ESP_CHECK(graph->rows <= m.bytes / 2 + 1, ESP_ERR_FORMAT,
            "%s: claims %" PRId64 " rows, for which %s, of %" PRId64 " bytes, has no labels", graph->path, graph->rows,
            path, m.bytes);
  ESP_CALL(esp_labelled_create(comm, graph->path, graph->rows, l));
  ESP_CALL(esp_input_open(path, &m.file));
  ESP_TRY(next_line(&m, &there));
  for (; there; row++) {
    ESP_TRY(parse(&m, 1, &label, NULL));
    if (row >= l->first && row < l->first + l->n_home) l->label[row - l->first] = label;
    ESP_TRY(next_line(&m, &there));
  }
  ESP_NEED(row == l->n, ESP_ERR_FORMAT, "%s: %" PRId64 " labels for a graph of %" PRId64, path, row, l->n);
done:
  fclose(m.file);
  return rc;
}

/* Entries of own rows, as they come. */
typedef struct {
  const esp_labelled *l;
  int64_t *row, *index;
  double *value;
  size_t count, held[3];
} features;

/* Entries of this share that stand there already, and the first of them, from 0. */
typedef struct {
  int64_t count, row, column;
} again;

static int take_feature(void *context, const matrix *m, int64_t i, int64_t j, double value) {
  features *f = context;
  (void)m;
  if (i < f->l->first || i >= f->l->first + f->l->n_home) return ESP_OK;
  ESP_CALL(ESP_GROW(f->row, f->held[0], f->count + 1));
  ESP_CALL(ESP_GROW(f->index, f->held[1], f->count + 1));
  ESP_CALL(ESP_GROW(f->value, f->held[2], f->count + 1));
  f->row[f->count] = i - f->l->first, f->index[f->count] = j, f->value[f->count] = value;
  f->count++;
  return ESP_OK;
}

/* The first row of this share that lost an entry in `csr`, and the column that stands twice in it. */
static int find_twice(const features *f, const esp_csr *csr, again *a) {
  esp_csr one = {0};
  int64_t *count = NULL;
  int rc, i = 0, none;
  ESP_TRY(ESP_ALLOC(count, csr->rows));
  for (size_t e = 0; e < f->count; e++) count[f->row[e]]++;
  while (count[i] == csr->start[i + 1] - csr->start[i]) i++;
  ESP_TRY(esp_csr_create(1, csr->columns, count[i], 0, &one));
  for (size_t e = 0; e < f->count; e++)
    if (f->row[e] == i) one.index[one.start[1]++] = f->index[e];
  ESP_TRY(esp_csr_sort(&one, &none, &a->column));
  a->row = f->l->first + i;
done:
  esp_csr_free(&one);
  ESP_FREE(count);
  return rc;
}

/* What stands twice on any rank is named by the first of all. Collective. */
static int check_twice(const esp_comm *comm, const char *path, const again *own) {
  int64_t count = own->count, first = own->count ? -own->row : INT64_MIN, column;
  ESP_CALL(comm->sum_i64(comm, &count, 1));
  ESP_CALL(comm->max_i64(comm, &first, 1));
  column = own->count && -own->row == first ? own->column : -1;
  ESP_CALL(comm->max_i64(comm, &column, 1));
  ESP_CHECK(!count, ESP_ERR_VALUE,
            "%s: entry (%" PRId64 ", %" PRId64 ") stands twice, the first of %" PRId64 " that do; each must stand once",
            path, 1 - first, column + 1, count);
  return ESP_OK;
}

static int read_features(const char *path, esp_labelled *l, again *a) {
  features f = {.l = l};
  matrix m;
  esp_csr csr = {0};
  int rc;
  if (esp_input_check(path, NULL)) return esp_error_clear(), ESP_OK; /* none */
  ESP_CALL(open_matrix(path, &m));
  ESP_NEED(m.rows == l->n && !m.symmetric, ESP_ERR_FORMAT,
           "%s: %" PRId64 " rows%s; features of this graph are general, %" PRId64, path, m.rows,
           m.symmetric ? ", symmetric" : "", l->n);
  ESP_TRY(ESP_GROW(f.value, f.held[2], 1)); /* there are values, also where this share has no entry */
  ESP_TRY(each_entry(&m, take_feature, &f));
  ESP_TRY(esp_csr_of(l->n_home, m.columns, (int64_t)f.count, f.row, f.index, f.value, &csr, &a->count));
  if (a->count) ESP_TRY(find_twice(&f, &csr, a));
  ESP_TRY(esp_labelled_words(l, path, &csr));
done:
  fclose(m.file);
  esp_csr_free(&csr);
  ESP_FREE(f.row);
  ESP_FREE(f.index);
  ESP_FREE(f.value);
  return rc;
}

/* ---- the row ---- */

/* This rank's share of all. words: the name of the features. Local. */
static int read_local(const esp_comm *comm, const char *path, esp_labelled *l, char words[ESP_PATH], again *a) {
  char labels[ESP_PATH];
  matrix m;
  int rc;
  ESP_CALL(beside(path, "_labels.txt", labels));
  ESP_CALL(beside(path, "_features.mtx", words));
  ESP_CALL(open_matrix(path, &m));
  ESP_TRY(read_labels(comm, &m, labels, l));
  ESP_TRY(read_graph(&m, l));
  ESP_TRY(read_features(words, l, a));
done:
  fclose(m.file);
  return rc;
}

static int read_mtx(const esp_comm *comm, const esp_input_param *input, const esp_layout *layout, esp_set *set,
                    esp_origin *origin) {
  esp_labelled l = {0};
  char words[ESP_PATH];
  again a = {0};
  int rc;
  ESP_TRY(comm->agree(comm, read_local(comm, input->file, &l, words, &a)));
  ESP_TRY(check_twice(comm, words, &a));
  ESP_TRY(esp_labelled_set(&l, layout, set, origin));
done:
  esp_labelled_free(&l);
  return rc;
}

static int is_mtx(const char *path, int *is) {
  char start[sizeof BANNER] = "";
  FILE *file;
  *is = 0;
  if (esp_input_check(path, NULL)) return esp_error_clear(), ESP_OK; /* it may name parts of something else */
  ESP_CALL(esp_input_open(path, &file));
  *is = fread(start, 1, sizeof BANNER - 1, file) == sizeof BANNER - 1 && !strcmp(start, BANNER);
  fclose(file);
  return ESP_OK;
}

static int print(const char *path, FILE *out) {
  matrix m;
  ESP_CALL(open_matrix(path, &m));
  fclose(m.file);
  fprintf(out, "graph        Matrix Market, %s, %s\n", m.symmetric ? "symmetric" : "general",
          m.has_values ? "with values" : "pattern");
  fprintf(out, "  %" PRId64 " x %" PRId64 ", %" PRId64 " entries\n", m.rows, m.columns, m.entries);
  return ESP_OK;
}

const esp_format esp_format_matrix_market = {"matrix_market",
                                             "graphs in Matrix Market with labels beside them",
                                             ".h5",
                                             is_mtx,
                                             read_mtx,
                                             esp_labelled_write,
                                             print};

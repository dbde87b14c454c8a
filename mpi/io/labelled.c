#include "io/labelled.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "io/file.h"

int esp_labelled_create(const esp_comm *comm, const char *path, int64_t n, esp_labelled *l) {
  int64_t count;
  *l = (esp_labelled){.comm = comm, .path = path, .n = n};
  esp_set_share(n, comm->rank, comm->size, &l->first, &count);
  ESP_CHECK(count <= INT32_MAX, ESP_ERR_LIMIT, "%s: %" PRId64 " particles on one rank, at most %d", path, count,
            INT32_MAX);
  l->n_home = (int)count;
  ESP_CALL(ESP_ALLOC(l->label, count));
  return ESP_ALLOC(l->split, count);
}

void esp_labelled_free(esp_labelled *l) {
  ESP_FREE(l->x);
  esp_csr_free(&l->words);
  ESP_FREE(l->label);
  ESP_FREE(l->split);
  ESP_FREE(l->row);
  ESP_FREE(l->to);
  ESP_FREE(l->weight);
  ESP_FREE(l->sender);
  ESP_FREE(l->receiver);
}

static int is_own(const esp_labelled *l, int64_t i) {
  return i >= l->first && i < l->first + l->n_home;
}

/* What is heard of own particle j. */
static int says(esp_labelled *l, int64_t j, int64_t i) {
  ESP_CALL(ESP_GROW(l->sender, l->senders_held, l->said + 1));
  ESP_CALL(ESP_GROW(l->receiver, l->receivers_held, l->said + 1));
  l->sender[l->said] = j - l->first, l->receiver[l->said] = i;
  l->said++;
  return ESP_OK;
}

int esp_labelled_hears(esp_labelled *l, int64_t i, int64_t j, double weight) {
  if (!l->both && i != j && is_own(l, j)) ESP_CALL(says(l, j, i));
  if (!is_own(l, i)) return ESP_OK;
  if (i == j) return l->loops++, ESP_OK;
  ESP_CALL(ESP_GROW(l->row, l->rows_held, l->edges + 1));
  ESP_CALL(ESP_GROW(l->to, l->to_held, l->edges + 1));
  if (l->weighted) ESP_CALL(ESP_GROW(l->weight, l->weights_held, l->edges + 1));
  l->row[l->edges] = i - l->first, l->to[l->edges] = j;
  if (l->weighted) l->weight[l->edges] = weight;
  l->edges++;
  return ESP_OK;
}

int esp_labelled_words(esp_labelled *l, const char *what, esp_csr *csr) {
  int row;
  int64_t twice;
  for (int i = 0; i < csr->rows; i++)
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++)
      ESP_CHECK(csr->index[e] >= 0 && csr->index[e] < csr->columns, ESP_ERR_VALUE,
                "%s: %s of row %" PRId64 ": column %" PRId64 ", must be 0 to %" PRId64, l->path, what, l->first + i,
                csr->index[e], csr->columns - 1);
  ESP_CALL(esp_csr_sort(csr, &row, &twice));
  ESP_CHECK(row < 0, ESP_ERR_VALUE, "%s: %s of row %" PRId64 ": two entries in column %" PRId64 ", must be one",
            l->path, what, l->first + row, twice);
  l->words = *csr;
  *csr = (esp_csr){0};
  return ESP_OK;
}

/* ---- the set ---- */

enum { FEATURES, EDGES, CLASS, SPLIT, NAMES };
static const char *const names[NAMES] = {"features", "edges", "class", "split"};

static int place_of(const esp_column *column) {
  for (int k = 0; k < NAMES && column->foreign; k++)
    if (!strcmp(column->foreign, names[k])) return k;
  return NAMES;
}

/* The classes of all ranks' labels, 0 .. classes - 1. Collective. */
static int count_classes(const esp_labelled *l, int *classes) {
  int64_t most = -1;
  int rc = ESP_OK;
  for (int i = 0; i < l->n_home && !rc; i++) {
    if (l->label[i] < -1 || l->label[i] >= ESP_LABELLED_CLASSES)
      rc = ESP_FAIL(ESP_ERR_VALUE, "%s: label of row %" PRId64 " is %" PRId64 ", must be -1 (none) to %d", l->path,
                    l->first + i, l->label[i], ESP_LABELLED_CLASSES - 1);
    if (l->label[i] > most) most = l->label[i];
  }
  ESP_AGREE(l->comm, rc);
  ESP_CALL(l->comm->max_i64(l->comm, &most, 1));
  ESP_CHECK(most >= 0, ESP_ERR_VALUE, "%s: no particle has a label, all are -1", l->path);
  *classes = (int)most + 1;
  return ESP_OK;
}

static int widths(const esp_labelled *l, int classes, esp_set *set) {
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_column *column = &set->layout->column[k];
    const int place = place_of(column);
    ESP_CHECK(place < NAMES || !column->foreign || column->optional, ESP_ERR_FORMAT,
              "%s: the data need a column '%s'; a graph has features, edges, class and split", l->path,
              column->foreign);
    set->width[k] = column->optional ? 0 : column->width;
    if (place == FEATURES && column->lying == ESP_DENSE) set->width[k] = l->features;
    if (place == FEATURES && column->lying == ESP_SPARSE) set->width[k] = l->words.start ? (int)l->words.columns : 0;
    if (place == EDGES && column->lying == ESP_EDGES) set->width[k] = l->has_edges;
    if (place == CLASS) set->width[k] = classes;
    if (place == SPLIT) set->width[k] = 1;
  }
  return ESP_OK;
}

/* Edges of own receivers i that hear j where j does not hear i. */
static int count_single(const esp_labelled *l, const esp_csr *edges, int64_t *single) {
  esp_csr said;
  int64_t twice;
  ESP_CALL(esp_csr_of(l->n_home, l->n, (int64_t)l->said, l->sender, l->receiver, NULL, &said, &twice));
  for (int i = 0; i < edges->rows; i++) {
    int64_t s = said.start[i];
    for (int64_t e = edges->start[i]; e < edges->start[i + 1]; e++) {
      while (s < said.start[i + 1] && said.index[s] < edges->index[e]) s++;
      *single += s == said.start[i + 1] || said.index[s] != edges->index[e];
    }
  }
  esp_csr_free(&said);
  return ESP_OK;
}

/* Of this share, edges that were dropped, and those without a twin the other way. */
typedef struct {
  int64_t twice, single;
} edge_counts;

/* What was found goes into the set's columns. */
static int fill(esp_labelled *l, esp_set *set, edge_counts *count) {
  for (int i = 0; i < l->n_home; i++) set->id[i] = l->first + i;
  for (int k = 0; set->layout->column[k].name; k++) {
    const int place = place_of(&set->layout->column[k]), width = set->width[k];
    const esp_lying lying = set->layout->column[k].lying;
    if (!width) continue;
    if (place == FEATURES && lying == ESP_DENSE && l->n_home)
      memcpy(set->value[k], l->x, (size_t)l->n_home * (size_t)width * sizeof *l->x);
    if (place == FEATURES && lying == ESP_SPARSE) {
      esp_csr_free(&set->csr[k]);
      set->csr[k] = l->words;
      l->words = (esp_csr){0};
    }
    if (place == EDGES) {
      esp_csr_free(&set->csr[k]);
      if (l->weighted)
        ESP_CALL(ESP_GROW(l->weight, l->weights_held, 1)); /* no edge here: weights there are all the same */
      ESP_CALL(esp_csr_of(l->n_home, l->n, (int64_t)l->edges, l->row, l->to, l->weight, &set->csr[k], &count->twice));
      if (!l->both) ESP_CALL(count_single(l, &set->csr[k], &count->single));
    }
    for (int i = 0; i < l->n_home && place == CLASS; i++)
      if (l->label[i] >= 0) set->value[k][(size_t)i * (size_t)width + (size_t)l->label[i]] = 1;
    for (int i = 0; i < l->n_home && place == SPLIT; i++) set->value[k][i] = l->split[i];
  }
  return ESP_OK;
}

/* A line more for whoever reads the file. */
__attribute__((format(printf, 2, 3))) static void add_note(esp_origin *origin, const char *format, ...) {
  const size_t used = strlen(origin->note), room = sizeof origin->note - used;
  char line[320];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (strlen(line) + 2 <= room) snprintf(origin->note + used, room, "%s%s", used ? "\n" : "", line);
}

/* Counts over all ranks, in words. Collective. */
static int tell(const esp_labelled *l, int classes, int words, const edge_counts *edges, esp_origin *origin) {
  enum { EDGES_LEFT, LOOPS, TWICE, SINGLE, JUDGES, SPLITS, COUNTS = SPLITS + 4 };
  int64_t count[COUNTS] = {(int64_t)l->edges - edges->twice, l->loops, edges->twice, edges->single};
  const int64_t each = l->both ? 2 : 1;
  for (int i = 0; i < l->n_home; i++)
    count[SPLITS + l->split[i]]++, count[JUDGES] += l->split[i] == 3 && l->label[i] >= 0;
  ESP_CALL(l->comm->sum_i64(l->comm, count, COUNTS));
  size_t used = (size_t)snprintf(origin->told, sizeof origin->told, "%" PRId64 " particles, %d classes, %d %sfeatures",
                                 l->n, classes, l->features ? l->features : words, l->features ? "" : "sparse ");
  if (l->has_edges)
    used += (size_t)snprintf(origin->told + used, sizeof origin->told - used, ", %" PRId64 " edges",
                             count[EDGES_LEFT] / each);
  if (count[SPLITS] < l->n)
    snprintf(origin->told + used, sizeof origin->told - used,
             "; %" PRId64 " train, %" PRId64 " validate, %" PRId64 " test", count[SPLITS + 1], count[SPLITS + 2],
             count[SPLITS + 3]);
  if (count[LOOPS] || count[TWICE])
    add_note(origin, "%" PRId64 " self edges and %" PRId64 " edges that stood there already are left out", count[LOOPS],
             count[TWICE] / each);
  if (count[SINGLE])
    add_note(origin,
             "%" PRId64 " of %" PRId64
             " edges have no twin the other way: they are heard one way alone, and weights that "
             "a network makes symmetric go by what each end hears",
             count[SINGLE], count[EDGES_LEFT]);
  if (l->features && words)
    add_note(origin, "features of both kinds, %d numbers (x) and %d sparse ones (x_indptr), are taken side by side",
             l->features, words);
  if (count[SPLITS] < l->n && !count[JUDGES])
    add_note(origin, "the split leaves no particle with a class for the test: nothing judges a prediction");
  return ESP_OK;
}

int esp_labelled_set(esp_labelled *l, const esp_layout *layout, esp_set *set, esp_origin *origin) {
  edge_counts edges = {0};
  int classes, rc;
  const int words = l->words.start ? (int)l->words.columns : 0;
  *set = (esp_set){.n = l->n, .first = l->first, .n_home = l->n_home, .layout = layout};
  *origin = (esp_origin){0};
  ESP_CALL(count_classes(l, &classes));
  rc = widths(l, classes, set);
  if (!rc) rc = esp_set_create(set);
  if (!rc) rc = fill(l, set, &edges);
  ESP_TRY(l->comm->agree(l->comm, rc));
  ESP_TRY(esp_set_check(l->comm, set, l->path));
  ESP_TRY(tell(l, classes, words, &edges, origin));
done:
  if (rc) esp_set_free(set);
  return rc;
}

/* ---- writing ---- */

static int64_t largest(const double *row, int width) {
  int64_t best = 0;
  double any = 0;
  for (int c = 0; c < width; c++) {
    any += row[c] != 0;
    if (row[c] > row[best]) best = c;
  }
  return any > 0 ? best : -1;
}

int esp_labelled_write(const esp_comm *comm, const char *path, const esp_set *set, const esp_origin *origin,
                       double time, int compress) {
  esp_file *file = NULL;
  int64_t *label = NULL;
  int rc = ESP_OK, k = 0;
  (void)origin, (void)time;
  while (set->layout->column[k].name && place_of(&set->layout->column[k]) != CLASS) k++;
  ESP_CHECK(set->layout->column[k].name && set->width[k], ESP_ERR_ARG, "%s: a graph is written with classes", path);
  const int width = set->width[k];
  ESP_TRY(comm->agree(comm, ESP_ALLOC(label, set->n_home)));
  for (int i = 0; i < set->n_home; i++) label[i] = largest(set->value[k] + (size_t)i * (size_t)width, width);
  ESP_TRY(esp_file_create_begin(comm, path, &file));
  ESP_TRY(esp_file_write(file, "id", ESP_FILE_I64, 0, set->n, set->first, set->n_home, set->id, compress));
  ESP_TRY(esp_file_write(file, "label", ESP_FILE_I64, 0, set->n, set->first, set->n_home, label, compress));
  ESP_TRY(esp_file_write(file, "probability", ESP_FILE_F64, width, set->n, set->first, set->n_home, set->value[k],
                         compress));
  ESP_TRY(esp_file_commit(&file));
done:
  if (rc) esp_file_abort(&file);
  ESP_FREE(label);
  return rc;
}

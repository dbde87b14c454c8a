/* Columns that are not dense, on their way into a set file: how long they are is known when the last one was put. */
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "io/set_file_columns.h"

/* Rows of one column of one set, or of this rank's share of it. */
struct esp_set_piece {
  esp_part part;
  int column;
  int64_t set, first;
  esp_csr csr; /* owned */
};

static int keep_column(esp_set_writer *w, esp_part part, int64_t s, int k, const esp_set *set) {
  ESP_CHECK(set->csr[k].start && set->csr[k].rows == set->n_home, ESP_ERR_ARG,
            "%s: set %lld of /%s: column %s is announced and has no rows", w->file->path, (long long)s,
            esp_part_name(part), w->layout->column[k].name);
  ESP_CALL(ESP_GROW(w->piece, w->piece_capacity, w->pieces + 1));
  struct esp_set_piece *piece = &w->piece[w->pieces];
  *piece = (struct esp_set_piece){.part = part, .column = k, .set = s, .first = set->first};
  ESP_CALL(esp_csr_copy(&set->csr[k], &piece->csr));
  w->pieces++;
  return ESP_OK;
}

int esp_set_file_sparse_keep(esp_set_writer *w, esp_part part, int64_t s, int count, const esp_set *set) {
  for (int i = 0; i < count; i++)
    for (int k = 0; w->layout->column[k].name; k++)
      if (w->about.width[k] && w->layout->column[k].lying != ESP_DENSE)
        ESP_CALL(keep_column(w, part, s + i, k, &set[i]));
  return ESP_OK;
}

void esp_set_file_sparse_forget(esp_set_writer *w) {
  for (size_t p = 0; p < w->pieces; p++) esp_csr_free(&w->piece[p].csr);
  ESP_FREE(w->piece);
  w->pieces = w->piece_capacity = 0;
}

/* ---- where they go ---- */

/* What a rank holds of a set. */
typedef struct {
  int64_t rows, first, entries, pieces, values;
} holding;

typedef struct {
  esp_set_writer *w;
  esp_part part;
  int column, values;      /* some entry of them has a value */
  int64_t *begin;          /* [sets] first entry of this rank's piece of it */
  int64_t entries, rounds; /* of the whole column; pieces of the rank with most */
} column;

static const struct esp_set_piece *next_piece(const column *c, size_t *at) {
  for (; *at < c->w->pieces; ++*at) {
    const struct esp_set_piece *piece = &c->w->piece[*at];
    if (piece->part == c->part && piece->column == c->column) return ++*at, piece;
  }
  return NULL;
}

/* Set s of all ranks [size], from entry `begin` on, which becomes its end; this rank's begins at c->begin[s]. */
static int place_set(column *c, int64_t s, const holding *held, size_t stride, int64_t *begin) {
  const esp_comm *comm = c->w->file->comm;
  const char *path = c->w->file->path, *name = c->w->layout->column[c->column].name;
  int64_t rows = 0;
  for (int rank = 0; rank < comm->size; rank++) {
    const holding *h = &held[(size_t)rank * stride + (size_t)s];
    ESP_CHECK(h->pieces <= 1 && (!h->rows || h->first == rows), ESP_ERR_ARG,
              "%s: set %lld of /%s: %s, which is not dense, is put once a rank, shares in the order of the ranks: rank "
              "%d put %lld times, from particle %lld on, those below hold %lld",
              path, (long long)s, esp_part_name(c->part), name, rank, (long long)h->pieces, (long long)h->first,
              (long long)rows);
    if (rank == comm->rank) c->begin[s] = *begin;
    c->values |= h->values != 0;
    rows += h->rows;
    ESP_CALL(esp_count_add(begin, h->entries, "%s: entries of /%s/%s", path, esp_part_name(c->part), name));
  }
  ESP_CHECK(rows == c->w->n[c->part][s], ESP_ERR_ARG,
            "%s: set %lld of /%s: %lld rows of %s were put, announced are %lld", path, (long long)s,
            esp_part_name(c->part), (long long)rows, name, (long long)c->w->n[c->part][s]);
  return ESP_OK;
}

/* Places of this rank's pieces among the entries of all. */
static int place_pieces(column *c) {
  const esp_comm *comm = c->w->file->comm;
  const size_t sets = (size_t)c->w->sets[c->part];
  holding *mine = NULL;
  void *all = NULL;
  size_t *start = NULL, at = 0;
  const struct esp_set_piece *piece;
  int rc = ESP_ALLOC(mine, sets);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(c->begin, sets);
  ESP_TRY(comm->agree(comm, rc));
  while ((piece = next_piece(c, &at))) {
    holding *h = &mine[piece->set];
    h->rows += piece->csr.rows, h->first = piece->first, h->entries += piece->csr.start[piece->csr.rows];
    h->pieces++, h->values |= piece->csr.value != NULL;
    c->rounds++;
  }
  ESP_TRY(comm->gather_all(comm, mine, sets * sizeof *mine, &all, start));
  for (size_t s = 0; s < sets && !rc; s++) rc = place_set(c, (int64_t)s, all, sets, &c->entries);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(comm->max_i64(comm, &c->rounds, 1));
done:
  ESP_FREE(mine);
  ESP_FREE(start);
  ESP_FREE(all);
  return rc;
}

/* ---- writing ---- */

/* What piece (NULL: none) gives to one of the three datasets. room: as long as its rows, or entries, where these must be made. */
typedef enum { INDPTR, INDICES, DATA, DATASETS } dataset;
static const char *const names[DATASETS] = {"indptr", "indices", "data"};

static int put_piece(const column *c, dataset which, const char *name, const struct esp_set_piece *piece) {
  const esp_comm *comm = c->w->file->comm;
  const void *data = NULL;
  int64_t first = 0, count = 0, *start = NULL;
  double *one = NULL;
  int rc = ESP_OK;
  if (piece) {
    const esp_csr *csr = &piece->csr;
    const int64_t begin = c->begin[piece->set];
    first = which == INDPTR ? c->w->row[c->part][piece->set] + piece->first : begin;
    count = which == INDPTR ? csr->rows : csr->start[csr->rows];
    data = which == INDPTR ? NULL : which == INDICES ? (const void *)csr->index : csr->value;
    if (which == INDPTR) rc = ESP_RESERVE(start, count);
    if (which == DATA && !data) rc = ESP_RESERVE(one, count);
    for (int64_t i = 0; i < count && start; i++) start[i] = begin + csr->start[i];
    for (int64_t e = 0; e < count && one; e++) one[e] = 1;
    if (!data) data = which == INDPTR ? (const void *)start : one;
  }
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(esp_file_put(c->w->file, name, which == DATA ? ESP_FILE_F64 : ESP_FILE_I64, 0, first, count, data));
done:
  ESP_FREE(start);
  ESP_FREE(one);
  return rc;
}

static int write_dataset(const column *c, const char *group, dataset which) {
  const int64_t rows = c->w->rows[c->part], length = which == INDPTR ? rows + 1 : c->entries;
  char name[2 * ESP_SET_NAME];
  size_t at = 0;
  snprintf(name, sizeof name, "%s/%s", group, names[which]);
  ESP_CALL(esp_file_write(c->w->file, name, which == DATA ? ESP_FILE_F64 : ESP_FILE_I64, 0, length, 0, 0, NULL, 0));
  for (int64_t round = 0; round < c->rounds; round++) ESP_CALL(put_piece(c, which, name, next_piece(c, &at)));
  if (which != INDPTR) return ESP_OK;
  return esp_file_put(c->w->file, name, ESP_FILE_I64, 0, rows, c->w->file->comm->rank == 0, &c->entries);
}

static int write_column(esp_set_writer *w, esp_part part, int k) {
  const esp_column *about = &w->layout->column[k];
  column c = {.w = w, .part = part, .column = k};
  char group[ESP_SET_NAME];
  int rc;
  esp_set_file_name(part, "", about->name, group);
  ESP_TRY(place_pieces(&c));
  ESP_TRY(esp_file_group(w->file, group));
  if (about->unit && *about->unit) ESP_TRY(esp_file_attr_write_string(w->file, group, "unit", about->unit));
  if (about->help && *about->help) ESP_TRY(esp_file_attr_write_string(w->file, group, "description", about->help));
  if (about->lying == ESP_SPARSE) {
    const int64_t columns = w->about.width[k];
    ESP_TRY(esp_file_attr_write(w->file, group, "columns", ESP_FILE_I64, 0, &columns));
  }
  for (int which = 0; which < DATASETS; which++)
    if (which != DATA || c.values) ESP_TRY(write_dataset(&c, group, (dataset)which));
done:
  ESP_FREE(c.begin);
  return rc;
}

int esp_set_file_sparse_write(esp_set_writer *w) {
  for (int part = 0; part < ESP_PARTS; part++)
    for (int k = 0; w->layout->column[k].name; k++)
      if (w->about.width[k] && w->layout->column[k].lying != ESP_DENSE) ESP_CALL(write_column(w, (esp_part)part, k));
  return ESP_OK;
}

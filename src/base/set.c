#include "base/set.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/count.h"
#include "base/hash.h"

const char *esp_part_name(esp_part part) {
  return part == ESP_PART_TRAIN ? "train" : "test";
}

/* ---- shares ---- */

static int64_t group_count(int64_t n) {
  return n / ESP_GROUP + (n % ESP_GROUP != 0);
}

/* First particle of rank r of P; r = P: n. */
static int64_t share_begin(int64_t n, int rank, int size) {
  const int64_t group = (int64_t)((__int128)group_count(n) * rank / size);
  return group < group_count(n) ? group * ESP_GROUP : n;
}

void esp_set_share(int64_t n, int rank, int size, int64_t *first, int64_t *count) {
  *first = share_begin(n, rank, size);
  *count = share_begin(n, rank + 1, size) - *first;
}

/* ---- making ---- */

static size_t numbers_of(const esp_set *set, int k) {
  return (size_t)set->n_home * (size_t)set->width[k];
}

static int is_dense(const esp_set *set, int k) {
  return set->layout->column[k].lying == ESP_DENSE;
}

/* Indices of a column that is not dense are below this. */
static int64_t columns_of(const esp_set *set, int k) {
  return set->layout->column[k].lying == ESP_EDGES ? set->n : set->width[k];
}

/* Widths as the layout wants them. Local. */
static int settle_widths(esp_set *set) {
  const esp_column *column = set->layout->column;
  for (int k = 0; column[k].name; k++) {
    const int wanted = column[k].width;
    ESP_CHECK(k < ESP_COLUMNS, ESP_ERR_ARG, "a layout of more than %d columns", ESP_COLUMNS);
    if (set->width[k] == 0 && !column[k].optional) set->width[k] = wanted;
    ESP_CHECK(set->width[k] >= 0 && (set->width[k] == 0 || wanted == 0 || set->width[k] == wanted), ESP_ERR_ARG,
              "set: column %s of width %d, must be %d", column[k].name, set->width[k], wanted);
    ESP_CHECK(column[k].lying != ESP_EDGES || set->width[k] <= 1, ESP_ERR_ARG,
              "set: column %s of edges has width %d, must be 1, or 0 where there are none", column[k].name,
              set->width[k]);
    ESP_CHECK(set->width[k] > 0 || column[k].optional, ESP_ERR_ARG, "set: column %s of width 0, must be >= 1",
              column[k].name);
  }
  return ESP_OK;
}

int esp_set_create(esp_set *set) {
  esp_set made = *set;
  int rc = ESP_OK;
  made.id = NULL;
  memset(made.value, 0, sizeof made.value);
  memset(made.frame, 0, sizeof made.frame);
  memset(made.csr, 0, sizeof made.csr);
  ESP_NEED(made.n_home >= 0 && made.first >= 0 && made.frames >= 0 && made.n - made.n_home >= made.first, ESP_ERR_ARG,
           "set of %" PRId64 " particles, %d held here from number %" PRId64
           ", %d frames: need 0 <= first, held, frames and first + held <= all",
           made.n, made.n_home, made.first, made.frames);
  ESP_TRY(settle_widths(&made));
  ESP_TRY(ESP_ALLOC(made.id, made.n_home));
  for (int k = 0; made.layout->column[k].name; k++) {
    if (!made.width[k]) continue;
    if (!is_dense(&made, k)) {
      ESP_TRY(esp_csr_create(made.n_home, columns_of(&made, k), 0, 0, &made.csr[k]));
      continue;
    }
    ESP_TRY(ESP_ALLOC(made.value[k], numbers_of(&made, k)));
    if (made.frames && made.layout->column[k].framed)
      ESP_TRY(ESP_ALLOC(made.frame[k], (size_t)made.frames * numbers_of(&made, k)));
  }
done:
  if (rc) esp_set_free(&made);
  *set = made;
  return rc;
}

void esp_set_free(esp_set *set) {
  if (!set) return;
  ESP_FREE(set->id);
  for (int k = 0; k < ESP_COLUMNS; k++) {
    ESP_FREE(set->value[k]);
    ESP_FREE(set->frame[k]);
    esp_csr_free(&set->csr[k]);
  }
  *set = (esp_set){0};
}

int esp_set_copy(const esp_set *set, esp_set *copy) {
  esp_set made = *set;
  ESP_CALL(esp_set_create(&made));
  const size_t n = (size_t)set->n_home, frames = (size_t)set->frames;
  if (n) memcpy(made.id, set->id, n * sizeof *set->id);
  int rc = ESP_OK;
  for (int k = 0; set->layout->column[k].name && !rc; k++) {
    if (!set->csr[k].start) continue;
    esp_csr_free(&made.csr[k]);
    rc = esp_csr_copy(&set->csr[k], &made.csr[k]);
  }
  if (rc) esp_set_free(&made);
  ESP_CALL(rc);
  for (int k = 0; set->layout->column[k].name && n; k++) {
    if (made.value[k]) memcpy(made.value[k], set->value[k], numbers_of(set, k) * sizeof(double));
    if (made.frame[k]) memcpy(made.frame[k], set->frame[k], frames * numbers_of(set, k) * sizeof(double));
  }
  *copy = made;
  return ESP_OK;
}

/* ---- places ---- */

int esp_set_column(const esp_layout *layout, const char *name) {
  for (int k = 0; layout->column[k].name; k++)
    if (!strcmp(layout->column[k].name, name)) return k;
  return -1;
}

int esp_set_number(const esp_layout *layout, const char *name) {
  int at = 0;
  for (const esp_number *number = layout->number; number->name; at += number->count, number++)
    if (!strcmp(number->name, name)) return at;
  return -1;
}

int esp_set_numbers(const esp_layout *layout) {
  int all = 0;
  for (const esp_number *number = layout->number; number->name; number++) all += number->count;
  return all;
}

int esp_set_role_width(const esp_set *set, esp_role role) {
  int width = 0;
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->layout->column[k].role == role && set->layout->column[k].lying != ESP_EDGES) width += set->width[k];
  return width;
}

void esp_set_taken(const esp_layout *layout, const int width[ESP_COLUMNS], char text[ESP_SET_TAKEN]) {
  size_t used = 0;
  text[0] = 0;
  for (int role = ESP_INPUT, some = 0; role <= ESP_SENT; role++, some = 0)
    for (int k = 0; layout->column[k].name && used < ESP_SET_TAKEN; k++) {
      if ((int)layout->column[k].role != role || width[k] <= 0 || layout->column[k].lying == ESP_EDGES) continue;
      used += (size_t)snprintf(text + used, ESP_SET_TAKEN - used, "%s%s %d",
                               some   ? ", "
                               : used ? "; "
                                      : "",
                               layout->column[k].name, width[k]);
      some = 1;
    }
}

double *esp_set_role(const esp_set *set, esp_role role, int k, int *width) {
  for (int c = 0; set->layout->column[c].name; c++) {
    if (set->layout->column[c].role != role || k-- > 0) continue;
    if (width) *width = is_dense(set, c) ? set->width[c] : 0;
    return set->value[c];
  }
  if (width) *width = 0;
  return NULL;
}

const esp_csr *esp_set_csr(const esp_set *set, esp_role role, esp_lying lying) {
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_column *column = &set->layout->column[k];
    if (column->lying == lying && (role == ESP_ROLES || column->role == role) && set->csr[k].start) return &set->csr[k];
  }
  return NULL;
}

int esp_set_rows(const esp_set *set, esp_role role, const double **rows, double **own) {
  const size_t all = (size_t)esp_set_role_width(set, role), n = (size_t)set->n_home;
  *rows = *own = NULL;
  for (int k = 0; set->layout->column[k].name; k++)
    ESP_CHECK(
        set->layout->column[k].role != role || set->layout->column[k].lying != ESP_SPARSE || !set->width[k],
        ESP_ERR_ARG,
        "column %s is sparse, %d columns wide; what works with rows of numbers takes dense columns alone: network "
        "convolution takes sparse ones",
        set->layout->column[k].name, set->width[k]);
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->layout->column[k].role == role && is_dense(set, k) && (size_t)set->width[k] == all && all)
      *rows = set->value[k];
  if (*rows || !all) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*own, n * all));
  size_t at = 0;
  for (int k = 0; set->layout->column[k].name; k++) {
    const size_t width = set->layout->column[k].role == role && is_dense(set, k) ? (size_t)set->width[k] : 0;
    for (size_t i = 0; i < n && width; i++)
      memcpy(*own + i * all + at, set->value[k] + i * width, width * sizeof(double));
    at += width;
  }
  *rows = *own;
  return ESP_OK;
}

/* ---- check ---- */

/* Rows of one column, or of one frame of it (frame < 0: the column itself). */
static int check_rows(const esp_set *set, int k, int frame, const double *rows, const char *source) {
  const esp_column *column = &set->layout->column[k];
  const int width = set->width[k];
  char at[64] = "";
  if (frame >= 0) snprintf(at, sizeof at, ", frame %d", frame);
  for (int i = 0; i < set->n_home; i++)
    for (int c = 0; c < width; c++) {
      const double value = rows[(size_t)i * (size_t)width + (size_t)c];
      ESP_CHECK(isfinite(value), ESP_ERR_VALUE, "%s: particle %" PRId64 ": %s%s, column %d, is %g: must be finite",
                source, set->id[i], column->name, at, c, value);
      ESP_CHECK(fabs(value) <= ESP_LARGEST, ESP_ERR_VALUE,
                "%s: particle %" PRId64 ": %s%s, column %d, is %g: must be at most %g, so that its square is a number",
                source, set->id[i], column->name, at, c, value, ESP_LARGEST);
      ESP_CHECK(value >= column->min, ESP_ERR_VALUE, "%s: particle %" PRId64 ": %s%s, column %d, is %g: must be >= %g",
                source, set->id[i], column->name, at, c, value, column->min);
    }
  return ESP_OK;
}

static int check_csr(const esp_set *set, int k, const char *source) {
  const esp_column *column = &set->layout->column[k];
  const esp_csr *csr = &set->csr[k];
  ESP_CHECK(csr->rows == set->n_home && csr->start[0] == 0 && csr->columns == columns_of(set, k), ESP_ERR_VALUE,
            "%s: %s has %d rows from entry %" PRId64 ", %" PRId64 " columns, must have %d from 0, %" PRId64, source,
            column->name, csr->rows, csr->start[0], csr->columns, set->n_home, columns_of(set, k));
  for (int i = 0; i < csr->rows; i++) {
    ESP_CHECK(csr->start[i + 1] >= csr->start[i], ESP_ERR_VALUE,
              "%s: particle %" PRId64 ": %s: its entries end at %" PRId64 ", before they begin, at %" PRId64, source,
              set->id[i], column->name, csr->start[i + 1], csr->start[i]);
    for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++) {
      const int64_t index = csr->index[e];
      const double value = csr->value ? csr->value[e] : 1;
      ESP_CHECK(index >= 0 && index < csr->columns, ESP_ERR_VALUE,
                "%s: particle %" PRId64 ": %s has an entry at %" PRId64 ": must be 0 to %" PRId64, source, set->id[i],
                column->name, index, csr->columns - 1);
      ESP_CHECK(e == csr->start[i] || index > csr->index[e - 1], ESP_ERR_VALUE,
                "%s: particle %" PRId64 ": %s has an entry at %" PRId64 " after one at %" PRId64 ": must ascend",
                source, set->id[i], column->name, index, csr->index[e - 1]);
      ESP_CHECK(fabs(value) <= ESP_LARGEST && value >= column->min, ESP_ERR_VALUE,
                "%s: particle %" PRId64 ": %s, column %" PRId64 ", is %g: must be finite, %g to %g", source, set->id[i],
                column->name, index, value, fmax(column->min, -ESP_LARGEST), ESP_LARGEST);
    }
  }
  return ESP_OK;
}

static int check_local(const esp_set *set, int64_t below, const char *source) {
  for (int k = 0; set->layout->column[k].name; k++) {
    if (set->value[k]) ESP_CALL(check_rows(set, k, -1, set->value[k], source));
    if (set->csr[k].start) ESP_CALL(check_csr(set, k, source));
    for (int f = 0; f < set->frames && set->frame[k]; f++)
      ESP_CALL(check_rows(set, k, f, set->frame[k] + (size_t)f * numbers_of(set, k), source));
  }
  if (set->n_home == 0) return ESP_OK;
  ESP_CHECK(set->first == below, ESP_ERR_VALUE,
            "%s: the share begins with particle number %" PRId64 ", the ranks below hold %" PRId64 ": must be equal",
            source, set->first, below);
  ESP_CHECK(set->first % ESP_GROUP == 0, ESP_ERR_VALUE,
            "%s: the share begins with particle number %" PRId64 ": must be a multiple of %d", source, set->first,
            ESP_GROUP);
  return ESP_OK;
}

int esp_set_check(const esp_comm *comm, const esp_set *set, const char *source) {
  int64_t below = set->n_home, held = set->n_home;
  ESP_CALL(comm->exscan_i64(comm, &below));
  ESP_AGREE(comm, check_local(set, below, source));
  ESP_CALL(comm->sum_i64(comm, &held, 1));
  ESP_CHECK(held == set->n, ESP_ERR_VALUE, "%s: the ranks hold %" PRId64 " particles of %" PRId64, source, held,
            set->n);
  return ESP_OK;
}

/* ---- fingerprint ---- */

/* Edges are seen, whatever their role. */
static int is_hashed(const esp_column *column) {
  return (column->role != ESP_HIDDEN && column->role != ESP_EXTRA) || column->lying == ESP_EDGES;
}

/* Entries of row i, ascending. Nothing where there are none: a column that is not there is as one without entries. */
static uint64_t hash_entries(const esp_csr *csr, uint64_t hash, int k, size_t i) {
  for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++) {
    hash = esp_hash_mix(esp_hash_mix(hash, (uint64_t)k), (uint64_t)csr->index[e]);
    hash = esp_hash_double(hash, csr->value ? csr->value[e] : 1);
  }
  return hash;
}

static uint64_t hash_particle(const esp_set *set, uint64_t hash, size_t i) {
  hash = esp_hash_mix(hash, (uint64_t)set->id[i]);
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_role role = set->layout->column[k].role;
    const size_t width = is_dense(set, k) ? (size_t)set->width[k] : 0;
    if (!is_hashed(&set->layout->column[k])) continue;
    for (size_t c = 0; c < width; c++) hash = esp_hash_double(hash, set->value[k][i * width + c]);
    if (set->csr[k].start) hash = hash_entries(&set->csr[k], hash, k, i);
    if (role == ESP_WEIGHT && !width) hash = esp_hash_double(hash, 1);
  }
  return hash;
}

int esp_set_checksum(const esp_comm *comm, const esp_set *set, uint64_t *sum) {
  uint64_t total = 0, widths = 0;
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_column *column = &set->layout->column[k];
    if (is_hashed(column) && column->role != ESP_WEIGHT && column->lying != ESP_EDGES)
      widths = esp_hash_mix(widths, (uint64_t)set->width[k]);
  }
  for (int i = 0; i < set->n_home; i++) total += hash_particle(set, widths, (size_t)i);
  int64_t word = (int64_t)total;
  ESP_CALL(comm->sum_i64(comm, &word, 1));
  *sum = (uint64_t)word;
  return ESP_OK;
}

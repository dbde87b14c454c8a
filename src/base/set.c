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

/* Widths as the layout wants them. Local. */
static int settle_widths(esp_set *set) {
  const esp_column *column = set->layout->column;
  for (int k = 0; column[k].name; k++) {
    const int wanted = column[k].width;
    ESP_CHECK(k < ESP_COLUMNS, ESP_ERR_ARG, "a layout of more than %d columns", ESP_COLUMNS);
    if (set->width[k] == 0 && !column[k].optional) set->width[k] = wanted;
    ESP_CHECK(set->width[k] >= 0 && (set->width[k] == 0 || wanted == 0 || set->width[k] == wanted), ESP_ERR_ARG,
              "set: column %s of width %d, must be %d", column[k].name, set->width[k], wanted);
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
  ESP_NEED(made.n_home >= 0 && made.first >= 0 && made.frames >= 0 && made.n - made.n_home >= made.first, ESP_ERR_ARG,
           "set of %" PRId64 " particles, %d held here from number %" PRId64
           ", %d frames: need 0 <= first, held, frames and first + held <= all",
           made.n, made.n_home, made.first, made.frames);
  ESP_TRY(settle_widths(&made));
  ESP_TRY(ESP_ALLOC(made.id, made.n_home));
  for (int k = 0; made.layout->column[k].name; k++) {
    if (!made.width[k]) continue;
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
  }
  *set = (esp_set){0};
}

int esp_set_copy(const esp_set *set, esp_set *copy) {
  esp_set made = *set;
  ESP_CALL(esp_set_create(&made));
  const size_t n = (size_t)set->n_home, frames = (size_t)set->frames;
  if (n) memcpy(made.id, set->id, n * sizeof *set->id);
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
    if (set->layout->column[k].role == role) width += set->width[k];
  return width;
}

void esp_set_taken(const esp_layout *layout, const int width[ESP_COLUMNS], char text[ESP_SET_TAKEN]) {
  size_t used = 0;
  text[0] = 0;
  for (int role = ESP_INPUT, some = 0; role <= ESP_SENT; role++, some = 0)
    for (int k = 0; layout->column[k].name && used < ESP_SET_TAKEN; k++) {
      if ((int)layout->column[k].role != role || width[k] <= 0) continue;
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
    if (width) *width = set->width[c];
    return set->value[c];
  }
  if (width) *width = 0;
  return NULL;
}

int esp_set_rows(const esp_set *set, esp_role role, const double **rows, double **own) {
  const size_t all = (size_t)esp_set_role_width(set, role), n = (size_t)set->n_home;
  *rows = *own = NULL;
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->layout->column[k].role == role && (size_t)set->width[k] == all && all) *rows = set->value[k];
  if (*rows || !all) return ESP_OK;
  ESP_CALL(ESP_ALLOC(*own, n * all));
  size_t at = 0;
  for (int k = 0; set->layout->column[k].name; k++) {
    const size_t width = set->layout->column[k].role == role ? (size_t)set->width[k] : 0;
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

static int check_local(const esp_set *set, int64_t below, const char *source) {
  for (int k = 0; set->layout->column[k].name; k++) {
    if (set->value[k]) ESP_CALL(check_rows(set, k, -1, set->value[k], source));
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

static int is_hashed(esp_role role) {
  return role != ESP_HIDDEN && role != ESP_EXTRA;
}

static uint64_t hash_particle(const esp_set *set, uint64_t hash, size_t i) {
  hash = esp_hash_mix(hash, (uint64_t)set->id[i]);
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_role role = set->layout->column[k].role;
    const size_t width = (size_t)set->width[k];
    if (!is_hashed(role)) continue;
    for (size_t c = 0; c < width; c++) hash = esp_hash_double(hash, set->value[k][i * width + c]);
    if (role == ESP_WEIGHT && !width) hash = esp_hash_double(hash, 1);
  }
  return hash;
}

int esp_set_checksum(const esp_comm *comm, const esp_set *set, uint64_t *sum) {
  uint64_t total = 0, widths = 0;
  for (int k = 0; set->layout->column[k].name; k++) {
    const esp_role role = set->layout->column[k].role;
    if (is_hashed(role) && role != ESP_WEIGHT) widths = esp_hash_mix(widths, (uint64_t)set->width[k]);
  }
  for (int i = 0; i < set->n_home; i++) total += hash_particle(set, widths, (size_t)i);
  int64_t word = (int64_t)total;
  ESP_CALL(comm->sum_i64(comm, &word, 1));
  *sum = (uint64_t)word;
  return ESP_OK;
}

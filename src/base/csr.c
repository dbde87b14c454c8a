#include "base/csr.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int esp_csr_create(int rows, int64_t columns, int64_t entries, int values, esp_csr *csr) {
  *csr = (esp_csr){.rows = rows, .columns = columns};
  int rc = ESP_ALLOC(csr->start, (size_t)rows + 1);
  if (!rc) rc = ESP_ALLOC(csr->index, entries);
  if (!rc && values) rc = ESP_ALLOC(csr->value, entries);
  if (rc) esp_csr_free(csr);
  ESP_CALL(rc);
  return ESP_OK;
}

void esp_csr_free(esp_csr *csr) {
  ESP_FREE(csr->start);
  ESP_FREE(csr->index);
  ESP_FREE(csr->value);
  *csr = (esp_csr){0};
}

int esp_csr_copy(const esp_csr *csr, esp_csr *copy) {
  const int64_t entries = csr->start ? csr->start[csr->rows] : 0;
  *copy = (esp_csr){0};
  if (!csr->start) return ESP_OK;
  ESP_CALL(esp_csr_create(csr->rows, csr->columns, entries, csr->value != NULL, copy));
  memcpy(copy->start, csr->start, ((size_t)csr->rows + 1) * sizeof *csr->start);
  if (entries) memcpy(copy->index, csr->index, (size_t)entries * sizeof *csr->index);
  if (entries && csr->value) memcpy(copy->value, csr->value, (size_t)entries * sizeof *csr->value);
  return ESP_OK;
}

/* ---- rows in order ---- */

typedef struct {
  int64_t index, place; /* which entry of those that were given */
} entry;

static int by_index(const void *left, const void *right) {
  const entry *a = left, *b = right;
  if (a->index != b->index) return a->index < b->index ? -1 : 1;
  return a->place < b->place ? -1 : a->place > b->place;
}

static int is_ascending(const int64_t *index, int64_t count) {
  for (int64_t e = 1; e < count; e++)
    if (index[e] <= index[e - 1]) return 0;
  return 1;
}

/* One row of `count` entries; room [count]. The place of the first index that stands twice, -1: there is none. */
static int64_t sort_row(int64_t count, int64_t *index, double *value, entry *room) {
  int64_t twice = -1;
  if (is_ascending(index, count)) return twice;
  for (int64_t e = 0; e < count; e++) room[e] = (entry){index[e], e};
  qsort(room, (size_t)count, sizeof *room, by_index);
  for (int64_t e = 0; e < count; e++) {
    index[e] = room[e].index;
    if (twice < 0 && e && index[e] == index[e - 1]) twice = e;
  }
  for (int64_t e = 0; e < count && value; e++) /* the index is free to hold the numbers on their way */
    memcpy(&room[e].index, &value[room[e].place], sizeof *value);
  for (int64_t e = 0; e < count && value; e++) memcpy(&value[e], &room[e].index, sizeof *value);
  return twice;
}

int esp_csr_sort(esp_csr *csr, int *row, int64_t *index) {
  int64_t most = 0;
  entry *room = NULL;
  *row = -1, *index = 0;
  for (int i = 0; i < csr->rows; i++) {
    const int64_t count = csr->start[i + 1] - csr->start[i];
    if (count > most) most = count;
  }
  ESP_CALL(ESP_RESERVE(room, most));
  for (int i = 0; i < csr->rows; i++) {
    const int64_t first = csr->start[i], count = csr->start[i + 1] - first;
    const int64_t twice = sort_row(count, csr->index + first, csr->value ? csr->value + first : NULL, room);
    if (twice >= 0 && *row < 0) *row = i, *index = csr->index[first + twice];
  }
  ESP_FREE(room);
  return ESP_OK;
}

/* ---- from entries in any order ---- */

/* Rows of what is given, each in the order in which its entries came. */
static void place_entries(int64_t count, const int64_t *row, const int64_t *index, const double *value, esp_csr *csr) {
  int64_t *start = csr->start;
  for (int64_t e = 0; e < count; e++) start[row[e] + 1]++;
  for (int i = 0; i < csr->rows; i++) start[i + 1] += start[i];
  for (int64_t e = 0; e < count; e++) {
    const int64_t at = start[row[e]]++; /* ends as the start of the next row */
    csr->index[at] = index[e];
    if (value) csr->value[at] = value[e];
  }
  memmove(start + 1, start, (size_t)csr->rows * sizeof *start);
  start[0] = 0;
}

/* The first of entries that stand twice. */
static int64_t drop_twice(esp_csr *csr) {
  int64_t kept = 0, first = 0;
  for (int i = 0; i < csr->rows; i++) {
    const int64_t end = csr->start[i + 1];
    for (int64_t e = first; e < end; e++) {
      if (e > first && csr->index[e] == csr->index[kept - 1]) continue;
      csr->index[kept] = csr->index[e];
      if (csr->value) csr->value[kept] = csr->value[e];
      kept++;
    }
    first = end;
    csr->start[i + 1] = kept;
  }
  return first - kept;
}

int esp_csr_of(int rows, int64_t columns, int64_t count, const int64_t *row, const int64_t *index, const double *value,
               esp_csr *csr, int64_t *twice) {
  int at;
  int64_t again;
  *csr = (esp_csr){0};
  *twice = 0;
  for (int64_t e = 0; e < count; e++) {
    ESP_CHECK(row[e] >= 0 && row[e] < rows, ESP_ERR_VALUE, "entry %" PRId64 ": row %" PRId64 ", must be 0 to %d", e,
              row[e], rows - 1);
    ESP_CHECK(index[e] >= 0 && index[e] < columns, ESP_ERR_VALUE,
              "entry %" PRId64 ": column %" PRId64 ", must be 0 to %" PRId64, e, index[e], columns - 1);
  }
  ESP_CALL(esp_csr_create(rows, columns, count, value != NULL, csr));
  place_entries(count, row, index, value, csr);
  const int rc = esp_csr_sort(csr, &at, &again);
  if (rc) esp_csr_free(csr);
  ESP_CALL(rc);
  *twice = drop_twice(csr);
  return ESP_OK;
}

/* Lists of the multipole method as its witness tells them, for the tests. */
#ifndef TEST_FMM_LISTS_H
#define TEST_FMM_LISTS_H

#include "fmm/fmm.h"

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

typedef struct {
  int64_t kind, i, count_i, j, count_j;
} listed;

/* In the order in which they came about. Freed with ESP_FREE (list). */
typedef struct {
  listed *list;
  size_t count, capacity;
} fmm_lists;

/* Of a witness whose context is an fmm_lists. */
static inline void fmm_note(void *context, esp_fmm_kind kind, int64_t i, int64_t count_i, int64_t j, int64_t count_j) {
  fmm_lists *o = context;
  if (o->count == o->capacity) MUST(ESP_GROW(o->list, o->capacity, o->count + 64));
  o->list[o->count++] = (listed){kind, i, count_i, j, count_j};
}

static inline int fmm_by_bytes(const void *a, const void *b) {
  return memcmp(a, b, sizeof(listed));
}

static inline void fmm_lists_sort(fmm_lists *o) {
  if (o->count) qsort(o->list, o->count, sizeof *o->list, fmm_by_bytes);
}

#endif

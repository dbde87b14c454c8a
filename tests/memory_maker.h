/* What a task makes, kept in memory, and arrays compared bit by bit. */
#ifndef TEST_MEMORY_MAKER_H
#define TEST_MEMORY_MAKER_H

#include <string.h>

#include "tasks/task.h"

typedef struct {
  esp_maker maker;
  int count;
  esp_set set[64];
} memory_maker;

static int keep_set(esp_maker *maker, esp_set *set) {
  memory_maker *m = (memory_maker *)maker;
  assert_true(m->count < 64);
  m->set[m->count++] = *set;
  *set = (esp_set){0};
  return ESP_OK;
}

static inline memory_maker memory_maker_new(void) {
  return (memory_maker){.maker = {keep_set}};
}

static inline void memory_maker_free(memory_maker *m) {
  for (int s = 0; s < m->count; s++) esp_set_free(&m->set[s]);
  m->count = 0;
}

/* One rank, the truth's precision. */
static inline esp_backend truth_backend(void) {
  esp_backend backend = esp_backend_self();
  backend.device = &esp_device_cpu64;
  return backend;
}

/* What the task says of items of this size. */
static inline esp_plan planned(const esp_task *task, const void *param, esp_part part, int64_t n, int64_t items) {
  esp_plan plan = {.part = part, .n = n, .items = items, .sets = 1, .shared = 1};
  for (int k = 0; task->layout->column[k].name; k++) plan.width[k] = task->layout->column[k].width;
  if (task->making->plan(param, &plan)) fail_msg("%s", esp_error_message());
  return plan;
}

/* The set fits the plan. */
static inline void fits(const esp_set *set, const esp_task *task, const esp_plan *plan) {
  assert_true(set->layout == task->layout && set->n == plan->n && set->frames == plan->frames && !set->ready);
  for (int k = 0; task->layout->column[k].name; k++) {
    assert_int_equal(set->width[k], plan->width[k]);
    assert_true((set->value[k] != NULL) == (plan->width[k] > 0));
  }
  assert_int_equal(esp_set_check(esp_comm_self(), set, "made"), ESP_OK);
}

static inline void same_rows(const esp_set *set, int column, const void *rows) {
  assert_memory_equal(set->value[column], rows, (size_t)set->n_home * (size_t)set->width[column] * sizeof(double));
}

#endif

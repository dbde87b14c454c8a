/* Proves that a training leaves the parameters of the best validated step, of equal ones the first, whether or not it was
 * stopped on the way, and that a loss that cannot be asked is refused; that decay makes parameters smaller, and leaves those
 * that are held where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train_case.h"

enum { STEPS = 9, EVERY = 2, MOST = 64 };

static void the_larger_is_better(void **state) {
  (void)state;
  const double of[][2] = {{NAN, 3}, {1, -2}, {1, -2}, {1, -1}, {0, 9}, {2, -9}, {NAN, 1}};
  const int64_t after[] = {0, 2, 2, 4, 4, 6, 6};
  double parameters[2] = {0}, shown[2] = {-1, -1};
  esp_best best;
  assert_int_equal(esp_best_create(2, &best), ESP_OK);
  esp_best_choose(&best, 2, shown);
  assert_true(!best.chosen && shown[0] == -1);
  for (int s = 0; s < 7; s++) {
    parameters[0] = s + 1, parameters[1] = -s;
    assert_int_equal(esp_best_offer(&best, s + 1, of[s], 2, parameters), after[s] == s + 1);
    assert_int_equal(best.step, after[s]);
  }
  for (int again = 0; again < 2; again++) { /* twice is once */
    esp_best_choose(&best, 2, parameters);
    assert_true(best.chosen && parameters[0] == 6 && parameters[1] == -5);
  }
  esp_best_leave(&best, 2, parameters);
  assert_true(!best.chosen && parameters[0] == 7 && parameters[1] == -6);
  esp_best_free(&best);
}

/* What each step left, by a hook that looks at the model. */
typedef struct {
  const esp_model *model;
  double value[STEPS + 1][MOST], validated[STEPS + 1][2];
  int64_t best[STEPS + 1];
} history;

static int note(void *context, const esp_train_record *r) {
  history *h = context;
  memcpy(h->value[r->step], h->model->block.value, sizeof(double) * (size_t)h->model->block.count);
  memcpy(h->validated[r->step], r->validated, sizeof r->validated);
  h->best[r->step] = r->best;
  return ESP_OK;
}

static void run(train_case *t, int64_t stop, int64_t validate, history *h) {
  esp_backend self = esp_backend_self();
  const esp_sets sets = train_case_sets(t);
  const esp_train_hooks hooks = {.step = note, .context = h};
  esp_train_param p = train_case_param(STEPS);
  p.stop = stop, p.validate = validate, p.rate = 0.05;
  h->model = &t->model;
  assert_in_range(t->model.block.count, 1, MOST);
  assert_int_equal(train_case_run(esp_comm_self(), &self, &sets, &p, &hooks, t), ESP_OK);
}

static void the_best_is_left(void **state) {
  (void)state;
  static history with, without, parts;
  train_case t = train_case_make(CASE_NEWTON, 3, 20), plain = train_case_make(CASE_NEWTON, 3, 20),
             stopped = train_case_make(CASE_NEWTON, 3, 20);
  const size_t bytes = sizeof(double) * (size_t)t.model.block.count;
  run(&t, 0, EVERY, &with);
  run(&plain, 0, 0, &without);
  assert_true(plain.adam.best.step == 0 && !plain.adam.best.other);
  esp_best best;
  assert_int_equal(esp_best_create(t.model.block.count, &best), ESP_OK);
  for (int s = 1; s <= STEPS; s++) {
    assert_memory_equal(with.value[s], without.value[s], bytes); /* to look changes nothing */
    if (s % EVERY && s != STEPS)
      assert_true(isnan(with.validated[s][0]));
    else
      esp_best_offer(&best, s, with.validated[s], t.model.block.count, with.value[s]);
    assert_int_equal(with.best[s], best.step);
  }
  assert_true(best.step > 0 && best.step < STEPS);
  assert_true(t.adam.best.chosen && t.adam.best.step == best.step);
  assert_memory_equal(t.model.block.value, with.value[best.step], bytes);
  assert_memory_equal(t.adam.best.other, with.value[STEPS], bytes);
  assert_memory_equal(plain.model.block.value, with.value[STEPS], bytes);
  for (int64_t stop = 1; stop <= STEPS + 2; stop += 3) run(&stopped, stop, EVERY, &parts);
  assert_int_equal(stopped.adam.best.step, best.step);
  assert_memory_equal(stopped.model.block.value, t.model.block.value, bytes);
  assert_memory_equal(stopped.adam.v, t.adam.v, bytes);
  run(&stopped, 0, 0, &parts); /* whoever no longer asks has the last step's */
  assert_memory_equal(stopped.model.block.value, with.value[STEPS], bytes);
  esp_best_free(&best);
  train_case_free(&t), train_case_free(&plain), train_case_free(&stopped);
}

static void a_loss_that_cannot_be_asked(void **state) {
  (void)state;
  esp_backend self = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, 1, 8);
  const esp_sets sets = train_case_sets(&t);
  esp_train_param p = train_case_param(1);
  const esp_training with = {esp_comm_self(), &self, &sets, &esp_loss_nmse_columns, &train_case_loss};
  p.validate = 1;
  assert_int_equal(esp_train(&with, &p, NULL, &t.model, &t.adam), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "train_validate 1: the loss nmse_columns"));
  esp_error_clear();
  train_case_free(&t);
}

/* Of a gradient that decay alone makes, and of parameters that are held: the former go towards 0, the latter stay. */
static void what_is_held_stays(void **state) {
  (void)state;
  for (int held = 0; held < 2; held++) {
    esp_backend self = esp_backend_self();
    train_case t = train_case_make(CASE_NEWTON_MLP, 3, 20), without = train_case_make(CASE_NEWTON_MLP, 3, 20);
    const esp_sets sets = train_case_sets(&t), same = train_case_sets(&without);
    const esp_block *block = &t.model.block;
    const esp_entry *entry = &block->entry[block->entries / 2];
    const size_t bytes = sizeof(double) * (size_t)(entry->rows * entry->columns);
    double *start = malloc(bytes), size[2] = {0};
    memcpy(start, block->value + entry->offset, bytes);
    esp_train_param p = train_case_param(4);
    p.clip = 0;
    if (held) t.model.block.entry[block->entries / 2].held = 1;
    assert_int_equal(train_case_run(esp_comm_self(), &self, &same, &p, NULL, &without), ESP_OK);
    p.decay = 100;
    assert_int_equal(train_case_run(esp_comm_self(), &self, &sets, &p, NULL, &t), ESP_OK);
    for (int i = 0; i < block->count; i++) {
      size[0] += fabs(without.model.block.value[i]), size[1] += fabs(block->value[i]);
      if (held && i >= entry->offset && (size_t)(i - entry->offset) < bytes / sizeof(double))
        assert_true(t.adam.m[i] == 0 && t.adam.v[i] == 0);
    }
    assert_true(size[1] < size[0]);
    assert_int_equal(!memcmp(start, block->value + entry->offset, bytes), held);
    free(start);
    train_case_free(&t), train_case_free(&without);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_larger_is_better),
      cmocka_unit_test(the_best_is_left),
      cmocka_unit_test(a_loss_that_cannot_be_asked),
      cmocka_unit_test(what_is_held_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

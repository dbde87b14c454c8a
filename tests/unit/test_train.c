/* Proves that training lowers the loss, takes each cloud once an epoch, and goes on after a stop bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "train_case.h"

static void picks_are_permutations(void **state) {
  (void)state;
  enum { CLOUDS = 13 };
  int permutation[CLOUDS], first[CLOUDS], differ = 0;
  int64_t epoch = -1;
  for (int64_t e = 0; e < 4; e++) {
    int seen[CLOUDS] = {0};
    for (int i = 0; i < CLOUDS; i++) {
      int c = esp_train_pick(5, CLOUDS, e * CLOUDS + i, permutation, &epoch);
      assert_in_range(c, 0, CLOUDS - 1);
      seen[c]++;
      if (e == 0) first[i] = c;
      differ += e == 1 && first[i] != c;
    }
    for (int c = 0; c < CLOUDS; c++) assert_int_equal(seen[c], 1);
  }
  assert_true(differ > 0);
  epoch = -1; /* entered in the middle of an epoch, as after a restart */
  assert_int_equal(esp_train_pick(5, CLOUDS, 7, permutation, &epoch), first[7]);
  assert_int_equal(esp_train_pick(5, 1, 12345, permutation, &epoch), 0);
}

static int note(void *context, const esp_train_record *record) {
  double *loss = context;
  loss[record->step == 1 ? 0 : 1] = record->loss;
  return ESP_OK;
}

static void loss_falls(void **state) {
  (void)state;
  for (int message = 0; esp_body_messages[message]; message++) {
    double loss[2];
    train_case t = train_case_make(message, 6, 32);
    esp_backend backend = esp_backend_self();
    esp_sets data = train_case_sets(&t);
    esp_train_param p = train_case_param(40);
    if (message == CASE_MLP) p.rate = 0.002;
    p.batch = 6; /* all clouds, so that first and last loss compare */
    esp_train_hooks hooks = {.step = note, .context = loss};
    assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, &hooks, &t), ESP_OK);
    assert_int_equal(t.adam.step, 40);
    if (!(loss[1] < 0.9 * loss[0])) fail_msg("message %d: loss %g, then %g", message, loss[0], loss[1]);
    assert_int_equal(t.held, 0);
    train_case_free(&t);
  }
}

static void stops_and_goes_on(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  train_case whole = train_case_make(CASE_NEWTON_MLP, 5, 20), parts = train_case_make(CASE_NEWTON_MLP, 5, 20);
  esp_sets data_whole = train_case_sets(&whole), data_parts = train_case_sets(&parts);
  esp_train_param p = train_case_param(7);
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data_whole, &p, NULL, &whole), ESP_OK);
  for (p.stop = 3; p.stop < 9; p.stop += 2) {
    assert_int_equal(train_case_run(esp_comm_self(), &backend, &data_parts, &p, NULL, &parts), ESP_OK);
  }
  assert_int_equal(parts.adam.step, 7);
  assert_memory_equal(parts.model.block.value, whole.model.block.value,
                      sizeof(double) * (size_t)whole.model.block.count);
  assert_memory_equal(parts.adam.v, whole.adam.v, sizeof(double) * (size_t)whole.model.block.count);
  train_case_free(&whole);
  train_case_free(&parts);
}

static int count_saves(void *context, const esp_adam *adam) {
  int64_t *saved = context;
  saved[++saved[0]] = adam->step;
  return ESP_OK;
}

/* One checkpoint a step where each takes longer than they may lie apart; the bits are those of none. */
static void checkpoints_by_time(void **state) {
  (void)state;
  int64_t saved[8] = {0};
  esp_backend backend = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, 2, 8), other = train_case_make(CASE_NEWTON, 2, 8);
  esp_sets data = train_case_sets(&t), same = train_case_sets(&other);
  esp_train_param p = train_case_param(5);
  const esp_train_hooks hooks = {.checkpoint = count_saves, .context = saved};
  p.checkpoint_minutes = 1e-12;
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, &hooks, &t), ESP_OK);
  assert_true(saved[0] == 5 && saved[1] == 1 && saved[5] == 5);
  saved[0] = 0;
  p.checkpoint_minutes = 1000;
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &same, &p, &hooks, &other), ESP_OK);
  assert_true(saved[0] == 1 && saved[1] == 5);
  assert_memory_equal(t.model.block.value, other.model.block.value, sizeof(double) * (size_t)t.model.block.count);
  train_case_free(&t);
  train_case_free(&other);
}

static int asked_at_third(void *context) {
  return ++((int64_t *)context)[7] == 3;
}

static int told_to_stop(void *context, const esp_train_record *record) {
  ((int64_t *)context)[6] += record->stop ? record->step : 0;
  return ESP_OK;
}

/* After the step at hand, with a checkpoint; what goes on ends where one that was not asked does. */
static void asked_to_stop(void **state) {
  (void)state;
  int64_t saved[8] = {0};
  esp_backend backend = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, 3, 8), whole = train_case_make(CASE_NEWTON, 3, 8);
  esp_sets data = train_case_sets(&t), same = train_case_sets(&whole);
  esp_train_param p = train_case_param(5);
  const esp_train_hooks hooks = {
      .stop = asked_at_third, .step = told_to_stop, .checkpoint = count_saves, .context = saved};
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, &hooks, &t), ESP_OK);
  assert_int_equal(t.adam.step, 3);
  assert_true(saved[0] == 1 && saved[1] == 3 && saved[6] == 3);
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, &hooks, &t), ESP_OK);
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &same, &p, NULL, &whole), ESP_OK);
  assert_true(t.adam.step == 5 && saved[0] == 2 && saved[2] == 5);
  assert_memory_equal(t.model.block.value, whole.model.block.value, sizeof(double) * (size_t)t.model.block.count);
  train_case_free(&t);
  train_case_free(&whole);
}

static int refuse(void *context, const esp_train_record *record) {
  (void)context;
  return record->step < 2 ? ESP_OK : ESP_FAIL(ESP_ERR_FILE, "no space for the record");
}

static void hooks_are_called(void **state) {
  (void)state;
  int64_t saved[8] = {0};
  esp_backend backend = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, 2, 8);
  esp_sets data = train_case_sets(&t);
  esp_train_param p = train_case_param(5);
  p.checkpoint_every = 2;
  esp_train_hooks hooks = {.checkpoint = count_saves, .context = saved};
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, &hooks, &t), ESP_OK);
  assert_true(saved[0] == 3 && saved[1] == 2 && saved[2] == 4 && saved[3] == 5);
  t.adam.step = 0;
  hooks = (esp_train_hooks){.step = refuse};
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, &hooks, &t), ESP_ERR_FILE);
  assert_int_equal(t.adam.step, 2);
  esp_error_clear();
  train_case_free(&t);
}

static void divergence_is_an_error(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, 2, 8);
  esp_sets data = train_case_sets(&t);
  esp_train_param p = train_case_param(5);
  t.cloud[0].D[3][1] = NAN;
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, NULL, &t), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "step 1"));
  esp_error_clear();
  train_case_free(&t);
}

static void wrong_numbers_are_refused(void **state) {
  (void)state;
  esp_backend backend = esp_backend_self();
  train_case t = train_case_make(CASE_NEWTON, 2, 8);
  esp_sets data = train_case_sets(&t);
  esp_train_param good = train_case_param(5), p = good;
  p.beta2 = 0;
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, NULL, &t), ESP_ERR_CONFIG);
  p = good, p.batch = 0;
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &p, NULL, &t), ESP_ERR_CONFIG);
  data.sets = 0;
  assert_int_equal(train_case_run(esp_comm_self(), &backend, &data, &good, NULL, &t), ESP_ERR_VALUE);
  esp_error_clear();
  assert_int_equal(t.adam.step, 0);
  train_case_free(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(picks_are_permutations), cmocka_unit_test(loss_falls),
      cmocka_unit_test(stops_and_goes_on),      cmocka_unit_test(hooks_are_called),
      cmocka_unit_test(checkpoints_by_time),    cmocka_unit_test(asked_to_stop),
      cmocka_unit_test(divergence_is_an_error), cmocka_unit_test(wrong_numbers_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

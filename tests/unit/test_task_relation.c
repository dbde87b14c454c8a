/* Task relation makes the sets of relation_start.h under every law, with the columns that law, truth and sample ask for;
 * a prediction becomes a set's targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "memory_maker.h"
#include "net/stack.h"
#include "tasks/relation/relation.h"

static const esp_relation_data plain = {
    .made = {.features = 8, .hidden = 2, .values = 2, .h = 0.5, .truth = ESP_TRUTH_BY_SIZE, .seed = 77}};
enum { N = 90 };

/* The set as a start of the same numbers makes it. */
static void compare_with(esp_relation_start start, const esp_item *item, const esp_set *set) {
  esp_set made;
  start.n = item->n;
  start.draw = item->number + (item->part == ESP_PART_TEST ? INT64_C(1) << 40 : 0);
  assert_int_equal(esp_relation_make(esp_comm_self(), &start, &made), ESP_OK);
  assert_memory_equal(set->id, made.id, N * sizeof *made.id);
  for (int k = ESP_FEATURE_X; k <= ESP_FEATURE_Z; k++)
    if (made.value[k]) same_rows(set, k, made.value[k]);
  assert_int_equal(set->about[ESP_FEATURE_LAW].whole, start.kind);
  assert_true(set->about[ESP_FEATURE_H].real == start.h && set->about[ESP_FEATURE_SEED].whole == 77);
  assert_int_equal(set->about[ESP_FEATURE_AVERAGE].whole, start.average);
  esp_set_free(&made);
}

static void every_law(void **state) {
  (void)state;
  static const int targets[] = {2, 2, 2, 2, 1}, hidden[] = {2, 2, 4, 4, 2};
  const esp_backend backend = truth_backend();
  for (int law = ESP_RELATION_SUBSPACE; law < ESP_RELATION_KINDS; law++)
    for (int k = 0; k < 4; k++) { /* average, a sample, a test set without targets */
      const int upstream = law == ESP_RELATION_UPSTREAM;
      esp_relation_data param = plain;
      param.made.kind = (esp_relation_kind)law;
      param.made.average = k == 1;
      param.made.sample = k == 2 ? 7 : 0;
      param.made.truth = k == 3 ? ESP_TRUTH_NONE : ESP_TRUTH_BY_SIZE;
      memory_maker made = memory_maker_new();
      const esp_item item = {k == 3 ? ESP_PART_TEST : ESP_PART_TRAIN, N, 5, 1};
      const esp_plan plan = planned(&esp_task_relation, &param, item.part, item.n, 4);
      assert_string_equal(plan.how, k == 3   ? "targets none"
                                    : k == 2 ? "targets of 7 over all pairs"
                                             : "targets over all pairs");
      assert_true(plan.sets == 1 && plan.items == 4 && plan.shared == 1 && plan.frames == 0);
      assert_int_equal(plan.width[ESP_FEATURE_X], upstream ? 4 : 8);
      assert_int_equal(plan.width[ESP_FEATURE_Y], k == 3 ? 0 : targets[law]);
      assert_int_equal(plan.width[ESP_FEATURE_WEIGHT], upstream || k == 2);
      assert_int_equal(plan.width[ESP_FEATURE_Z], hidden[law]);
      assert_int_equal(esp_task_relation.making->make(&param, &backend, &item, &made.maker), ESP_OK);
      assert_int_equal(made.count, 1);
      fits(&made.set[0], &esp_task_relation, &plan);
      const esp_relation_start start = {.kind = (esp_relation_kind)law,
                                        .features = upstream ? 4 : 8,
                                        .hidden = 2,
                                        .values = 2,
                                        .h = 0.5,
                                        .average = upstream || k == 1,
                                        .seed = 77,
                                        .truth = param.made.truth,
                                        .sample = param.made.sample};
      compare_with(start, &item, &made.set[0]);
      memory_maker_free(&made);
    }
}

static void predictions_are_targets(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  double y[3 * N], elapsed;
  for (int k = 0; k < 3 * N; k++) y[k] = k;
  for (int none = 0; none < 2; none++) {
    esp_relation_data param = plain;
    param.made.truth = none ? ESP_TRUTH_NONE : ESP_TRUTH_BY_SIZE;
    memory_maker made = memory_maker_new();
    const esp_item item = {ESP_PART_TEST, N, 0, 0};
    assert_int_equal(esp_task_relation.making->make(&param, &backend, &item, &made.maker), ESP_OK);
    assert_int_equal(esp_task_relation.output(&param, y, 3, &made.set[0], &elapsed), ESP_OK);
    assert_true(made.set[0].width[ESP_FEATURE_Y] == 3 && elapsed == 0);
    same_rows(&made.set[0], ESP_FEATURE_Y, y);
    memory_maker_free(&made);
  }
}

/* The control on hidden coordinates is told what they are. */
static void a_network_is_told_of_halves(void **state) {
  (void)state;
  const esp_backend backend = truth_backend();
  for (int law = ESP_RELATION_SUBSPACE; law < ESP_RELATION_KINDS; law++) {
    esp_set set = {.layout = &esp_relation_layout};
    esp_stack_param net = {.hidden_halves = 3};
    esp_model model = {.network = &esp_network_stack, .param = &net};
    set.about[ESP_FEATURE_LAW].whole = law;
    assert_int_equal(esp_task_relation.begin(NULL, &backend, &model, &set), ESP_OK);
    assert_int_equal(net.hidden_halves, law == ESP_RELATION_UPSTREAM ? 1 : law == ESP_RELATION_TWICE ? 2 : 0);
  }
}

static void refused(void **state) {
  (void)state;
  esp_relation_data param = plain;
  esp_plan plan = {.n = N, .items = 1};
  param.made.features = 1;
  assert_int_equal(esp_task_relation.making->plan(&param, &plan), ESP_ERR_CONFIG);
  param = plain;
  param.made.kind = ESP_RELATION_KINDS;
  assert_int_equal(esp_task_relation.making->plan(&param, &plan), ESP_ERR_CONFIG);
  param = plain;
  param.made.truth = ESP_TRUTH_NONE;
  assert_int_equal(esp_task_relation.check(&param, NULL, 1), ESP_ERR_CONFIG);
  assert_int_equal(esp_task_relation.check(&param, NULL, 0), ESP_OK);
  param.made.sample = 7;
  assert_int_equal(esp_task_relation.making->plan(&param, &plan), ESP_ERR_CONFIG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_law), cmocka_unit_test(predictions_are_targets),
                                     cmocka_unit_test(a_network_is_told_of_halves), cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

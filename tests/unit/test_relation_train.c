/* Proves that training brings the learned tree to the hidden relation, goes on after a stop bit for bit, keeps its
 * books, and that neither the last theta nor a stop changes a bit of it.
 * ctest: LABELS slow */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/recall.h"
#include "relation_train_case.h"

static esp_stack_param subspace(void) {
  esp_stack_param p = {.layers = 1, .dim = 3, .hidden = 16, .far = 1, .seed = 5};
  p.domain = (esp_domain_param){.leaf = 4, .block = 4};
  p.domain.lists.theta = 1;
  p.domain.lists.pairs_per_particle = 48;
  return p;
}

typedef struct {
  int64_t steps;
  double first, last, pairs, theta;
} notes;

static int note(void *context, const esp_train_record *record) {
  notes *n = context;
  n->steps++;
  if (record->step <= 20) n->first += record->loss / 20;
  if (record->step > record->steps - 20) n->last += record->loss / 20;
  n->pairs = (double)record->cost.near_pairs / (double)record->particles;
  n->theta = record->cost.theta;
  assert_true(record->terms == 1 && record->term[0] == record->loss && record->cost.far_pairs > 0 &&
              record->cost.seconds_backward > 0);
  return ESP_OK;
}

typedef struct {
  const esp_set *set;
  double recall;
} judge;

static int judge_recall(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  judge *j = context;
  double p[512];
  (void)l, (void)key, (void)query;
  for (int i = 0; i < 512; i++) p[i] = j->set->value[Z][i / 2 * 4 + i % 2];
  return esp_recall(dom->comm, dom, 256, j->set->id, NULL, 2, p, NULL, 8, 128, 1, &j->recall);
}

/* On a draw that was not trained on. */
static double unseen(const esp_model *r, double *recall) {
  esp_backend b = esp_backend_self();
  esp_set set = relation_case_set(256, 6, 1, 0.3, 0, 999);
  judge j = {&set, 0};
  const esp_visit visit = {.layer = judge_recall, .context = &j};
  double y[256];
  const double nmse = relation_case_nmse(r, &b, &set, &visit, y, NULL);
  *recall = j.recall;
  esp_set_free(&set);
  return nmse;
}

/* Under the sanitizers, which look at the way and not at numbers, trainings take few steps, and how well they learn is not
 * asked. */
static int sanitized(void) {
  return getenv("ESPALIER_SANITIZED") != NULL;
}

static void finds_the_hidden_relation(void **state) {
  (void)state;
  const int steps = sanitized() ? 40 : 300;
  const esp_stack_param p = subspace();
  esp_backend b = esp_backend_self();
  relation_case t = relation_case_make(&p, 6, 1, 256, 0.3);
  notes n = {0};
  esp_train_param how = relation_case_train(steps);
  esp_train_hooks hooks = {.step = note, .context = &n};
  double before[2], after[2];
  before[0] = unseen(&t.model, &before[1]);
  OK(relation_case_run(esp_comm_self(), &b, 0, &how, &hooks, &t));
  after[0] = unseen(&t.model, &after[1]);
  assert_int_equal(n.steps, steps);
  assert_int_equal(t.held, 0);
  assert_true(n.pairs > 24 && n.pairs <= 48);
  assert_true(n.theta > 0);
  if (!sanitized() && !(n.last < 0.1 * n.first)) fail_msg("loss %g, then %g", n.first, n.last);
  if (!sanitized() && !(after[0] < 0.1 * before[0])) fail_msg("unseen: %g, then %g", before[0], after[0]);
  if (!sanitized() && !(before[1] < 0.5 && after[1] > 0.85)) fail_msg("recall: %g, then %g", before[1], after[1]);
  relation_case_free(&t);
}

/* A whole run, and one in parts, each starting its search of theta anew. */
static void stops_and_goes_on(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 1);
    p.domain.lists.pairs_per_particle = 30;
    relation_case whole = relation_case_make(&p, 5, 2, 70, 0.6), parts = relation_case_make(&p, 5, 2, 70, 0.6);
    esp_train_param how = relation_case_train(7);
    how.batch = 2, how.warmup = 2;
    OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &whole));
    for (how.stop = 3; how.stop < 9; how.stop += 2) {
      OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &parts));
      esp_model anew; /* as read from a checkpoint: nothing is known of the last search */
      OK(esp_model_vary(&parts.model, parts.model.param, &parts.model.sizes, &anew));
      esp_model_free(&parts.model);
      parts.model = anew;
    }
    assert_int_equal(parts.adam.step, 7);
    const size_t size = sizeof(double) * (size_t)whole.model.block.count;
    assert_memory_equal(parts.model.block.value, whole.model.block.value, size);
    assert_memory_equal(parts.adam.v, whole.adam.v, size);
    relation_case_free(&whole);
    relation_case_free(&parts);
  }
}

/* A deep stack of each message learns, too: all sets in a batch, so that losses compare. */
static void every_kind_learns(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0.8);
    relation_case t = relation_case_make(&p, 5, 2, 70, 0.6);
    notes n = {0};
    esp_train_param how = relation_case_train(sanitized() ? 4 : 40);
    how.batch = RELATION_SETS;
    esp_train_hooks hooks = {.step = note, .context = &n};
    OK(relation_case_run(esp_comm_self(), &b, 0, &how, &hooks, &t));
    if (!sanitized() && !(n.last < 0.9 * n.first)) fail_msg("network %d: loss %g, then %g", which, n.first, n.last);
    relation_case_free(&t);
  }
}

static int note_order(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)key, (void)query;
  memcpy((int64_t *)context + 70 * l, dom->id, sizeof *dom->id * 70);
  return ESP_OK;
}

/* Trees stand as the learned normals say, layer by layer; another normal is another tree. */
static void learned_splits_are_used(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.8);
  p.split = ESP_SPLIT_LEARNED, p.split_levels = 2;
  relation_case t = relation_case_make(&p, 5, 2, 70, 0.6);
  esp_train_param how = relation_case_train(3);
  OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &t));
  for (int l = 0; l < p.layers; l++) {
    int64_t before[3 * 70], after[3 * 70];
    char name[32];
    double y[140];
    snprintf(name, sizeof name, "layer%d.split.normal", l);
    double *normal = model_group(&t.model, name), first = normal[0];
    relation_case_nmse(&t.model, &b, &t.set[0], &(esp_visit){.layer = note_order, .context = before}, y, NULL);
    normal[0] = normal[1], normal[1] = -first;
    relation_case_nmse(&t.model, &b, &t.set[0], &(esp_visit){.layer = note_order, .context = after}, y, NULL);
    for (int k = 0; k <= l; k++)
      assert_int_equal(memcmp(before + 70 * k, after + 70 * k, sizeof *before * 70) != 0, k == l);
  }
  relation_case_free(&t);
}

static void a_missing_target_is_an_error(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.8);
  relation_case t = relation_case_make(&p, 5, 2, 10, 0.6);
  esp_train_param how = relation_case_train(3);
  t.set[0].value[Y][3] = NAN;
  how.batch = RELATION_SETS;
  assert_int_equal(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &t), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "step 1"));
  esp_error_clear();
  for (int c = 0; c < RELATION_SETS; c++) t.set[c].width[Y] = 0;
  assert_int_equal(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &t), ESP_ERR_ARG);
  esp_error_clear();
  assert_int_equal(t.held, 0);
  relation_case_free(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_hidden_relation), cmocka_unit_test(stops_and_goes_on),
                                     cmocka_unit_test(every_kind_learns), cmocka_unit_test(learned_splits_are_used),
                                     cmocka_unit_test(a_missing_target_is_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

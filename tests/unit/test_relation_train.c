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
  esp_stack_param p = {
      .layers = 1, .features = 6, .values = 1, .targets = 1, .dim = 3, .hidden = 16, .far = 1, .seed = 5};
  p.domain = (esp_domain_param){.leaf = 8, .block = 8};
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
  assert_true(record->part[0] == record->loss && record->cost.far_pairs > 0 && record->cost.seconds_backward > 0);
  return ESP_OK;
}

/* On a draw that was not trained on. */
static double unseen(const esp_stack *r, double *recall) {
  esp_backend b = esp_backend_self();
  esp_feature_set set = relation_case_set(256, r->param.features, 1, 0.3, 0, 999);
  esp_stack_pass pass;
  double nmse, *p = malloc(sizeof *p * 512);
  OK(esp_stack_forward(r, &b, &set, 1, NULL, &pass));
  OK(relation_case_loss(b.comm, &set, pass.y, 1, NULL, &nmse));
  for (int i = 0; i < 512; i++) p[i] = set.z[i / 2 * 4 + i % 2];
  OK(esp_recall(b.comm, pass.layer[0].dom, 256, set.id, NULL, 2, p, NULL, 8, 128, 1, recall));
  free(p);
  esp_stack_pass_free(&pass);
  esp_feature_set_free(&set);
  return nmse;
}

static void finds_the_hidden_relation(void **state) {
  (void)state;
  const esp_stack_param p = subspace();
  esp_backend b = esp_backend_self();
  relation_case t = relation_case_make(&p, 256, 0.3);
  notes n = {0};
  esp_train_param how = relation_case_train(300);
  esp_train_hooks hooks = {.step = note, .context = &n};
  double before[2], after[2];
  before[0] = unseen(relation_case_net(&t.model), &before[1]);
  OK(relation_case_run(esp_comm_self(), &b, 0, &how, &hooks, &t));
  after[0] = unseen(relation_case_net(&t.model), &after[1]);
  assert_int_equal(n.steps, 300);
  assert_int_equal(t.held, 0);
  assert_true(n.pairs > 24 && n.pairs <= 48);
  assert_true(n.theta == relation_case_net(&t.model)->theta[0] && n.theta > 0);
  if (!(n.last < 0.1 * n.first)) fail_msg("loss %g, then %g", n.first, n.last);
  if (!(after[0] < 0.1 * before[0])) fail_msg("unseen: %g, then %g", before[0], after[0]);
  if (!(before[1] < 0.5 && after[1] > 0.85)) fail_msg("recall: %g, then %g", before[1], after[1]);
  relation_case_free(&t);
}

/* A whole run, and one in parts, each starting its search of theta anew. */
static void stops_and_goes_on(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 1);
    p.domain.lists.pairs_per_particle = 30;
    relation_case whole = relation_case_make(&p, 70, 0.6), parts = relation_case_make(&p, 70, 0.6);
    esp_train_param how = relation_case_train(7);
    how.batch = 2, how.warmup = 2;
    OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &whole));
    for (how.stop = 3; how.stop < 9; how.stop += 2) {
      OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &parts));
      memset(relation_case_net(&parts.model)->theta, 0, sizeof relation_case_net(&parts.model)->theta);
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
    relation_case t = relation_case_make(&p, 70, 0.6);
    notes n = {0};
    esp_train_param how = relation_case_train(40);
    how.batch = RELATION_SETS;
    esp_train_hooks hooks = {.step = note, .context = &n};
    OK(relation_case_run(esp_comm_self(), &b, 0, &how, &hooks, &t));
    if (!(n.last < 0.9 * n.first)) fail_msg("network %d: loss %g, then %g", which, n.first, n.last);
    relation_case_free(&t);
  }
}

/* Trees stand as the learned normals say, layer by layer; another normal is another tree. */
static void learned_splits_are_used(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.8);
  p.split = ESP_SPLIT_LEARNED, p.split_levels = 2;
  relation_case t = relation_case_make(&p, 70, 0.6);
  esp_train_param how = relation_case_train(3);
  OK(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &t));
  const esp_stack *net = relation_case_net(&t.model);
  for (int l = 0; l < p.layers; l++) {
    esp_stack_pass before, after;
    OK(esp_stack_forward(net, &b, &t.set[0], 1, NULL, &before));
    double *normal = net->block.value + net->slot[l].normal, first = normal[0];
    normal[0] = normal[1], normal[1] = -first;
    OK(esp_stack_forward(net, &b, &t.set[0], 1, NULL, &after));
    for (int k = 0; k <= l; k++) {
      const esp_domain *old = before.layer[k].dom, *new = after.layer[k].dom;
      assert_int_equal(memcmp(old->id, new->id, sizeof *old->id * 70) != 0, k == l);
    }
    esp_stack_pass_free(&before);
    esp_stack_pass_free(&after);
  }
  relation_case_free(&t);
}

static void a_missing_target_is_an_error(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.8);
  relation_case t = relation_case_make(&p, 10, 0.6);
  esp_train_param how = relation_case_train(3);
  t.set[0].y[3] = NAN;
  how.batch = RELATION_SETS;
  assert_int_equal(relation_case_run(esp_comm_self(), &b, 0, &how, NULL, &t), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "step 1"));
  esp_error_clear();
  for (int c = 0; c < RELATION_SETS; c++) t.set[c].targets = 0;
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

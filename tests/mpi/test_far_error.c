/* Proves that the c chosen for a wanted error of far cells, its bound, and the error that is measured, are the same bits on any number of ranks, however
 * homes are shared out, with one tree and two; and that training that chooses it gives the bits of one rank, by sets and
 * by particles, also where it goes on from a stop between two searches.
 * ctest: TIMEOUT 600
 * ranks: 1 2 3 */
#include "case.h"

#include "domain/domain.h"
#include "message/gate.h"
#include "net/far_judge.h"
#include "relation_train_case.h"

/* ---- one layer ---- */

typedef struct {
  double c, chosen, fixed;
  esp_far_record judged;
} outcome;

static outcome choose(const esp_backend *backend, const esp_gate_bound *table, int n, int dim, const double *z,
                      const double *q, const int64_t *id, const double *value) {
  const esp_layer_param param = {
      .domain = {.leaf = 4, .block = 8, .dim = dim, .lists = {.theta = 0.5}},
      .form = {.message = &esp_message_gate, .dim = dim, .channels = 5, .den = 1, .order = 2, .unit = 1}};
  const esp_layer_input input = {.id = id, .key = z, .query = q, .value = value};
  const double message[1] = {-2.5};
  double *sum = calloc((size_t)n * 6 + 1, sizeof *sum);
  esp_layer layer;
  outcome o = {0};
  OK(esp_layer_forward(backend, &param, n, &input, message, sum, &layer));
  const esp_far far = {backend->comm, &layer, table};
  OK(esp_far_choose(&far, 1e-3, 0.5, &o.c, &o.chosen));
  OK(esp_far_bound(&far, 0.8, &o.fixed));
  OK(esp_far_judge(&far, &o.judged));
  esp_layer_free(&layer);
  free(sum);
  return o;
}

static void compare(const esp_gate_bound *table, int n, int share, int kind, int apart) {
  cloud c = cloud_make(n, 3, kind, share);
  const esp_backend self = esp_backend_self(), many = {comm, esp_domain_build_mpi, self.device};
  double *value = calloc((size_t)n * 10 + 1, sizeof *value), *home = value + n * 5;
  if (apart) cloud_query(&c, KEYS_BALL);
  for (int k = 0; k < 5 * n; k++) value[k] = (k % 5 == 4 ? 0 : 1e9) * (case_uniform((uint64_t)k + 99) - 0.5);
  for (int i = 0; i < c.n_home; i++) memcpy(home + i * 5, value + c.home_index[i] * 5, 5 * sizeof *home);
  const outcome one = choose(&self, table, n, 3, c.z, c.q, c.id, value);
  const outcome all = choose(&many, table, c.n_home, 3, c.home_z, c.home_q, c.home_id, home);
  if (memcmp(&one, &all, sizeof one))
    fail_msg("n %d, share %d, keys %d, apart %d: c %.17g, %.17g, bound %.17g, %.17g", n, share, kind, apart, all.c,
             one.c, all.fixed, one.fixed);
  if (n > 1000 && kind == KEYS_BALL)
    assert_true(one.c > 0.001 && one.c < 1 && one.fixed > one.chosen && one.chosen > 0);
  free(value);
  cloud_free(&c);
}

static void same_bits(void **state) {
  (void)state;
  esp_gate_bound table;
  OK(esp_gate_bound_create(2, &table));
  for (int share = 0; share < SHARE_KINDS; share++)
    for (int apart = 0; apart < 2; apart++) {
      if (share != SHARE_FIRST) compare(&table, 1100, share, KEYS_BALL, apart);
      compare(&table, 300, share, KEYS_PLUMMER, apart);
    }
  for (int n = 0; n < 20; n += 6) compare(&table, n, SHARE_CYCLIC, n % 4 ? KEYS_POINT : KEYS_BALL, n % 4);
  esp_gate_bound_free(&table);
}

/* ---- training ---- */

enum { STEPS = ESP_TRAIN_AIM + 2, STOP = ESP_TRAIN_AIM - 3 };
typedef struct {
  double value[1024], loss[STEPS + 1], theta[STEPS + 1], last;
  size_t size;
} trained;

static int note(void *context, const esp_train_record *record) {
  trained *t = context;
  t->loss[record->step] = record->loss;
  t->theta[record->step] = record->cost.theta;
  return ESP_OK;
}

static void run(const esp_comm *ranks, const esp_backend *backend, int sharded, int64_t stop, relation_case *t,
                trained *o) {
  esp_train_param how = relation_case_train(STEPS);
  const esp_train_hooks hooks = {.step = note, .context = o};
  how.batch = 1, how.stop = stop;
  OK(relation_case_run(ranks, backend, sharded, &how, &hooks, t));
  o->size = sizeof(double) * (size_t)t->model.block.count;
  assert_true(o->size <= sizeof o->value);
  memcpy(o->value, t->model.block.value, o->size);
  o->last = ((esp_stack_param *)t->model.param)->domain.lists.theta;
}

static void assert_same(const trained *a, const trained *b) {
  assert_memory_equal(a->loss, b->loss, sizeof a->loss);
  assert_memory_equal(a->value, b->value, a->size);
  assert_true(a->last == b->last);
}

static relation_case make(void) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.7);
  p.order = 2, p.error = 5e-3, p.scale = 0.3;
  return relation_case_make(&p, 5, 2, 130, 0.6);
}

static void training_has_the_same_bits(void **state) {
  (void)state;
  const esp_backend self = esp_backend_self(), many = {comm, esp_domain_build_mpi, self.device};
  trained one = {0}, whole = {0}, sharded = {0}, resumed = {0};
  relation_case t = make();
  run(esp_comm_self(), &self, 0, 0, &t, &one);
  assert_true(one.theta[1] != 0.7 && one.theta[1] > 0.01 && one.theta[ESP_TRAIN_AIM] == one.theta[1]);
  assert_true(one.theta[ESP_TRAIN_AIM + 1] != one.theta[1] && one.last == one.theta[STEPS]);
  relation_case_free(&t);
  t = make();
  run(comm, &self, 0, 0, &t, &whole);
  assert_same(&whole, &one);
  relation_case_free(&t);
  t = make();
  run(comm, &self, 0, STOP, &t, &resumed); /* what a checkpoint keeps: parameters, moments, param */
  assert_true(t.adam.step == STOP);
  run(esp_comm_self(), &self, 0, 0, &t, &resumed);
  assert_same(&resumed, &one);
  relation_case_free(&t);
  t = make();
  for (int c = 0; c < RELATION_SETS; c++) {
    esp_set set = t.set[c];
    t.set[c] = relation_case_share(comm, &set);
    esp_set_free(&set);
  }
  run(comm, &many, 1, 0, &t, &sharded);
  assert_same(&sharded, &one);
  relation_case_free(&t);
}

CASE_MAIN(cmocka_unit_test(same_bits), cmocka_unit_test(training_has_the_same_bits))

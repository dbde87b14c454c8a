/* Proves that the learned relation gives the bits of one rank on any number of ranks: prediction, keys, loss, gradient,
 * and parameters after training, with sets whole on a rank or shared by all, also where ranks hold nothing.
 * ctest: TIMEOUT 600
 * ranks: 1 2 3 4 5 7 */
#include "case.h"

#include "domain/domain.h"
#include "relation_train_case.h"

enum { STEPS = 3 };

static esp_backend shared(void) {
  esp_backend b = esp_backend_self();
  b.comm = comm;
  b.build = esp_domain_build_mpi;
  return b;
}

/* Theta given, a budget and a linear path, near pairs alone, a fixed tree, another split, another order. */
enum { VARIANTS = 6 };
static esp_stack_param variant(int which, int kind) {
  esp_stack_param p = relation_case_param(which, 0.8);
  if (kind == 1) p.domain.lists.pairs_per_particle = 40, p.linear = 1, p.dropout = 0.2;
  if (kind == 2) p.far = 0;
  if (kind == 3) p.tree_on = ESP_TREE_ON_HIDDEN, p.hidden_halves = 1;
  if (kind == 4) p.split = ESP_SPLIT_LEARNED, p.split_levels = 2;
  if (kind == 5) p.order = ESP_MOMENTS_ORDER - p.order, p.domain.lists.theta = 0.1;
  return p;
}

/* ---- one pass ---- */

typedef struct {
  double *y, *gradient, nmse; /* y of this rank's share */
  int64_t near, far;
} outcome;

static outcome pass_of(const esp_model *r, const esp_backend *b, const esp_set *set) {
  outcome o = {0};
  esp_cost cost = {0};
  o.y = calloc((size_t)set->n_home * 2 + 1, sizeof *o.y);
  o.gradient = calloc((size_t)r->block.count, sizeof *o.gradient);
  OK(model_loss(r, b, &esp_loss_nmse, NULL, set, NULL, o.y, &cost, &o.nmse, o.gradient));
  int64_t pairs[2] = {cost.near_pairs, cost.far_pairs};
  OK(b->comm->sum_i64(b->comm, pairs, 2));
  o.near = pairs[0], o.far = pairs[1];
  return o;
}

static void compare(int which, int kind, int n) {
  const esp_stack_param p = variant(which, kind);
  esp_backend self = esp_backend_self(), many = shared();
  esp_model r = relation_case_network(&p);
  esp_set whole = relation_case_set(n, 5, 2, 0.6, 1, 8), part = relation_case_share(comm, &whole);
  outcome one = pass_of(&r, &self, &whole), all = pass_of(&r, &many, &part);
  const size_t rows = (size_t)part.n_home * 2;
  if (memcmp(all.y, one.y + 2 * part.first, rows * sizeof *all.y))
    fail_msg("network %d, variant %d, n %d: predictions differ", which, kind, n);
  for (int e = 0; e < r.block.entries; e++) {
    const int at = r.block.entry[e].offset;
    const size_t size = (size_t)(r.block.entry[e].rows * r.block.entry[e].columns);
    if (memcmp(all.gradient + at, one.gradient + at, size * sizeof(double)))
      fail_msg("network %d, variant %d, n %d: gradients of %s differ", which, kind, n, r.block.entry[e].name);
  }
  assert_true(all.nmse == one.nmse && all.near == one.near && all.far == one.far);
  free(one.y), free(one.gradient), free(all.y), free(all.gradient);
  esp_set_free(&whole);
  esp_set_free(&part);
  esp_model_free(&r);
}

static void passes_have_the_same_bits(void **state) {
  (void)state;
  for (int which = 0; which < RELATION_CASES; which++)
    for (int kind = 0; kind < VARIANTS; kind++) compare(which, kind, 330);
}

/* Fewer groups than ranks, one particle, none. */
static void ranks_may_hold_nothing(void **state) {
  (void)state;
  const int n[] = {0, 1, 64, 130};
  for (int which = 0; which < RELATION_CASES; which++)
    for (int k = 0; k < 4; k++) compare(which, 0, n[k]);
}

/* ---- training ---- */

typedef struct {
  double value[1024], moment[1024], loss[STEPS + 1];
  size_t size;
} trained;

static int note(void *context, const esp_train_record *record) {
  trained *t = context;
  t->loss[record->step] = record->loss;
  return ESP_OK;
}

static void run(const esp_comm *ranks, const esp_backend *backend, int sharded, int64_t stop, relation_case *t,
                trained *o) {
  esp_train_param how = relation_case_train(STEPS);
  const esp_train_hooks hooks = {.step = note, .context = o};
  how.batch = 4, how.stop = stop;
  OK(relation_case_run(ranks, backend, sharded, &how, &hooks, t));
  o->size = sizeof(double) * (size_t)t->model.block.count;
  assert_true(o->size <= sizeof o->value);
  memcpy(o->value, t->model.block.value, o->size);
  memcpy(o->moment, t->adam.v, o->size);
}

static void assert_same(const trained *a, const trained *b) {
  assert_int_equal(a->size, b->size);
  assert_memory_equal(a->loss, b->loss, sizeof a->loss);
  assert_memory_equal(a->value, b->value, a->size);
  assert_memory_equal(a->moment, b->moment, a->size);
}

static void share_all(relation_case *t) {
  for (int c = 0; c < RELATION_SETS; c++) {
    esp_set whole = t->set[c];
    t->set[c] = relation_case_share(comm, &whole);
    esp_set_free(&whole);
  }
}

static void training_has_the_same_bits(void **state) {
  (void)state;
  esp_backend self = esp_backend_self(), many = shared();
  for (int which = 0; which < RELATION_CASES; which++) {
    const esp_stack_param p = variant(which, 1);
    trained one = {0}, whole = {0}, sharded = {0}, resumed = {0};
    relation_case t = relation_case_make(&p, 5, 2, 150, 0.6);
    run(esp_comm_self(), &self, 0, 0, &t, &one);
    assert_true(one.loss[STEPS] > 0);
    relation_case_free(&t);
    t = relation_case_make(&p, 5, 2, 150, 0.6);
    run(comm, &self, 0, 0, &t, &whole);
    assert_same(&whole, &one);
    relation_case_free(&t);
    t = relation_case_make(&p, 5, 2, 150, 0.6);
    share_all(&t);
    run(comm, &many, 1, 0, &t, &sharded);
    assert_same(&sharded, &one);
    relation_case_free(&t);
    t = relation_case_make(&p, 5, 2, 150, 0.6); /* on one rank, then whole sets on all, then on one */
    run(esp_comm_self(), &self, 0, 1, &t, &resumed);
    run(comm, &self, 0, 2, &t, &resumed);
    run(esp_comm_self(), &self, 0, 0, &t, &resumed);
    assert_same(&resumed, &one);
    relation_case_free(&t);
  }
}

static void one_failure_ends_all(void **state) {
  (void)state;
  esp_backend self = esp_backend_self(), many = shared();
  const esp_stack_param p = variant(RELATION_DEEP, 0);
  for (int sharded = 0; sharded < 2; sharded++) {
    relation_case t = relation_case_make(&p, 5, 2, 150, 0.6);
    esp_train_param how = relation_case_train(STEPS);
    if (sharded) share_all(&t);
    how.batch = RELATION_SETS;
    for (int c = 0; c < RELATION_SETS; c++)
      if (t.set[c].n_home && comm->rank == comm->size / 2) t.set[c].value[X][0] = NAN;
    const int somewhere = (int)sum_over_ranks(comm->rank == comm->size / 2 && t.set[0].n_home);
    const int rc = relation_case_run(comm, sharded ? &many : &self, sharded, &how, NULL, &t);
    assert_int_equal(rc, somewhere ? ESP_ERR_VALUE : ESP_OK);
    esp_error_clear();
    assert_int_equal(t.held, 0);
    relation_case_free(&t);
  }
}

CASE_MAIN(cmocka_unit_test(passes_have_the_same_bits), cmocka_unit_test(ranks_may_hold_nothing),
          cmocka_unit_test(training_has_the_same_bits), cmocka_unit_test(one_failure_ends_all))

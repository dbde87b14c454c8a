/* Proves that stacks of a thousand layers are made again on their way back, bit for bit, and that they, and all rows that deep
 * stacks are made of, give the bits of one rank on any number of ranks, also where ranks hold nothing.
 * ctest: TIMEOUT 900
 * ranks: 1 2 3 4 */
#include "case.h"

#include "domain/domain.h"
#include "net/stack_work.h"
#include "relation_train_case.h"

static esp_backend shared(void) {
  esp_backend b = esp_backend_self();
  b.comm = comm;
  b.build = esp_domain_build_mpi;
  return b;
}

/* FNV-1a over words. */
static uint64_t hash_of(const double *x, size_t count) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t k = 0; k < count; k++) {
    uint64_t bits;
    memcpy(&bits, &x[k], sizeof bits);
    hash = (hash ^ bits) * UINT64_C(0x100000001b3);
  }
  return hash;
}

typedef struct {
  double *y, *gradient, nmse;
} outcome;

static outcome pass_of(const esp_model *r, const esp_backend *b, const esp_set *set) {
  outcome o = {.y = calloc((size_t)set->n_home * 2 + 1, sizeof(double)),
               .gradient = calloc((size_t)r->block.count, sizeof(double))};
  OK(model_loss(r, b, &esp_loss_nmse, NULL, set, NULL, o.y, NULL, &o.nmse, o.gradient));
  return o;
}

static void outcome_free(outcome *o) {
  free(o->y);
  free(o->gradient);
}

/* ---- rows ---- */

enum { ROWS = 10 };
static esp_stack_param row(int which) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.8);
  p.norm = which != 1, p.activate = which % 2;
  if (which == 0) p.depth = 2, p.dropout = 0.3, p.dropout_state = 0.2;
  if (which == 1) p.depth = 2, p.groups = 3;
  if (which == 2) p.depth = 4, p.domain.lists.pairs_per_particle = 40, p.heads = 3;
  if (which == 3) p.aggregate = 2, p.beta = 2;
  if (which == 4) p.aggregate = 2, p.depth = 3, p.separate = p.level = 1, p.heads = 2, p.channels = 4;
  if (which == 5) p.layers = 6, p.tied = 1;
  if (which >= 8) { /* solved for, and its adjoint */
    p.norm = p.activate = 0, p.depth = 5, p.layers = which - 6, p.message = which - 8;
    p.equilibrium = (esp_fixed_point_param){50, 1e-5, 2};
    return p;
  }
  if (which >= 6) p.norm = 2, p.depth = which == 6 ? 0 : 2;
  return p;
}

/* Where the first tree stands. */
static void places_are_the_same(const esp_model *r, const esp_set *whole, const esp_set *part) {
  double *key[2] = {0}, *query[2] = {0};
  esp_place place;
  OK(esp_model_places(r, esp_comm_self(), whole, &place, &key[0], &query[0]));
  OK(esp_model_places(r, comm, part, &place, &key[1], &query[1]));
  const size_t dim = (size_t)place.domain.dim, bytes = (size_t)part->n_home * dim * sizeof(double);
  assert_memory_equal(key[1], key[0] + (size_t)part->first * dim, bytes);
  if (place.queries) assert_memory_equal(query[1], query[0] + (size_t)part->first * dim, bytes);
  for (int k = 0; k < 2; k++) {
    ESP_FREE(key[k]);
    ESP_FREE(query[k]);
  }
}

static void rows_have_the_same_bits(void **state) {
  (void)state;
  const esp_backend self = esp_backend_self(), many = shared();
  const int sizes[] = {330, 0, 1, 70};
  for (int which = 0; which < ROWS; which++)
    for (int k = 0; k < 4; k++) {
      const esp_stack_param p = row(which);
      esp_model r = relation_case_network(&p);
      r.draw = 5;
      esp_set whole = relation_case_set(sizes[k], 5, 2, 0.6, 1, 8), part = relation_case_share(comm, &whole);
      outcome one = pass_of(&r, &self, &whole), all = pass_of(&r, &many, &part);
      assert_memory_equal(all.y, one.y + 2 * part.first, (size_t)part.n_home * 2 * sizeof(double));
      assert_memory_equal(all.gradient, one.gradient, (size_t)r.block.count * sizeof(double));
      assert_true(all.nmse == one.nmse);
      places_are_the_same(&r, &whole, &part);
      outcome_free(&one), outcome_free(&all);
      esp_set_free(&whole), esp_set_free(&part);
      esp_model_free(&r);
    }
}

/* A number that the state cannot hold, of one particle, is an error of all ranks: at the lift, and behind a layer. */
static void what_cannot_be_held_ends_all(void **state) {
  (void)state;
  const esp_backend many = shared();
  for (int later = 0; later < 2; later++) {
    const esp_stack_param p = row(1);
    esp_model r = relation_case_network(&p);
    esp_set whole = relation_case_set(330, 5, 2, 0.6, 1, 8), part;
    double y[660];
    if (!later) whole.value[X][5 * 329] = 1e12; /* on the last rank */
    part = relation_case_share(comm, &whole);
    for (int c = 0; c < 2 && later; c++)
      model_group(&r, "layer1.2.update.c")[c] = comm->rank == comm->size - 1 ? 1e9 : 0;
    assert_int_equal(r.network->forward(&r, &many, &part, NULL, y, NULL, NULL), ESP_ERR_VALUE);
    assert_non_null(strstr(esp_error_message(), later ? "layer 1: " : "before the first layer"));
    esp_error_clear();
    esp_set_free(&whole), esp_set_free(&part);
    esp_model_free(&r);
  }
}

/* ---- a thousand layers ---- */

static esp_stack_param thousand(void) {
  esp_stack_param p = relation_case_param(RELATION_DEEP, 1);
  p.layers = 1001, p.depth = 2, p.groups = 2, p.width = 4, p.hidden = 4, p.channels = 2, p.dim = 2, p.order = 1;
  p.norm = p.activate = 1, p.aggregate = 2, p.beta = 1;
  p.domain.leaf = 32, p.domain.block = 64;
  return p;
}

/* Numbers of the state that a walk there and back has not come back to. */
static int64_t lost(const esp_model *r, const esp_set *set, const esp_pass *pass) {
  const esp_stack_plan *plan = r->plan;
  const int H = pass->state.width, w = H / pass->state.groups, inputs = 7, n = set->n_home;
  const size_t rows = (size_t)n;
  double *s = calloc(rows * (size_t)H + 1, sizeof *s);
  int64_t differ = 0;
  esp_dense_cpu.forward(n, inputs, H, r->block.value + plan->lift, r->block.value + plan->lift_bias, 0, pass->raw, s);
  for (size_t i = 0; i < rows; i++)
    for (int c = 0; c < H; c++) {
      const int64_t is = pass->state.fixed[(size_t)(c / w) * rows * (size_t)w + i * (size_t)w + (size_t)(c % w)];
      differ += is != llrint(ldexp(s[i * (size_t)H + (size_t)c], ESP_DEPTH_BITS));
    }
  free(s);
  return differ;
}

/* There and back: hashes of the prediction (of one rank), and of the gradient, in parts; what is not as it was. */
typedef struct {
  uint64_t gradient;
  double nmse;
  int64_t lost;
} journey;

static journey walk(const esp_model *r, const esp_backend *b, const esp_set *set) {
  const size_t count = (size_t)set->n_home * 2;
  double *y = calloc(count + 1, sizeof *y), *dy = calloc(count + 1, sizeof *dy);
  double *gradient = calloc((size_t)r->block.count, sizeof *gradient);
  esp_gradient_parts parts = esp_gradient_parts_of(b->device, b->comm, gradient);
  esp_pass *pass;
  journey j;
  OK(r->network->forward(r, b, set, NULL, y, NULL, &pass));
  OK(esp_loss_nmse.value(NULL, b, set, y, 1, dy, &j.nmse));
  OK(r->network->backward(r, b, set, pass, dy, &parts.to, NULL));
  j.gradient = hash_of(gradient, (size_t)r->block.count);
  j.lost = lost(r, set, pass);
  OK(b->comm->sum_i64(b->comm, &j.lost, 1));
  r->network->pass_free(&pass);
  esp_gradient_parts_free(&parts);
  free(y), free(dy), free(gradient);
  return j;
}

static void a_thousand_layers(void **state) {
  (void)state;
  const esp_backend self = esp_backend_self(), many = shared();
  const esp_stack_param p = thousand();
  esp_model r = relation_case_model(&p, 5, 2);
  esp_set whole = relation_case_set(1024, 5, 2, 0.6, 0, 8), part = relation_case_share(comm, &whole);
  journey all = walk(&r, &many, &part), one = all;
  assert_int_equal(all.lost, 0);
  if (comm->rank == 0 && comm->size > 1) one = walk(&r, &self, &whole);
  int64_t words[2] = {0};
  if (comm->rank == 0) memcpy(words, &one.gradient, sizeof *words), memcpy(words + 1, &one.nmse, sizeof *words);
  OK(comm->sum_i64(comm, words, 2));
  assert_memory_equal(&all.gradient, words, sizeof *words);
  assert_memory_equal(&all.nmse, words + 1, sizeof *words);
  esp_set_free(&whole), esp_set_free(&part);
  esp_model_free(&r);
}

CASE_MAIN(cmocka_unit_test(rows_have_the_same_bits), cmocka_unit_test(what_cannot_be_held_ends_all),
          cmocka_unit_test(a_thousand_layers))

/* Proves that the device's near and far lists are the CPU's, entry by entry, and its counts of pairs: of one tree and of receivers
 * with a tree of their own, open and periodic, by the opening angle and by size; and that domains it grows are the CPU's.
 * ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/grow_case.h"

#include "tree/domain.h"

typedef struct {
  int n, leaf, block, dim, kind, apart, periodic;
  double theta, width; /* of esp_rule_size; 0: the opening angle */
} list_case;

static esp_domain *grow(const list_case *c, const esp_grower *grower, int64_t budget) {
  esp_domain *dom = NULL;
  esp_domain_param p = {.leaf = c->leaf, .block = c->block, .dim = c->dim, .grower = grower};
  p.lists.theta = c->theta, p.lists.pairs_per_particle = budget;
  if (c->width > 0) p.lists.rule = &esp_rule_size, p.lists.rule_number = c->width;
  double *z = grow_keys(c->n, c->dim, c->kind, 5), *q = grow_keys(c->n, c->dim, c->kind, 9);
  int64_t *id = grow_ids(c->n);
  for (int a = 0; a < c->dim; a++) p.lists.box[a] = c->periodic > a ? 2.5 : 0;
  for (size_t i = 0; i < (size_t)c->n * (size_t)c->dim; i++) z[i] += 1, q[i] += 1;
  MUST(esp_domain_build_self(esp_comm_self(), &p, c->n, z, c->apart ? q : NULL, id, &dom));
  ESP_FREE(z);
  ESP_FREE(q);
  ESP_FREE(id);
  return dom;
}

static void same(const list_case *c, const char *what, const void *a, const void *b, size_t count, size_t size) {
  for (size_t i = 0; i < count; i++)
    if (memcmp((const char *)a + i * size, (const char *)b + i * size, size) != 0)
      fail_msg("%s %zu differs (n %d, leaf %d, block %d, dim %d, keys %d, apart %d, periodic %d, theta %g, width %g)",
               what, i, c->n, c->leaf, c->block, c->dim, c->kind, c->apart, c->periodic, c->theta, c->width);
}

static void same_lists(const list_case *c, const esp_lists *a, const esp_lists *b) {
  const size_t blocks = (size_t)a->n_block;
  assert_int_equal(a->n_block, b->n_block);
  same(c, "start of a near list", a->near_start, b->near_start, blocks + 1, sizeof *a->near_start);
  same(c, "start of a far list", a->far_start, b->far_start, blocks + 1, sizeof *a->far_start);
  same(c, "near leaf", a->near, b->near, (size_t)a->near_start[blocks], sizeof *a->near);
  same(c, "far cell", a->far, b->far, (size_t)a->far_start[blocks], sizeof *a->far);
  assert_true(a->near_pairs == b->near_pairs && a->far_pairs == b->far_pairs);
}

/* Far cells and near leaves met. */
static int64_t compare(list_case c) {
  esp_domain *mine = grow(&c, NULL, 0), *its = grow(&c, &esp_grower_cuda, 0);
  const esp_tree *t = &mine->tree, *u = &its->tree;
  int64_t pairs[2];
  same(&c, "id", mine->id, its->id, (size_t)c.n, sizeof *mine->id);
  same(&c, "centre", t->centre, u->centre, (size_t)t->own_rows * (size_t)c.dim, sizeof *t->centre);
  same(&c, "radius", t->radius, u->radius, (size_t)t->own_rows, sizeof *t->radius);
  same_lists(&c, &mine->lists, &its->lists);
  for (int limited = 0; limited < 2; limited++) {
    esp_lists_param p = mine->param.lists;
    p.pairs_limit = limited ? 3 : 0;
    MUST(esp_lists_count(t, mine->queries, &p, 0.7 * c.theta, &pairs[0]));
    MUST(esp_cuda_lists_count(u, its->queries, &p, 0.7 * c.theta, &pairs[1]));
    assert_true(pairs[0] == pairs[1]);
  }
  const int64_t met = c.n > 0 ? mine->lists.far_start[mine->lists.n_block] : 0;
  esp_domain_free(&mine);
  esp_domain_free(&its);
  return met;
}

static void all_kinds(void **state) {
  (void)state;
  static const int n[] = {0, 1, 7, 31, 32, 33, 1000}, leaf[] = {8, 1, 3, 5}, block[] = {64, 1, 20, 5};
  int64_t far = 0, periodic = 0, by_size = 0;
  for (int m = 0; m < 7; m++)
    for (int dim = 1; dim <= 6; dim++)
      for (int way = 0; way < 8; way++) {
        const int kind = (m + dim + way) % KEYS_KINDS, k = (dim + way) % 4;
        list_case c = {.n = n[m], .leaf = leaf[k], .block = block[k], .dim = dim, .kind = kind, .theta = 0.9};
        c.apart = way % 2, c.periodic = way / 2 % 2 * 3;
        if (way > 3) c.theta = 0.5, c.width = 0.4;
        const int64_t met = compare(c);
        far += met, periodic += c.periodic ? met : 0, by_size += way > 3 ? met : 0;
      }
  assert_true(far > 10000 && periodic > 1000 && by_size > 1000);
}

/* All pairs; nothing but far ones; more dimensions. */
static void extremes(void **state) {
  (void)state;
  compare((list_case){.n = 500, .leaf = 8, .block = 64, .dim = 3, .theta = 0});
  compare((list_case){.n = 500, .leaf = 8, .block = 64, .dim = 3, .theta = 0, .width = 1});
  compare((list_case){.n = 500, .leaf = 2, .block = 2, .dim = 2, .theta = 9});
  compare((list_case){.n = 300, .leaf = 4, .block = 16, .dim = 8, .theta = 1.5});
  compare((list_case){.n = 300, .leaf = 4, .block = 16, .dim = 17, .theta = 1.5, .apart = 1});
}

/* The angle that a budget chooses. */
static void budgets(void **state) {
  (void)state;
  const list_case c = {.n = 700, .leaf = 4, .block = 16, .dim = 3, .kind = KEYS_CLUMPS, .theta = 0.5};
  for (int64_t budget = 20; budget <= 320; budget *= 4) {
    esp_domain *mine = grow(&c, NULL, budget), *its = grow(&c, &esp_grower_cuda, budget);
    assert_true(mine->param.lists.theta == its->param.lists.theta);
    same_lists(&c, &mine->lists, &its->lists);
    esp_domain_free(&mine);
    esp_domain_free(&its);
  }
}

/* A tree whose children are not held. */
static void refused(void **state) {
  (void)state;
  const list_case c = {.n = 100, .leaf = 4, .block = 16, .dim = 3, .theta = 0.5};
  esp_domain *dom = grow(&c, NULL, 0);
  esp_lists lists;
  char mine[400];
  dom->tree.child[2 * 2] = -1;
  esp_error_clear();
  assert_int_equal(esp_lists_walk(&dom->tree, NULL, &dom->param.lists, &lists), ESP_ERR_INTERNAL);
  snprintf(mine, sizeof mine, "%s", strstr(esp_error_message(), "the walk of block"));
  esp_error_clear();
  assert_int_equal(esp_cuda_lists_walk(&dom->tree, NULL, &dom->param.lists, &lists), ESP_ERR_INTERNAL);
  assert_memory_equal(strstr(esp_error_message(), "the walk of block"), mine, 60);
  esp_error_clear();
  esp_domain_free(&dom);
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_kinds), cmocka_unit_test(extremes), cmocka_unit_test(budgets),
                                     cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

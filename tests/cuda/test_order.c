/* Proves that the device's order of a tree is the CPU's, slot by slot, and its centres and radii, every bit: by the widest axis,
 * by principal directions and learned normals, of clumps, ties and points that coincide, of whole trees and of subtrees.
 * ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include "tests/cuda/grow_case.h"

#include "tree/direction.h"

static void compare_order(const esp_shape *shape, const esp_split_rule *rule, int level, int64_t k, int dim, int kind) {
  int64_t offset, count;
  int *mine = NULL, *its = NULL;
  esp_shape_node(shape, level, k, &offset, &count);
  const int n = (int)count;
  double *z = grow_keys(n, dim, kind, 3);
  int64_t *id = grow_ids(n);
  MUST(ESP_ALLOC(mine, n));
  MUST(ESP_ALLOC(its, n));
  MUST(esp_tree_order(shape, rule, level, k, n, dim, z, id, mine));
  MUST(esp_grower_cuda.order(shape, rule, level, k, n, dim, z, id, its));
  for (int s = 0; s < n; s++)
    if (mine[s] != its[s])
      fail_msg("slot %d: %d on the host, %d on the device (rule %d, level %d, n %d, dim %d, keys %d, depth %d)", s,
               mine[s], its[s], rule ? (int)rule->kind : -1, level, n, dim, kind, shape->depth);
  ESP_FREE(mine);
  ESP_FREE(its);
  ESP_FREE(z);
  ESP_FREE(id);
}

static void orders(const esp_split_rule *rule, int dim, int most) {
  static const int n[] = {0, 1, 2, 7, 31, 32, 33, 1000, 1025, 3000};
  for (size_t m = 0; m < sizeof n / sizeof *n && n[m] <= most; m++)
    for (int kind = 0; kind < KEYS_KINDS; kind++) {
      esp_shape shape;
      if (n[m] > 33 && kind != KEYS_GRID && (kind + (int)m + dim) % KEYS_KINDS > 1) continue;
      MUST(esp_shape_make(n[m], kind % 2 ? 1 : 8, 64, &shape));
      compare_order(&shape, rule, 0, 0, dim, kind);
      if (shape.depth < 3) continue;
      compare_order(&shape, rule, 3, 5, dim, kind);
      compare_order(&shape, rule, shape.depth, 1, dim, kind);
    }
}

static void widest(void **state) {
  (void)state;
  const esp_split_rule rule = {.kind = ESP_SPLIT_WIDEST};
  for (int dim = 1; dim <= 6; dim++) orders(dim % 2 ? NULL : &rule, dim, dim < 4 ? 3000 : 1000);
  orders(NULL, 17, 33);
}

static void principal(void **state) {
  (void)state;
  const esp_split_rule rule = {.kind = ESP_SPLIT_PCA};
  for (int dim = 1; dim <= 6; dim++) orders(&rule, dim, dim < 4 ? 3000 : 33);
  orders(&rule, 16, 33);
  orders(&rule, 17, 33); /* the host's */
}

static void learned(void **state) {
  (void)state;
  enum { LEVELS = 5, DIM = 3, NODES = (1 << LEVELS) - 1 };
  double normal[NODES * DIM];
  for (int i = 0; i < NODES * DIM; i++)
    normal[i] = i / DIM % 4 == 2 ? 0 : esp_rng_normal(8, (uint64_t)i, ESP_RNG_TEST, 0);
  for (int levels = 1; levels <= LEVELS; levels += 2) {
    const esp_split_rule rule = {.kind = ESP_SPLIT_LEARNED, .levels = levels, .normal = normal};
    orders(&rule, DIM, 3000);
  }
}

/* An id twice in a leaf, a wrong rule, a wrong count: as the CPU tells it. */
static void refused(void **state) {
  (void)state;
  double z[20] = {0};
  int64_t id[20];
  int order[20];
  esp_shape shape;
  MUST(esp_shape_make(20, 4, 8, &shape));
  for (int i = 0; i < 20; i++) id[i] = i / 2 * 3;
  esp_error_clear();
  assert_int_equal(esp_grower_cuda.order(&shape, NULL, 0, 0, 20, 1, z, id, order), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "appears twice"));
  esp_error_clear();
  assert_int_equal(esp_grower_cuda.order(&shape, NULL, 0, 0, 19, 1, z, id, order), ESP_ERR_ARG);
  const esp_split_rule wrong = {.kind = ESP_SPLIT_LEARNED};
  assert_int_equal(esp_grower_cuda.order(&shape, &wrong, 0, 0, 20, 1, z, id, order), ESP_ERR_ARG);
  esp_error_clear();
}

static void same(const char *what, size_t count, const double *a, const double *b, const esp_tree *t) {
  for (size_t i = 0; i < count; i++)
    if (memcmp(a + i, b + i, sizeof *a) != 0)
      fail_msg("%s %zu: %a on the host, %a on the device (n %lld, own %d, dim %d)", what, i, a[i], b[i],
               (long long)t->shape.n, t->n_own, t->dim);
}

static void compare_geometry(int n, int leaf, int dim, int kind, int rank, int size) {
  esp_shape shape;
  esp_tree mine, its;
  MUST(esp_shape_make(n, leaf, 4 * leaf, &shape));
  MUST(esp_tree_create(&shape, dim, rank, size, 0, &mine));
  MUST(esp_tree_create(&shape, dim, rank, size, 0, &its));
  double *z = grow_keys(mine.n_own, dim, kind, 4);
  esp_tree_geometry(&mine, z);
  MUST(esp_grower_cuda.geometry(&its, z));
  same("centre", (size_t)mine.own_rows * (size_t)dim, mine.centre, its.centre, &mine);
  same("radius", (size_t)mine.own_rows, mine.radius, its.radius, &mine);
  ESP_FREE(z);
  esp_tree_free(&mine);
  esp_tree_free(&its);
}

static void geometry(void **state) {
  (void)state;
  static const int n[] = {0, 1, 7, 31, 32, 33, 1000};
  for (int m = 0; m < 7; m++)
    for (int dim = 1; dim <= 6; dim++)
      for (int kind = 0; kind < KEYS_KINDS; kind++) {
        compare_geometry(n[m], kind % 2 ? 1 : 8, dim, kind, 0, 1);
        compare_geometry(n[m], 3, dim, kind, m % 3, 3);
      }
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(widest), cmocka_unit_test(principal), cmocka_unit_test(learned),
                                     cmocka_unit_test(refused), cmocka_unit_test(geometry)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

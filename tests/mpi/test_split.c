/* Proves that the distributed selection gives each particle the covering subtree that the one-rank order gives it, for
 * any share of the particles, with equal keys, under every rule, that a domain is then the same, and that covering
 * roots tile the slots.
 * ranks: 1 2 3 4 5 7 */
#include "case.h"

#include "domain/domain.h"
#include "domain/split.h"

static void cover_is_right(const esp_shape *shape, int size, const esp_cover *cover) {
  int64_t at = 0;
  assert_int_equal(cover->n_cover, cover->n_top + 1);
  assert_int_equal(cover->cover_first[0], 0);
  assert_int_equal(cover->cover_first[size], cover->n_cover);
  for (int i = 0; i < cover->n_cover; i++) {
    const int level = esp_heap_level(cover->cover[i]);
    int64_t offset, count;
    esp_shape_node(shape, level, cover->cover[i] - ((int64_t)1 << level), &offset, &count);
    assert_int_equal(offset, at);
    at += count;
    assert_in_range(i, cover->cover_first[cover->cover_owner[i]], cover->cover_first[cover->cover_owner[i] + 1] - 1);
  }
  assert_int_equal(at, shape->n);
  for (int r = 0; r < size; r++) {
    int64_t block, blocks, slot, slots, sum = 0;
    esp_shape_rank(shape, r, size, &block, &blocks, &slot, &slots);
    for (int i = cover->cover_first[r]; i < cover->cover_first[r + 1]; i++) {
      const int level = esp_heap_level(cover->cover[i]);
      int64_t offset, count;
      esp_shape_node(shape, level, cover->cover[i] - ((int64_t)1 << level), &offset, &count);
      sum += count;
    }
    assert_int_equal(sum, slots);
  }
  for (int t = 0; t < cover->n_top; t++) {
    if (t) assert_true(cover->top[t] > cover->top[t - 1]);
    for (int c = 0; c < 2; c++) {
      const int child = cover->top_child[t][c];
      assert_int_equal(child >= 0 ? cover->top[child] : cover->cover[-1 - child], 2 * cover->top[t] + c);
    }
  }
}

static void covers_tile(void **state) {
  (void)state;
  const int64_t sizes[] = {0, 1, 2, 7, 100, 1000, 123457, (int64_t)1 << 40};
  const int ranks[] = {1, 2, 3, 5, 8, 13, 64, 100};
  for (int s = 0; s < 8; s++)
    for (int p = 0; p < 8; p++)
      for (int block = 1; block < 100; block += 49) {
        esp_shape shape;
        esp_cover cover;
        assert_int_equal(esp_shape_make(sizes[s], 8, block, &shape), ESP_OK);
        assert_int_equal(esp_cover_make(&shape, ranks[p], &cover), ESP_OK);
        cover_is_right(&shape, ranks[p], &cover);
        esp_cover_free(&cover);
      }
}

static void check(const cloud *c, const esp_split_rule *rule, int leaf, int block) {
  esp_shape shape;
  esp_cover cover;
  int *order = malloc(sizeof(int) * (size_t)(c->n + 1)), *wanted = malloc(sizeof(int) * (size_t)(c->n + 1));
  int *got = malloc(sizeof(int) * (size_t)(c->n_home + 1));
  assert_int_equal(esp_shape_make(c->n, leaf, block, &shape), ESP_OK);
  assert_int_equal(esp_cover_make(&shape, comm->size, &cover), ESP_OK);
  assert_int_equal(esp_tree_order(&shape, rule, 0, 0, c->n, c->dim, c->z, c->id, order), ESP_OK);
  for (int i = 0, slot = 0; i < cover.n_cover; i++) {
    const int level = esp_heap_level(cover.cover[i]);
    int64_t offset, count;
    esp_shape_node(&shape, level, cover.cover[i] - ((int64_t)1 << level), &offset, &count);
    for (int64_t k = 0; k < count; k++) wanted[order[slot++]] = i;
  }
  assert_int_equal(esp_split(comm, &shape, &cover, rule, c->dim, c->n_home, c->home_z, c->home_id, got), ESP_OK);
  for (int i = 0; i < c->n_home; i++) assert_int_equal(got[i], wanted[c->home_index[i]]);
  esp_cover_free(&cover);
  free(got);
  free(wanted);
  free(order);
}

static void selection(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 3, 10, 100, 1500};
  for (int s = 0; s < 7; s++)
    for (int kind = 0; kind < KEYS_KINDS; kind++)
      for (int share = 0; share < SHARE_KINDS; share++) {
        cloud c = cloud_make(sizes[s], 1 + (s + kind) % 3, kind, share);
        check(&c, NULL, 4, 16);
        check(&c, NULL, 1, 1);
        cloud_free(&c);
      }
}

/* Keys of all sizes and signs, and zeros of both signs. */
static void hard_keys(void **state) {
  (void)state;
  const double normal[] = {1, 1, 0, 0, 1, -1};
  cloud c = cloud_make(900, 2, KEYS_BALL, SHARE_CYCLIC);
  for (int i = 0; i < c.n; i++) {
    c.z[2 * i] = ldexp(c.z[2 * i] - 0.5, (int)(case_bits((uint64_t)i) % 2000) - 1060);
    c.z[2 * i + 1] = 0;
    if (i % 3 == 0) c.z[2 * i] = i % 2 ? 0.0 : -0.0;
  }
  for (int i = 0; i < c.n_home; i++) memcpy(c.home_z + 2 * i, c.z + 2 * c.home_index[i], 2 * sizeof *c.z);
  for (int kind = 0; kind < 3; kind++) {
    const esp_split_rule rule = {.kind = (esp_split_kind)kind, .levels = 2, .normal = normal};
    check(&c, &rule, 2, 8);
  }
  cloud_free(&c);
}

/* The rules that take a direction; of the normals, two are zero. */
typedef struct {
  double *normal;
  esp_split_rule rule[2];
} directed;

static directed directed_make(int dim) {
  enum { LEVELS = 3, NODES = (1 << LEVELS) - 1 };
  directed d = {.normal = calloc((size_t)(NODES * dim), sizeof(double))};
  for (int i = 0; i < NODES * dim; i++)
    if (i / dim % 5 != 1) d.normal[i] = case_uniform((uint64_t)i * 41 + 3) - 0.5;
  d.rule[0] = (esp_split_rule){.kind = ESP_SPLIT_PCA};
  d.rule[1] = (esp_split_rule){.kind = ESP_SPLIT_LEARNED, .levels = LEVELS, .normal = d.normal};
  return d;
}

static void selection_along_directions(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 3, 10, 100, 600}, dims[] = {1, 2, 3, 4, 5, 8, 16, 17, 64};
  for (int s = 0; s < 7; s++)
    for (int kind = 0; kind < KEYS_KINDS; kind++)
      for (int share = 0; share < SHARE_KINDS; share++) {
        const int dim = dims[(5 * s + 2 * kind + share) % 9];
        cloud c = cloud_make(sizes[s], dim, kind, share);
        directed d = directed_make(dim);
        for (int r = 0; r < 2; r++) {
          check(&c, &d.rule[r], 4, 16);
          check(&c, &d.rule[r], 1, 1);
        }
        free(d.normal);
        cloud_free(&c);
      }
}

/* Rotations of the same components: exact scores are equal, and the roundings of each product and sum decide. */
static void roundings_decide(void **state) {
  (void)state;
  const double normal[] = {0.3, 0.3, 0.3};
  cloud c = cloud_make(600, 3, KEYS_BALL, SHARE_CYCLIC);
  for (int i = 0; i < 3 * c.n; i++) c.z[i] = 0.7 + 0.1 * ((i % 3 + i / 3) % 3);
  for (int i = 0; i < c.n_home; i++) memcpy(c.home_z + 3 * i, c.z + 3 * c.home_index[i], 3 * sizeof *c.z);
  check(&c, &(esp_split_rule){.kind = ESP_SPLIT_LEARNED, .levels = 1, .normal = normal}, 4, 4);
  cloud_free(&c);
}

/* The whole way: split, migration, subtrees, centres. */
static void domain_along_directions(void **state) {
  (void)state;
  const int dims[] = {1, 2, 3, 4, 8, 33, 64};
  for (int k = 0; k < 7; k++) {
    const int dim = dims[k];
    cloud c = cloud_make(500, dim, k % 2 ? KEYS_PLUMMER : KEYS_BALL, k % SHARE_KINDS);
    directed d = directed_make(dim);
    for (int r = 0; r < 2; r++) {
      const esp_domain_param param = {.leaf = 8, .block = 32, .dim = dim, .split = d.rule[r], .lists = {.theta = 0.7}};
      esp_domain *dom = NULL, *self = NULL;
      assert_int_equal(esp_domain_build_self(esp_comm_self(), &param, c.n, c.z, NULL, c.id, &self), ESP_OK);
      assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, NULL, c.home_id, &dom), ESP_OK);
      const esp_tree *tree = &dom->tree;
      assert_memory_equal(dom->id, self->id + tree->slot_first, sizeof *dom->id * (size_t)dom->n_own);
      for (int row = 0; row < tree->row_count; row++)
        assert_memory_equal(tree->centre + row * dim, self->tree.centre + (tree->heap[row] - 1) * dim,
                            sizeof(double) * (size_t)dim);
      assert_int_equal(sum_over_ranks((int64_t)esp_lists_hash(tree, &dom->lists)),
                       (int64_t)esp_lists_hash(&self->tree, &self->lists));
      esp_domain_free(&dom);
      esp_domain_free(&self);
    }
    free(d.normal);
    cloud_free(&c);
  }
}

static void wrong_rules(void **state) {
  (void)state;
  cloud c = cloud_make(100, 1, KEYS_BALL, SHARE_FIRST);
  const double normal[] = {1, 1, INFINITY};
  const esp_split_rule rule = {.kind = ESP_SPLIT_LEARNED, .levels = 2, .normal = normal};
  esp_shape shape;
  esp_cover cover;
  int got[100];
  assert_int_equal(esp_shape_make(c.n, 4, 4, &shape), ESP_OK);
  assert_int_equal(esp_cover_make(&shape, comm->size, &cover), ESP_OK);
  assert_int_equal(esp_split(comm, &shape, &cover, &rule, 1, c.n_home, c.home_z, c.home_id, got), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "split node 3"));
  esp_error_clear();
  shape.n = ((int64_t)1 << 34) + 1;
  if (comm->size > 1)
    assert_int_equal(esp_split(comm, &shape, &cover, &(esp_split_rule){.kind = ESP_SPLIT_PCA}, 1, c.n_home, c.home_z,
                               c.home_id, got),
                     ESP_ERR_LIMIT);
  esp_error_clear();
  esp_cover_free(&cover);
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(covers_tile), cmocka_unit_test(selection), cmocka_unit_test(hard_keys),
          cmocka_unit_test(selection_along_directions), cmocka_unit_test(roundings_decide),
          cmocka_unit_test(domain_along_directions), cmocka_unit_test(wrong_rules))

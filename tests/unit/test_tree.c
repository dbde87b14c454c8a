/* Proves that the tree is the one its header defines: shape, unique order, blocks of ranks, exact centres and radii. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "tree/tree.h"

static const int sizes[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 100, 1000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void shape_follows_from_counts(void **state) {
  (void)state;
  int leaves[] = {1, 3, 8}, blocks[] = {1, 8, 64, 5000};
  for (int c = 0; c < SIZES * 12; c++) {
    int64_t n = sizes[c % SIZES], offset, count, expect = 0;
    int leaf = leaves[c / SIZES % 3], block = blocks[c / SIZES / 3];
    esp_shape s;
    assert_int_equal(esp_shape_make(n, leaf, block, &s), ESP_OK);
    assert_true((double)n / (double)((int64_t)1 << s.depth) <= leaf);
    assert_true(s.depth == 0 || (double)n / (double)((int64_t)1 << (s.depth - 1)) > leaf);
    assert_in_range(s.block_level, 0, s.depth);
    int64_t largest[65] = {0};
    for (int l = 0; l <= s.depth; l++, expect = 0) {
      for (int64_t k = 0; k < (int64_t)1 << l; k++) {
        esp_shape_node(&s, l, k, &offset, &count);
        assert_int_equal(offset, expect);
        expect += count;
        largest[l] = count > largest[l] ? count : largest[l];
        for (int64_t slot = offset; slot < offset + count; slot++) assert_int_equal(esp_shape_find(&s, l, slot), k);
        if (l == 0) continue;
        int64_t up, m;
        esp_shape_node(&s, l - 1, k / 2, &up, &m);
        assert_int_equal(count, k & 1 ? m - m / 2 : m / 2);
      }
      assert_int_equal(expect, n);
    }
    assert_true(largest[s.block_level] <= block || s.block_level == s.depth);
    assert_true(s.block_level == 0 || largest[s.block_level - 1] > block);
  }
  esp_shape s;
  assert_int_equal(esp_shape_make(-1, 8, 8, &s), ESP_ERR_ARG);
  assert_int_equal(esp_shape_make(8, 0, 8, &s), ESP_ERR_CONFIG);
  assert_int_equal(esp_shape_make(8, 8, 0, &s), ESP_ERR_CONFIG);
  esp_error_clear();
}

static void every_block_has_one_rank(void **state) {
  (void)state;
  for (int c = 0; c < SIZES; c++) {
    for (int size = 1; size <= 40; size += size < 8 ? 1 : 13) {
      for (int leaf = 1; leaf <= 8; leaf += 7) {
        esp_shape s;
        int64_t n = sizes[c], next = 0, slot = 0;
        assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
        for (int r = 0; r < size; r++) {
          int64_t first, count, slot_first, slots, offset, m;
          esp_shape_rank(&s, r, size, &first, &count, &slot_first, &slots);
          assert_int_equal(first, next);
          if (n > 0) assert_int_equal(slot_first, slot);
          for (int64_t b = first; b < first + count; b++) {
            assert_int_equal(esp_shape_owner(&s, size, b), r);
            esp_shape_node(&s, s.block_level, b, &offset, &m);
            assert_true(n == 0 || (offset >= n * r / size && offset < n * (r + 1) / size));
          }
          next += count;
          slot += slots;
        }
        assert_int_equal(next, (int64_t)1 << s.block_level);
        assert_int_equal(slot, n);
      }
    }
  }
}

/* The definition, written out: sort the node by (z_axis, id). */
typedef struct {
  double key;
  int64_t id;
  int index;
} plain;

static int plain_compare(const void *a, const void *b) {
  const plain *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

static void order_plainly(int levels, plain *p, int m, int dim, const double *z) {
  int axis = 0;
  double widest = -1;
  for (int a = 0; a < dim && levels > 0; a++) {
    double low = INFINITY, high = -INFINITY;
    for (int i = 0; i < m; i++) {
      low = fmin(low, z[p[i].index * dim + a]);
      high = fmax(high, z[p[i].index * dim + a]);
    }
    if (high - low > widest) {
      widest = high - low;
      axis = a;
    }
  }
  for (int i = 0; i < m; i++) p[i].key = levels > 0 ? z[p[i].index * dim + axis] : 0;
  if (m > 0) qsort(p, (size_t)m, sizeof *p, plain_compare);
  if (levels == 0) return;
  order_plainly(levels - 1, p, m / 2, dim, z);
  order_plainly(levels - 1, p + m / 2, m - m / 2, dim, z);
}

static void order_is_the_definition(void **state) {
  (void)state;
  int dims[] = {1, 2, 3, 4, 8, 16, 64};
  for (int c = 0; c < SIZES * 7 * CLOUD_KINDS; c++) {
    int n = sizes[c % SIZES], dim = dims[c / SIZES % 7], kind = c / SIZES / 7, leaf = c % 2 ? 8 : 3;
    double *z = cloud_keys(n, dim, kind);
    int64_t *id = cloud_ids(n);
    int *order = malloc(sizeof(int) * (size_t)(n + 1)), *again = malloc(sizeof(int) * (size_t)(n + 1));
    plain *p = malloc(sizeof *p * (size_t)(n + 1));
    esp_shape s;
    assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
    assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, dim, z, id, order), ESP_OK);
    for (int i = 0; i < n; i++) p[i] = (plain){0, id[i], i};
    order_plainly(s.depth, p, n, dim, z);
    for (int i = 0; i < n; i++) assert_int_equal(order[i], p[i].index);
    /* the same particles handed over in reverse */
    for (int i = 0; i < n / 2; i++) {
      for (int a = 0; a < dim; a++) {
        double x = z[i * dim + a];
        z[i * dim + a] = z[(n - 1 - i) * dim + a];
        z[(n - 1 - i) * dim + a] = x;
      }
      int64_t x = id[i];
      id[i] = id[n - 1 - i];
      id[n - 1 - i] = x;
    }
    assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, dim, z, id, again), ESP_OK);
    for (int i = 0; i < n; i++) assert_int_equal(again[i], n - 1 - order[i]);
    free(p), free(order), free(again), free(z), free(id);
  }
}

static void no_input_is_slow(void **state) {
  (void)state;
  int n = 500000; /* n^2 steps would reach the time limit of the test */
  double *z = cloud_keys(n, 3, CLOUD_BALL);
  int64_t *id = cloud_ids(n);
  int *order = malloc(sizeof(int) * (size_t)n);
  esp_shape s;
  assert_int_equal(esp_shape_make(n, n, n, &s), ESP_OK); /* one leaf: a sort by id */
  assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, 3, z, id, order), ESP_OK);
  for (int i = 1; i < n; i++) assert_true(id[order[i - 1]] < id[order[i]]);
  assert_int_equal(esp_shape_make(n, 8, 8, &s), ESP_OK);
  for (int kind = 0; kind < 3; kind++) {
    for (int i = 0; i < 3 * n; i++) z[i] = kind == 0 ? i : kind == 1 ? -i : 0;
    assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, 3, z, id, order), ESP_OK);
  }
  for (int i = 0; i < n; i++) id[i] = 5;
  assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, 3, z, id, order), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "id 5"));
  esp_error_clear();
  free(z), free(id), free(order);
}

static void check_rows(const esp_tree *t, const double *zs) {
  int dim = t->dim;
  for (int row = 0; row < t->own_rows; row++) {
    int level = esp_heap_level(t->heap[row]);
    int64_t offset, count;
    esp_shape_node(&t->shape, level, t->heap[row] - ((int64_t)1 << level), &offset, &count);
    assert_int_equal(t->part_first[row], offset - t->slot_first);
    assert_int_equal(t->part_count[row], count);
    assert_int_equal(t->owner_row[row], row);
    double far = 0, scale = 0, *c = t->centre + row * dim;
    for (int i = t->part_first[row]; i < t->part_first[row] + count; i++) {
      far = fmax(far, esp_tree_distance2(dim, zs + i * dim, c, NULL));
      for (int a = 0; a < dim; a++) scale = fmax(scale, fabs(zs[i * dim + a]));
    }
    assert_true(t->radius[row] == sqrt(far));
    for (int a = 0; a < dim; a++) {
      double mean = 0;
      for (int i = t->part_first[row]; i < t->part_first[row] + count; i++) mean += zs[i * dim + a];
      assert_true(fabs(c[a] - (count ? mean / (double)count : 0)) <= 1e-13 * scale);
    }
    for (int k = 0; k < 2; k++) {
      int child = t->child[2 * row + k];
      if (level == t->shape.depth) {
        assert_int_equal(child, -1);
      } else {
        assert_int_equal(t->heap[child], 2 * t->heap[row] + k);
      }
    }
  }
}

static void geometry_on_any_cut(void **state) {
  (void)state;
  int dims[] = {1, 2, 3, 8, 16};
  for (int c = 0; c < SIZES * 5; c++) {
    int n = c == 3 ? 5000 : sizes[c % SIZES], dim = dims[c / SIZES], leaf = c % 3 ? 8 : 1;
    double *z = cloud_keys(n, dim, CLOUD_BALL), *zs = malloc(sizeof *zs * (size_t)(n * dim + 1));
    int64_t *id = cloud_ids(n);
    int *order = malloc(sizeof(int) * (size_t)(n + 1));
    esp_shape s;
    assert_int_equal(esp_shape_make(n, leaf, 16, &s), ESP_OK);
    assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, dim, z, id, order), ESP_OK);
    for (int i = 0; i < n * dim; i++) zs[i] = z[order[i / dim] * dim + i % dim];
    esp_tree whole;
    assert_int_equal(esp_tree_create(&s, dim, 0, 1, 0, &whole), ESP_OK);
    esp_tree_geometry(&whole, zs);
    check_rows(&whole, zs);
    assert_int_equal(esp_tree_root(&whole), 0);
    for (int r = 0; r < 3; r++) {
      esp_tree t;
      assert_int_equal(esp_tree_create(&s, dim, r, 3, 2, &t), ESP_OK);
      esp_tree_geometry(&t, zs + t.slot_first * dim);
      check_rows(&t, zs + t.slot_first * dim);
      for (int row = 0; row < t.own_rows; row++) {
        int same = (int)t.heap[row] - 1;
        assert_int_equal(whole.heap[same], t.heap[row]);
        assert_true(t.radius[row] == whole.radius[same]);
        assert_memory_equal(t.centre + row * dim, whole.centre + same * dim, sizeof(double) * (size_t)dim);
      }
      for (int i = 0; i < 9; i++) {
        int row = -1;
        assert_int_equal(esp_tree_append(&t, i == 4 ? 1 : 2, -1, -1, &row), ESP_OK);
        assert_int_equal(row, t.own_rows + i);
        assert_int_equal(t.part_first[row], -1);
        if (i == 4) assert_int_equal(t.part_count[row], n);
      }
      if (t.own_rows == 0 || t.heap[0] != 1) assert_int_equal(esp_tree_root(&t), t.own_rows + 4);
      esp_tree_free(&t);
    }
    esp_tree_free(&whole);
    free(z), free(zs), free(id), free(order);
  }
}

static void minus_zero_is_zero(void **state) {
  (void)state;
  double z[4] = {0.0, -0.0, 0.0, -0.0};
  int64_t id[4] = {0, 1, 2, 3};
  int order[4];
  esp_shape s;
  assert_int_equal(esp_shape_make(4, 1, 1, &s), ESP_OK);
  assert_int_equal(esp_tree_order(&s, NULL, 0, 0, 4, 1, z, id, order), ESP_OK);
  for (int i = 0; i < 4; i++) assert_int_equal(order[i], i);
}

static void subtree_order_is_part_of_the_whole(void **state) {
  (void)state;
  int n = 1000;
  double *z = cloud_keys(n, 3, CLOUD_BALL), *part = malloc(sizeof *part * 3000);
  int64_t *id = cloud_ids(n), *part_id = malloc(sizeof *part_id * 1000), offset, count;
  int order[1000], sub[1000];
  esp_shape s;
  assert_int_equal(esp_shape_make(n, 8, 8, &s), ESP_OK);
  assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, 3, z, id, order), ESP_OK);
  for (int k = 0; k < 8; k++) {
    esp_shape_node(&s, 3, k, &offset, &count);
    for (int i = 0; i < count; i++) {
      int from = order[offset + (count - 1 - i)];
      memcpy(part + 3 * i, z + 3 * from, 3 * sizeof *z);
      part_id[i] = id[from];
    }
    assert_int_equal(esp_tree_order(&s, NULL, 3, k, (int)count, 3, part, part_id, sub), ESP_OK);
    for (int i = 0; i < count; i++) assert_int_equal(part_id[sub[i]], id[order[offset + i]]);
    assert_int_equal(esp_tree_order(&s, NULL, 3, k, (int)count + 1, 3, part, part_id, sub), ESP_ERR_ARG);
  }
  esp_error_clear();
  free(z), free(part), free(id), free(part_id);
}

/* 1.7e9 nodes would fit int, twice a row would not: refused before any memory is asked for. */
static void too_many_nodes_for_one_rank(void **state) {
  (void)state;
  esp_shape s;
  esp_tree tree;
  assert_int_equal(esp_shape_make((int64_t)1 << 32, 1, 64, &s), ESP_OK);
  assert_int_equal(esp_tree_create(&s, 3, 0, 5, 0, &tree), ESP_ERR_LIMIT);
  assert_non_null(strstr(esp_error_message(), "more ranks"));
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shape_follows_from_counts),   cmocka_unit_test(every_block_has_one_rank),
      cmocka_unit_test(order_is_the_definition),     cmocka_unit_test(no_input_is_slow),
      cmocka_unit_test(geometry_on_any_cut),         cmocka_unit_test(minus_zero_is_zero),
      cmocka_unit_test(too_many_nodes_for_one_rank), cmocka_unit_test(subtree_order_is_part_of_the_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

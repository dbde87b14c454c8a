/* Proves that the distributed selection gives each particle the covering subtree that the one-rank order gives it, for
 * any share of the particles, with equal keys, and that covering roots tile the slots. */
#include "case.h"

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

static void check(const cloud *c, int leaf, int block) {
  esp_shape shape;
  esp_cover cover;
  int *order = malloc(sizeof(int) * (size_t)(c->n + 1)), *wanted = malloc(sizeof(int) * (size_t)(c->n + 1));
  int *got = malloc(sizeof(int) * (size_t)(c->n_home + 1));
  assert_int_equal(esp_shape_make(c->n, leaf, block, &shape), ESP_OK);
  assert_int_equal(esp_cover_make(&shape, comm->size, &cover), ESP_OK);
  assert_int_equal(esp_tree_order(&shape, NULL, 0, 0, c->n, c->dim, c->z, c->id, order), ESP_OK);
  for (int i = 0, slot = 0; i < cover.n_cover; i++) {
    const int level = esp_heap_level(cover.cover[i]);
    int64_t offset, count;
    esp_shape_node(&shape, level, cover.cover[i] - ((int64_t)1 << level), &offset, &count);
    for (int64_t k = 0; k < count; k++) wanted[order[slot++]] = i;
  }
  assert_int_equal(esp_split(comm, &shape, &cover, NULL, c->dim, c->n_home, c->home_z, c->home_id, got), ESP_OK);
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
        check(&c, 4, 16);
        check(&c, 1, 1);
        cloud_free(&c);
      }
}

/* Keys of all sizes and signs, and zeros of both signs. */
static void hard_keys(void **state) {
  (void)state;
  cloud c = cloud_make(900, 2, KEYS_BALL, SHARE_CYCLIC);
  for (int i = 0; i < c.n; i++) {
    c.z[2 * i] = ldexp(c.z[2 * i] - 0.5, (int)(case_bits((uint64_t)i) % 2000) - 1060);
    c.z[2 * i + 1] = 0;
    if (i % 3 == 0) c.z[2 * i] = i % 2 ? 0.0 : -0.0;
  }
  for (int i = 0; i < c.n_home; i++) memcpy(c.home_z + 2 * i, c.z + 2 * c.home_index[i], 2 * sizeof *c.z);
  check(&c, 2, 8);
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(covers_tile), cmocka_unit_test(selection), cmocka_unit_test(hard_keys))

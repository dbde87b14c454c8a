/* Proves that near lists, far lists and the own block together hold every ordered pair once, that acceptance is the
 * definition, and that transpose, counts, ladder and fingerprints agree with the lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "tree/lists.h"

static void make_tree(int n, int dim, int kind, int leaf, int block, esp_tree *tree) {
  double *z = cloud_keys(n, dim, kind), *zs = malloc(sizeof *zs * (size_t)(n * dim + 1));
  int64_t *id = cloud_ids(n);
  int *order = malloc(sizeof(int) * (size_t)(n + 1));
  esp_shape s;
  assert_int_equal(esp_shape_make(n, leaf, block, &s), ESP_OK);
  assert_int_equal(esp_tree_order(&s, NULL, 0, 0, n, dim, z, id, order), ESP_OK);
  for (int i = 0; i < n * dim; i++) zs[i] = z[order[i / dim] * dim + i % dim];
  assert_int_equal(esp_tree_create(&s, dim, 0, 1, 0, tree), ESP_OK);
  esp_tree_geometry(tree, zs);
  free(z), free(zs), free(id), free(order);
}

/* The acceptance as the header states it, from the shared distance. */
static int accepted(const esp_tree *t, int I, int J, const esp_lists_param *p) {
  const double *c1 = t->centre + I * t->dim, *c2 = t->centre + J * t->dim;
  double R = t->radius[I] + t->radius[J];
  if (!(R < p->theta * sqrt(esp_tree_distance2(t->dim, c1, c2, p->box)))) return 0;
  for (int a = 0; a < t->dim; a++) {
    if (p->box[a] > 0 && !(R + sqrt(esp_tree_distance2(1, c1 + a, c2 + a, p->box + a)) < 0.5 * p->box[a])) return 0;
  }
  return 1;
}

static void mark(char *seen, const esp_tree *t, int row) {
  for (int j = t->part_first[row]; j < t->part_first[row] + t->part_count[row]; j++) seen[j]++;
}

static void check_block(const esp_tree *t, const esp_lists *l, const esp_lists_param *p, int b, char *seen) {
  int I = t->level_row[t->shape.block_level] + b;
  memset(seen, 0, (size_t)t->n_own + 1);
  mark(seen, t, I);
  for (int64_t e = l->near_start[b]; e < l->near_start[b + 1]; e++) {
    int J = l->near[e];
    assert_int_equal(esp_heap_level(t->heap[J]), t->shape.depth);
    assert_true(t->part_count[J] > 0);
    assert_false(accepted(t, I, J, p));
    mark(seen, t, J);
  }
  for (int64_t e = l->far_start[b]; e < l->far_start[b + 1]; e++) {
    int J = l->far[e], parent = (int)(t->heap[J] / 2) - 1;
    assert_true(accepted(t, I, J, p));
    int holds = t->part_first[parent] <= t->part_first[I] &&
                t->part_first[parent] + t->part_count[parent] >= t->part_first[I] + t->part_count[I];
    assert_true(holds || !accepted(t, I, parent, p));
    mark(seen, t, J);
  }
  if (t->part_count[I] == 0) return;
  for (int j = 0; j < t->n_own; j++) assert_int_equal(seen[j], 1);
}

static void check_counts(const esp_tree *t, const esp_lists *l, const esp_lists_param *p) {
  int64_t near = 0, far = 0, counted;
  for (int b = 0; b < l->n_block; b++) {
    int64_t m = t->part_count[t->level_row[t->shape.block_level] + b];
    near += m * (m - 1);
    for (int64_t e = l->near_start[b]; e < l->near_start[b + 1]; e++) near += m * t->part_count[l->near[e]];
    far += m * (l->far_start[b + 1] - l->far_start[b]);
  }
  assert_int_equal(l->near_pairs, near);
  assert_int_equal(l->far_pairs, far);
  assert_int_equal(esp_lists_count(t, NULL, p, p->theta, &counted), ESP_OK);
  assert_int_equal(counted, near);
  if (p->theta == 0) assert_int_equal(near, (int64_t)t->n_own * (t->n_own - 1));
}

static void check_transpose(const esp_tree *t, esp_lists *l) {
  assert_int_equal(esp_lists_transpose(t, l), ESP_OK);
  int leaf0 = t->level_row[t->shape.depth];
  assert_int_equal(l->n_leaf, (int64_t)1 << t->shape.depth);
  assert_int_equal(l->n_ghost_block, 0);
  assert_int_equal(l->ghost_first[0], t->n_own);
  assert_int_equal(l->sender_start[l->n_leaf], l->near_start[l->n_block]);
  for (int leaf = 0; leaf < l->n_leaf; leaf++) {
    for (int64_t e = l->sender_start[leaf]; e < l->sender_start[leaf + 1]; e++) {
      int b = l->sender[e], found = 0;
      if (e > l->sender_start[leaf]) assert_true(l->sender[e - 1] < b);
      for (int64_t f = l->near_start[b]; f < l->near_start[b + 1]; f++) found += l->near[f] == leaf0 + leaf;
      assert_int_equal(found, 1);
    }
  }
}

static void every_pair_once(void **state) {
  (void)state;
  int sizes[] = {0, 1, 2, 8, 9, 100, 500}, blocks[] = {1, 8, 64, 300}, dims[] = {1, 2, 3, 8};
  double thetas[] = {0, 0.3, 0.7, 1.0, 1.9}, boxes[] = {0, 1};
  char *seen = malloc(600);
  for (int c = 0; c < 7 * 4 * 4 * CLOUD_KINDS; c++) {
    int n = sizes[c % 7], block = blocks[c / 7 % 4], dim = dims[c / 28 % 4], kind = c / 112;
    esp_tree t;
    make_tree(n, dim, kind, c % 2 ? 8 : 1, block, &t);
    for (int q = 0; q < 10; q++) {
      esp_lists_param p = {.theta = thetas[q % 5]};
      for (int a = 0; a < dim; a++) p.box[a] = a == 1 ? 0 : boxes[q / 5]; /* the second axis stays open */
      esp_lists l;
      assert_int_equal(esp_lists_walk(&t, NULL, &p, &l), ESP_OK);
      assert_int_equal(l.n_block, (int64_t)1 << t.shape.block_level);
      for (int b = 0; b < l.n_block; b++) check_block(&t, &l, &p, b, seen);
      check_counts(&t, &l, &p);
      check_transpose(&t, &l);
      esp_lists_free(&l);
    }
    esp_tree_free(&t);
  }
  free(seen);
}

static int angle(double theta, const double *number, const esp_rule_view *v) {
  assert_true(v->count > 0 && v->level > 0 && number[0] == 3);
  return v->block_radius + v->radius < theta * v->distance;
}

/* Theta as a row: the same lists, in a period too. */
static void another_rule(void **state) {
  (void)state;
  const esp_rule rule = {.name = "angle", .far = angle};
  for (int k = 0; k < 12; k++) {
    esp_tree tree;
    esp_lists built, ruled;
    make_tree(700, 2 + k % 3, CLOUD_BALL, 4, 16, &tree);
    esp_lists_param p = {.theta = 0.4 + 0.1 * k};
    for (int a = 0; a < 2 + k % 3 && k % 2; a++) p.box[a] = 8;
    assert_int_equal(esp_lists_walk(&tree, NULL, &p, &built), ESP_OK);
    p.rule = &rule, p.rule_number = 3;
    assert_int_equal(esp_lists_walk(&tree, NULL, &p, &ruled), ESP_OK);
    assert_true(built.far_pairs > 0 && built.far_pairs == ruled.far_pairs);
    assert_true(esp_lists_hash(&tree, &built) == esp_lists_hash(&tree, &ruled));
    esp_lists_free(&built);
    esp_lists_free(&ruled);
    esp_tree_free(&tree);
  }
}

static void coincident_particles_are_all_near(void **state) {
  (void)state;
  esp_tree t;
  make_tree(256, 3, CLOUD_POINT, 8, 8, &t);
  esp_lists_param p = {.theta = 1};
  int64_t pairs;
  assert_int_equal(esp_lists_count(&t, NULL, &p, 1, &pairs), ESP_OK);
  assert_int_equal(pairs, 256 * 255);
  p.pairs_limit = 20; /* may stop early, but above the limit */
  assert_int_equal(esp_lists_count(&t, NULL, &p, 1, &pairs), ESP_OK);
  assert_true(pairs > 20 * 256);
  esp_tree_free(&t);
}

static void work_grows_slowly(void **state) {
  (void)state;
  double near[2], far[2];
  for (int k = 0; k < 2; k++) {
    int n = k ? 32768 : 4096;
    esp_tree t;
    esp_lists l;
    esp_lists_param p = {.theta = 1};
    make_tree(n, 3, CLOUD_BALL, 8, 8, &t);
    assert_int_equal(esp_lists_walk(&t, NULL, &p, &l), ESP_OK);
    near[k] = (double)l.near_pairs / n;
    far[k] = (double)l.far_pairs / n;
    esp_lists_free(&l);
    esp_tree_free(&t);
  }
  assert_true(near[1] < 1.1 * near[0]);
  assert_true(far[1] < 2 * far[0]);
}

static void ladder_is_fine_and_near_pairs_fall(void **state) {
  (void)state;
  int count;
  const double *ladder = esp_lists_ladder(&count);
  assert_true(ladder[0] == 0.001);
  assert_true(ladder[count - 1] < 10 && ladder[count - 1] * 1.1 >= 10);
  esp_tree t;
  esp_lists_param p = {0};
  make_tree(1000, 3, CLOUD_BALL, 8, 8, &t);
  int64_t before = INT64_MAX, pairs;
  for (int i = 0; i < count; i++) {
    if (i > 0) assert_true(ladder[i] > ladder[i - 1] && ladder[i] <= 1.1 * ladder[i - 1] * (1 + 1e-8));
    assert_int_equal(esp_lists_count(&t, NULL, &p, ladder[i], &pairs), ESP_OK);
    assert_true(pairs <= before);
    before = pairs;
  }
  esp_tree_free(&t);
}

static void swap_int(int *a, int *b) {
  int x = *a;
  *a = *b;
  *b = x;
}

static void hash_sees_every_change(void **state) {
  (void)state;
  esp_tree t;
  esp_lists l;
  esp_lists_param p = {.theta = 0.7};
  make_tree(500, 3, CLOUD_BALL, 8, 16, &t);
  assert_int_equal(esp_lists_walk(&t, NULL, &p, &l), ESP_OK);
  assert_int_equal(esp_lists_transpose(&t, &l), ESP_OK);
  uint64_t hash = esp_lists_hash(&t, &l), senders = esp_lists_sender_hash(&t, &l);
  int64_t at = l.near_start[3], far = l.far_start[3], from = l.sender_start[5];
  assert_true(l.near_start[4] > at + 1 && l.far_start[4] > far + 1 && l.sender_start[6] > from + 1);
  swap_int(&l.near[at], &l.near[at + 1]);
  assert_true(esp_lists_hash(&t, &l) != hash);
  swap_int(&l.near[at], &l.near[at + 1]);
  swap_int(&l.far[far], &l.far[far + 1]);
  assert_true(esp_lists_hash(&t, &l) != hash);
  swap_int(&l.far[far], &l.far[far + 1]);
  l.far_start[4]--;
  assert_true(esp_lists_hash(&t, &l) != hash);
  l.far_start[4]++;
  assert_true(esp_lists_hash(&t, &l) == hash);
  swap_int(&l.sender[from], &l.sender[from + 1]);
  assert_true(esp_lists_sender_hash(&t, &l) != senders);
  esp_lists_free(&l);
  esp_tree_free(&t);
}

static void a_missing_child_is_an_error(void **state) {
  (void)state;
  esp_tree t;
  esp_lists l;
  esp_lists_param p = {.theta = 0.5};
  make_tree(500, 3, CLOUD_BALL, 8, 16, &t);
  t.child[2 * 2] = t.child[2 * 2 + 1] = -1;
  assert_int_equal(esp_lists_walk(&t, NULL, &p, &l), ESP_ERR_INTERNAL);
  assert_non_null(strstr(esp_error_message(), "node 3"));
  esp_error_clear();
  esp_tree_free(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair_once),
                                     cmocka_unit_test(another_rule),
                                     cmocka_unit_test(coincident_particles_are_all_near),
                                     cmocka_unit_test(work_grows_slowly),
                                     cmocka_unit_test(ladder_is_fine_and_near_pairs_fall),
                                     cmocka_unit_test(hash_sees_every_change),
                                     cmocka_unit_test(a_missing_child_is_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that the cost of a cut, counted from the lists of a domain over ranks, is what a count over all parts, leaves
 * and members gives; that the tree's own cut has the halo of a real domain; and that Zoltan's cuts cut. */
#include "case.h"

#include "domain/domain.h"
#include "domain/partition.h"
#include "domain/partition_zoltan.h"

enum { CUT_RANDOM, CUT_SLABS, CUT_ONE, CUT_TREE, CUTS };

static const esp_domain_param small = {.leaf = 4, .block = 16, .dim = 3, .lists = {.theta = 0.8}};

/* Parts from ids alone, so that every rank gives a particle the same one. */
static void cut(int kind, const esp_domain *dom, int parts, int *part) {
  if (kind == CUT_TREE) return esp_partition_tree(dom, parts, part);
  for (int s = 0; s < dom->n_own; s++) {
    const uint64_t id = (uint64_t)(dom->id[s] + 500000);
    part[s] = kind == CUT_RANDOM ? (int)(case_bits(id) % (uint64_t)parts) : parts - 1;
    if (kind == CUT_SLABS) part[s] = (int)((dom->tree.slot_first + s) * 3 / 7 * parts / (dom->n * 3 / 7 + 1));
  }
}

static void note_leaf(const esp_tree *tree, int row, const int *part, int q, char *needed, esp_partition_load *load) {
  if (needed[row]) return;
  needed[row] = 1;
  for (int k = 0; k < tree->part_count[row]; k++) load->halo_particles += part[tree->part_first[row] + k] != q;
}

static void note_cell(const esp_tree *tree, int row, const int *part, int q, char *accepted, esp_partition_load *load) {
  int foreign = 0;
  if (accepted[row]) return;
  accepted[row] = 1;
  for (int k = 0; k < tree->part_count[row]; k++) foreign |= part[tree->part_first[row] + k] != q;
  load->halo_cells += foreign;
}

/* One part at a time, receiver by receiver, on a one-rank domain. */
static void oracle(const esp_domain *self, int q, const int *part, const int *receiver_part, esp_partition_load *load) {
  const esp_tree *tree = &self->tree;
  const esp_lists *lists = &self->lists;
  char *needed = calloc((size_t)tree->row_count, 1), *accepted = calloc((size_t)tree->row_count, 1);
  memset(load, 0, sizeof *load);
  for (int i = 0; i < self->n_own; i++) {
    if (receiver_part[i] != q) continue;
    const int b = (int)esp_shape_find(&tree->shape, tree->shape.block_level, i);
    load->particles++;
    for (int row = tree->level_row[tree->shape.depth]; row < tree->own_rows && !self->queries; row++)
      if (tree->heap[row] >> (tree->shape.depth - tree->shape.block_level) ==
          ((int64_t)1 << tree->shape.block_level) + b) {
        note_leaf(tree, row, part, q, needed, load);
        load->near_pairs += tree->part_count[row];
      }
    load->near_pairs -= !self->queries;
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++) {
      note_leaf(tree, lists->near[e], part, q, needed, load);
      load->near_pairs += tree->part_count[lists->near[e]];
    }
    for (int64_t e = lists->far_start[b]; e < lists->far_start[b + 1]; e++, load->far_pairs++)
      note_cell(tree, lists->far[e], part, q, accepted, load);
  }
  free(needed);
  free(accepted);
}

static void same_load(const esp_partition_load *a, const esp_partition_load *b) {
  assert_int_equal(a->particles, b->particles);
  assert_int_equal(a->near_pairs, b->near_pairs);
  assert_int_equal(a->far_pairs, b->far_pairs);
  assert_int_equal(a->halo_particles, b->halo_particles);
  assert_int_equal(a->halo_cells, b->halo_cells);
}

static void compare(const cloud *c, const esp_domain_param *param, int kind, int parts) {
  esp_domain *dom = NULL, *self = NULL;
  assert_int_equal(esp_domain_build_self(esp_comm_self(), param, c->n, c->z, NULL, c->id, &self), ESP_OK);
  assert_int_equal(esp_domain_build_mpi(comm, param, c->n_home, c->home_z, NULL, c->home_id, &dom), ESP_OK);
  int *part = calloc((size_t)dom->n_own + 1, sizeof *part), *whole = calloc((size_t)c->n + 1, sizeof *whole);
  esp_partition_load *load = calloc((size_t)parts, sizeof *load), wanted, *again = calloc((size_t)parts, sizeof *load);
  cut(kind, dom, parts, part);
  cut(kind, self, parts, whole);
  assert_int_equal(esp_partition_count(dom, parts, part, NULL, load), ESP_OK);
  assert_int_equal(esp_partition_count(self, parts, whole, NULL, again), ESP_OK);
  for (int q = 0; q < parts; q++) {
    same_load(&load[q], &again[q]);
    /* the slow count of some parts, on different ranks */
    if (parts > 8 && q % (parts / 8) != comm->rank) continue;
    oracle(self, q, whole, whole, &wanted);
    same_load(&load[q], &wanted);
  }
  free(again);
  free(load);
  free(whole);
  free(part);
  esp_domain_free(&dom);
  esp_domain_free(&self);
}

/* Receivers with keys of their own: the senders' places, mirrored. Parts by id for both, or each tree's own. */
static void compare_two_trees(const cloud *c, int kind, int parts) {
  esp_domain *dom[2] = {NULL};
  int *part[2], *receiver_part[2];
  esp_partition_load *load[2], wanted;
  for (int k = 0; k < 2; k++) { /* over the ranks, and on one */
    const int n = k ? c->n : c->n_home;
    const double *z = k ? c->z : c->home_z;
    double *query = malloc(sizeof *query * (size_t)(n * c->dim + 1));
    for (int e = 0; e < n * c->dim; e++) query[e] = e % 2 ? 1 - z[e] : z[e] * z[e];
    if (k)
      assert_int_equal(esp_domain_build_self(esp_comm_self(), &small, n, z, query, c->id, &dom[k]), ESP_OK);
    else
      assert_int_equal(esp_domain_build_mpi(comm, &small, n, z, query, c->home_id, &dom[k]), ESP_OK);
    part[k] = calloc((size_t)dom[k]->n_own + 1, sizeof(int));
    receiver_part[k] = calloc((size_t)dom[k]->n_own + 1, sizeof(int));
    load[k] = calloc((size_t)parts, sizeof *load[k]);
    cut(kind, dom[k], parts, part[k]);
    if (kind == CUT_TREE)
      esp_partition_tree(dom[k], parts, receiver_part[k]);
    else {
      int *home = calloc((size_t)n + 1, sizeof *home);
      assert_int_equal(dom[k]->ops->to_home(dom[k], sizeof *home, part[k], home), ESP_OK);
      assert_int_equal(dom[k]->ops->to_receivers(dom[k], sizeof *home, home, receiver_part[k]), ESP_OK);
      free(home);
    }
    assert_int_equal(esp_partition_count(dom[k], parts, part[k], NULL, load[k]), ESP_ERR_ARG);
    esp_error_clear();
    assert_int_equal(esp_partition_count(dom[k], parts, part[k], receiver_part[k], load[k]), ESP_OK);
    free(query);
  }
  for (int q = 0; q < parts; q++) {
    same_load(&load[0][q], &load[1][q]);
    oracle(dom[1], q, part[1], receiver_part[1], &wanted);
    same_load(&load[1][q], &wanted);
  }
  for (int k = 0; k < 2; k++) {
    free(part[k]);
    free(receiver_part[k]);
    free(load[k]);
    esp_domain_free(&dom[k]);
  }
}

static void two_trees(void **state) {
  (void)state;
  static const int sizes[] = {0, 1, 17, 400};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int kind = 0; kind < CUTS; kind++) {
      cloud c = cloud_make(sizes[k], 3, KEYS_BALL, (int)k % SHARE_KINDS);
      compare_two_trees(&c, kind, 1);
      compare_two_trees(&c, kind, 6);
      cloud_free(&c);
    }
}

static void degenerate(void **state) {
  (void)state;
  static const int sizes[] = {0, 1, 2, 5, 17};
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int kind = 0; kind < CUTS; kind++) {
      cloud c = cloud_make(sizes[k], 3, k % 2 ? KEYS_POINT : KEYS_BALL, (int)k % SHARE_KINDS);
      compare(&c, &small, kind, 1);
      compare(&c, &small, kind, 6);
      cloud_free(&c);
    }
}

static void any_cut_is_counted(void **state) {
  (void)state;
  static const int parts[] = {1, 2, 5, 64, 65, 150};
  cloud c = cloud_make(500, 3, KEYS_PLUMMER, SHARE_CYCLIC);
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
    for (int kind = 0; kind < CUTS; kind++) compare(&c, &small, kind, parts[k]);
  cloud_free(&c);
}

static void lists_of_all_kinds(void **state) {
  (void)state;
  for (int k = 0; k < 3; k++) {
    esp_domain_param param = small;
    cloud c = cloud_make(403, k == 2 ? 2 : 3, KEYS_BALL, SHARE_EVEN);
    param.dim = c.dim;
    if (k == 0) param.lists.theta = 0; /* all pairs */
    if (k == 1) param.lists.box[0] = param.lists.box[2] = 1;
    if (k == 2) param.leaf = param.block = 1; /* empty leaves and blocks */
    if (k == 2) param.lists.theta = 2;
    for (int kind = 0; kind < CUTS; kind++) compare(&c, &param, kind, 7);
    cloud_free(&c);
  }
}

static int64_t accepted_tops(const esp_domain *dom) {
  const esp_tree *tree = &dom->tree;
  const esp_lists *lists = &dom->lists;
  int64_t count = 0;
  for (int row = tree->own_rows; row < tree->own_rows + tree->top_rows; row++) {
    int seen = 0;
    for (int64_t e = 0; e < lists->far_start[lists->n_block]; e++) seen |= lists->far[e] == row;
    count += seen;
  }
  return count;
}

/* as many parts as ranks: part r is rank r */
static void tree_cut_is_the_domain(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_KINDS; kind++)
    for (int t = 0; t < 2; t++) {
      esp_domain_param param = small;
      param.lists.theta = t ? 1.5 : 0.6;
      cloud c = cloud_make(1000, 3, kind, SHARE_CYCLIC);
      esp_domain *dom = NULL;
      assert_int_equal(esp_domain_build_mpi(comm, &param, c.n_home, c.home_z, NULL, c.home_id, &dom), ESP_OK);
      int *part = calloc((size_t)dom->n_own + 1, sizeof *part);
      esp_partition_load *load = calloc((size_t)comm->size, sizeof *load), *mine = &load[comm->rank];
      esp_partition_tree(dom, comm->size, part);
      assert_int_equal(esp_partition_count(dom, comm->size, part, NULL, load), ESP_OK);
      assert_int_equal(mine->particles, dom->n_own);
      assert_int_equal(mine->near_pairs, dom->lists.near_pairs);
      assert_int_equal(mine->far_pairs, dom->lists.far_pairs);
      assert_int_equal(mine->halo_particles, dom->n_ghost);
      assert_int_equal(mine->halo_cells, dom->stats.ghost_cells + accepted_tops(dom));
      free(load);
      free(part);
      esp_domain_free(&dom);
      cloud_free(&c);
    }
}

static void zoltan_cuts(void **state) {
  (void)state;
  static const char *const methods[] = {"RCB", "HSFC"};
  if (!esp_partition_zoltan_built()) return;
  for (int run = 0; run < 12; run++) {
    const int n = run < 8 ? 2000 : 3 * (run - 8), parts = run % 2 ? 7 : 16;
    cloud c = cloud_make(n, 3, run < 4 ? KEYS_BALL : KEYS_PLUMMER, run % SHARE_KINDS);
    int *part = malloc(sizeof *part * (size_t)(c.n_home + 1));
    int64_t count[16] = {0};
    for (int i = 0; i < c.n_home; i++) part[i] = -1;
    assert_int_equal(esp_partition_zoltan(comm, methods[run / 2 % 2], parts, 3, c.n_home, c.home_z, part), ESP_OK);
    for (int i = 0; i < c.n_home; i++) {
      assert_in_range(part[i], 0, parts - 1);
      count[part[i]]++;
    }
    assert_int_equal(comm->sum_i64(comm, count, 16), ESP_OK);
    for (int q = 0; q < parts && n == 2000; q++) assert_in_range(count[q], n / parts * 9 / 10, n / parts * 11 / 10);
    free(part);
    cloud_free(&c);
  }
}

static void summary(void **state) {
  (void)state;
  const esp_partition_load load[4] = {{10, 100, 100, 5, 0}, {20, 0, 0, 0, 1}, {10, 400, 0, 1, 2}, {0}};
  esp_partition_cost cost;
  esp_partition_summary(4, load, 32, 80, &cost);
  assert_true(cost.imbalance_pairs == 400.0 * 4 / 800);
  assert_true(cost.imbalance_particles == 2);
  assert_true(cost.particles_mean == 1.5 && cost.particles_max == 5);
  assert_true(cost.cells_mean == 0.75 && cost.cells_max == 2);
  assert_true(cost.bytes_mean == 32 * 1.5 + 80 * 0.75 && cost.bytes_max == 192);
  const esp_partition_load nothing = {0};
  esp_partition_summary(1, &nothing, 32, 80, &cost);
  assert_true(cost.imbalance_pairs == 1 && cost.imbalance_particles == 1 && cost.bytes_max == 0);
}

static void wrong_parts(void **state) {
  (void)state;
  cloud c = cloud_make(200, 3, KEYS_BALL, SHARE_EVEN);
  esp_domain *dom = NULL;
  esp_partition_load load[3];
  assert_int_equal(esp_domain_build_mpi(comm, &small, c.n_home, c.home_z, NULL, c.home_id, &dom), ESP_OK);
  int *part = calloc((size_t)dom->n_own + 1, sizeof *part);
  /* on one rank only: the error is everybody's */
  if (comm->rank == comm->size - 1) part[0] = 3;
  assert_int_equal(esp_partition_count(dom, 3, part, NULL, load), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "has part 3; must be in [0, 3)"));
  assert_int_equal(esp_partition_count(dom, 0, part, NULL, load), ESP_ERR_ARG);
  assert_int_equal(esp_partition_zoltan(comm, "RCB", 0, 3, 0, NULL, part), ESP_ERR_ARG);
  free(part);
  esp_domain_free(&dom);
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(degenerate), cmocka_unit_test(any_cut_is_counted), cmocka_unit_test(lists_of_all_kinds),
          cmocka_unit_test(two_trees), cmocka_unit_test(tree_cut_is_the_domain), cmocka_unit_test(zoltan_cuts),
          cmocka_unit_test(summary), cmocka_unit_test(wrong_parts))

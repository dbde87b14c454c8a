/* A domain over ranks beside the one that one rank builds of the whole cloud: order, centres, lists, transpose, theta,
 * and what the transfers deliver. With keys of the receivers' own, and places that are not
 * the keys, where the cloud has them. */
#ifndef TEST_MPI_DOMAIN_CASE_H
#define TEST_MPI_DOMAIN_CASE_H

#include "case.h"

#include "domain/domain.h"

static inline esp_domain_param param_of(int dim, double theta) {
  return (esp_domain_param){.leaf = 8, .block = 32, .dim = dim, .lists = {.theta = theta}};
}

static inline void same_tree(const esp_tree *tree, const esp_tree *whole) {
  const size_t dim = (size_t)tree->dim;
  assert_int_equal(tree->shape.depth, whole->shape.depth);
  for (int row = 0; row < tree->row_count; row++) {
    const size_t at = (size_t)tree->heap[row] - 1;
    assert_int_equal(tree->part_count[row], whole->part_count[at]);
    assert_memory_equal(tree->centre + (size_t)row * dim, whole->centre + at * dim, dim * sizeof(double));
    assert_memory_equal(tree->radius + row, whole->radius + at, sizeof(double));
    for (int c = 0; c < 2; c++)
      if (tree->child[2 * row + c] >= 0)
        assert_int_equal(tree->heap[tree->child[2 * row + c]], 2 * tree->heap[row] + c);
  }
}

/* Ids in the order of the receivers' slots: the caller's. */
static inline int64_t *receiver_ids(esp_domain *dom, const int64_t *home_id) {
  int64_t *id = calloc((size_t)dom->n_own + 1, sizeof *id);
  assert_int_equal(dom->ops->to_receivers(dom, sizeof *id, home_id, id), ESP_OK);
  return id;
}

static inline void same_trees(esp_domain *dom, esp_domain *self, const cloud *c) {
  const size_t bytes = sizeof *dom->id * (size_t)dom->n_own;
  assert_int_equal(dom->n, self->n);
  assert_int_equal(sum_over_ranks(dom->n_own), self->n);
  assert_memory_equal(dom->id, self->id + dom->tree.slot_first, bytes);
  same_tree(&dom->tree, &self->tree);
  assert_int_equal(dom->queries != NULL, c->q != NULL);
  if (!dom->queries) return;
  assert_int_equal(dom->queries->own_rows, dom->tree.own_rows);
  assert_int_equal(dom->queries->row_count, dom->queries->own_rows);
  assert_int_equal(dom->queries->slot_first, dom->tree.slot_first);
  same_tree(dom->queries, self->queries);
  int64_t *mine = receiver_ids(dom, c->home_id), *whole = receiver_ids(self, c->id);
  assert_memory_equal(mine, whole + dom->tree.slot_first, bytes);
  free(mine);
  free(whole);
}

static inline void same_lists(const esp_domain *dom, const esp_domain *self) {
  assert_true(dom->param.lists.theta == self->param.lists.theta);
  assert_int_equal(sum_over_ranks(dom->lists.near_pairs), self->lists.near_pairs);
  assert_int_equal(sum_over_ranks(dom->lists.far_pairs), self->lists.far_pairs);
  assert_int_equal(sum_over_ranks((int64_t)esp_lists_hash(&dom->tree, &dom->lists)),
                   (int64_t)esp_lists_hash(&self->tree, &self->lists));
  assert_int_equal(sum_over_ranks((int64_t)esp_lists_sender_hash(&dom->tree, &dom->lists)),
                   (int64_t)esp_lists_sender_hash(&self->tree, &self->lists));
}

static inline void fill_row(char *row, size_t unit, int64_t name) {
  for (size_t b = 0; b < unit; b++) row[b] = (char)case_bits((uint64_t)name * 131 + b / 8 * 7 + b);
}

static inline void is_row(const char *row, size_t unit, int64_t name) {
  char wanted[128];
  fill_row(wanted, unit, name);
  assert_memory_equal(row, wanted, unit);
}

static inline void round_trip(esp_domain *dom, const cloud *c, size_t unit) {
  char *home = calloc((size_t)c->n_home + 1, unit), *slots = calloc((size_t)dom->n_own + 1, unit);
  for (int i = 0; i < c->n_home; i++) fill_row(home + (size_t)i * unit, unit, c->home_id[i]);
  assert_int_equal(dom->ops->to_slots(dom, unit, home, slots), ESP_OK);
  for (int s = 0; s < dom->n_own; s++) is_row(slots + (size_t)s * unit, unit, dom->id[s]);
  memset(home, 0, (size_t)c->n_home * unit);
  assert_int_equal(dom->ops->to_home(dom, unit, slots, home), ESP_OK);
  for (int i = 0; i < c->n_home; i++) is_row(home + (size_t)i * unit, unit, c->home_id[i]);
  int64_t *receiver = receiver_ids(dom, c->home_id);
  memset(slots, 0, (size_t)dom->n_own * unit);
  assert_int_equal(dom->ops->to_receivers(dom, unit, home, slots), ESP_OK);
  for (int s = 0; s < dom->n_own; s++) is_row(slots + (size_t)s * unit, unit, receiver[s]);
  memset(home, 0, (size_t)c->n_home * unit);
  assert_int_equal(dom->ops->receivers_home(dom, unit, slots, home), ESP_OK);
  for (int i = 0; i < c->n_home; i++) is_row(home + (size_t)i * unit, unit, c->home_id[i]);
  free(receiver);
  free(home);
  free(slots);
}

static inline char *begun(esp_domain *dom, esp_halo_kind kind, size_t unit, const int64_t *name, int rows, int ghosts) {
  char *array = calloc((size_t)(rows + ghosts) + 1, unit);
  for (int r = 0; r < rows; r++) fill_row(array + (size_t)r * unit, unit, name[r]);
  assert_int_equal(dom->ops->halo_begin(dom, kind, unit, array), ESP_OK);
  return array;
}

/* All three under way together. */
static inline void halos(esp_domain *dom, esp_domain *self, const cloud *c, size_t unit) {
  const esp_tree *tree = &dom->tree;
  const esp_lists *lists = &dom->lists;
  const int tops = tree->own_rows + tree->top_rows;
  int64_t *mine = receiver_ids(dom, c->home_id), *whole = receiver_ids(self, c->id);
  char *source = begun(dom, ESP_HALO_SOURCES, unit, dom->id, dom->n_own, dom->n_ghost);
  char *receiver = begun(dom, ESP_HALO_RECEIVERS, unit, mine, dom->n_own, dom->n_receiver_ghost);
  char *cell = begun(dom, ESP_HALO_CELLS, unit, tree->heap, tree->own_rows, tree->row_count - tree->own_rows);
  assert_int_equal(dom->ops->halo_end(dom, ESP_HALO_SOURCES, unit, source), ESP_OK);
  assert_int_equal(dom->ops->halo_end(dom, ESP_HALO_RECEIVERS, unit, receiver), ESP_OK);
  assert_int_equal(dom->ops->halo_end(dom, ESP_HALO_CELLS, unit, cell), ESP_OK);
  for (int64_t e = 0; e < lists->near_start[lists->n_block]; e++) {
    const int row = lists->near[e], first = tree->part_first[row], slot = self->tree.part_first[tree->heap[row] - 1];
    assert_in_range(first, 0, dom->n_own + dom->n_ghost - tree->part_count[row]);
    for (int p = 0; p < tree->part_count[row]; p++)
      is_row(source + (size_t)(first + p) * unit, unit, self->id[slot + p]);
  }
  assert_int_equal(lists->ghost_first[lists->n_ghost_block], dom->n_own + dom->n_receiver_ghost);
  for (int g = 0; g < lists->n_ghost_block; g++) {
    const int64_t heap = ((int64_t)1 << tree->shape.block_level) + lists->ghost_block[g];
    const int slot = self->tree.part_first[heap - 1], first = lists->ghost_first[g];
    if (g) assert_true(lists->ghost_block[g] > lists->ghost_block[g - 1]);
    assert_int_equal(lists->ghost_first[g + 1] - first, self->tree.part_count[heap - 1]);
    for (int p = first; p < lists->ghost_first[g + 1]; p++)
      is_row(receiver + (size_t)p * unit, unit, whole[slot + p - first]);
  }
  for (int64_t e = 0; e < lists->far_start[lists->n_block]; e++)
    if (lists->far[e] < tree->own_rows || lists->far[e] >= tops)
      is_row(cell + (size_t)lists->far[e] * unit, unit, tree->heap[lists->far[e]]);
  for (int row = tree->own_rows; row < tops; row++)
    for (int side = 0; side < 2; side++) {
      const int child = tree->child[2 * row + side];
      if (child < tree->own_rows || child >= tops) is_row(cell + (size_t)child * unit, unit, tree->heap[child]);
    }
  free(source);
  free(receiver);
  free(cell);
  free(mine);
  free(whole);
}

static inline int64_t *push(const esp_domain *dom, int words) {
  const esp_lists *lists = &dom->lists;
  int64_t *acc = calloc((size_t)dom->tree.row_count * (size_t)words + 1, sizeof *acc);
  for (int b = 0; b < lists->n_block; b++)
    for (int64_t e = lists->far_start[b]; e < lists->far_start[b + 1]; e++)
      for (int w = 0; w < words; w++) {
        const int64_t heap = dom->tree.heap[lists->far[e]], block = dom->tree.block_first + b;
        acc[(int64_t)lists->far[e] * words + w] += (int64_t)(case_bits((uint64_t)(heap * 1009 + block * 7 + w)) >> 20);
      }
  return acc;
}

static inline void reduces(esp_domain *dom, const esp_domain *self, int words) {
  const esp_tree *tree = &dom->tree;
  int64_t *acc = push(dom, words), *whole = push(self, words);
  int64_t *zero = calloc((size_t)words, sizeof *zero);
  const size_t bytes = (size_t)words * sizeof *acc;
  assert_int_equal(dom->ops->cells_reduce(dom, words, acc), ESP_OK);
  for (int row = 0; row < tree->own_rows + tree->top_rows; row++)
    assert_memory_equal(acc + (int64_t)row * words, whole + (tree->heap[row] - 1) * words, bytes);
  for (int row = tree->own_rows + tree->top_rows; row < tree->row_count; row++)
    assert_memory_equal(acc + (int64_t)row * words, zero, bytes);
  free(zero);
  free(whole);
  free(acc);
}

/* order: a permutation of the blocks; those that need a ghost come last. */
static inline void is_ordered(int blocks, const int *order, int interior, const char *needs) {
  char *seen = calloc((size_t)blocks + 1, 1);
  for (int i = 0; i < blocks; i++) {
    assert_int_equal(seen[order[i]]++, 0);
    assert_int_equal(needs[order[i]], i >= interior);
  }
  free(seen);
}

static inline void blocks_are_ordered(const esp_domain *dom) {
  const esp_lists *lists = &dom->lists;
  const int blocks = dom->tree.n_block, leaves = 1 << (dom->tree.shape.depth - dom->tree.shape.block_level);
  char *needs = calloc((size_t)blocks + 1, 1);
  for (int b = 0; b < blocks; b++)
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++)
      needs[b] |= lists->near[e] >= dom->tree.own_rows;
  is_ordered(blocks, dom->block_order, dom->n_interior, needs);
  memset(needs, 0, (size_t)blocks);
  for (int leaf = 0; leaf < lists->n_leaf; leaf++)
    for (int64_t e = lists->sender_start[leaf]; e < lists->sender_start[leaf + 1]; e++)
      needs[leaf / leaves] |= lists->sender[e] >= blocks;
  is_ordered(blocks, dom->sender_block_order, dom->n_sender_interior, needs);
  free(needs);
}

static inline void compare(const cloud *c, const esp_domain_param *param) {
  esp_domain *dom = NULL, *self = NULL;
  esp_domain_param whole = *param, mine = *param;
  whole.grower = NULL;
  whole.place_dim = mine.place_dim = c->lie;
  whole.place = c->at, whole.place_query = c->q_at, mine.place = c->home_at, mine.place_query = c->home_q_at;
  assert_int_equal(esp_domain_build_self(esp_comm_self(), &whole, c->n, c->z, c->q, c->id, &self), ESP_OK);
  const int rc = esp_domain_build_mpi(comm, &mine, c->n_home, c->home_z, c->home_q, c->home_id, &dom);
  if (rc) fail_msg("%s", esp_error_message());
  same_trees(dom, self, c);
  same_lists(dom, self);
  round_trip(dom, c, 8);
  round_trip(dom, c, 7);
  halos(dom, self, c, 32);
  halos(dom, self, c, 80);
  halos(dom, self, c, 7);
  reduces(dom, self, 72);
  reduces(dom, self, 1);
  blocks_are_ordered(dom);
  esp_domain_free(&dom);
  esp_domain_free(&self);
}

#endif

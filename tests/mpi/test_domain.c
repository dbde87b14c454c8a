/* Proves that a domain over ranks is the domain one rank would build: order, centres, lists, transpose, theta; that its
 * transfers deliver the owners' rows; and that errors are the same on all ranks.
 * ranks: 1 2 3 4 5 7 */
#include "case.h"

#include "domain/domain.h"

static esp_domain_param param_of(int dim, double theta) {
  return (esp_domain_param){.leaf = 8, .block = 32, .dim = dim, .lists = {.theta = theta}};
}

static void same_tree(const esp_domain *dom, const esp_domain *self) {
  const esp_tree *tree = &dom->tree, *whole = &self->tree;
  const size_t dim = (size_t)tree->dim;
  assert_int_equal(dom->n, self->n);
  assert_int_equal(tree->shape.depth, whole->shape.depth);
  assert_int_equal(sum_over_ranks(dom->n_own), self->n);
  assert_memory_equal(dom->id, self->id + tree->slot_first, sizeof *dom->id * (size_t)dom->n_own);
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

static void same_lists(const esp_domain *dom, const esp_domain *self) {
  assert_true(dom->param.lists.theta == self->param.lists.theta);
  assert_int_equal(sum_over_ranks(dom->lists.near_pairs), self->lists.near_pairs);
  assert_int_equal(sum_over_ranks(dom->lists.far_pairs), self->lists.far_pairs);
  assert_int_equal(sum_over_ranks((int64_t)esp_lists_hash(&dom->tree, &dom->lists)),
                   (int64_t)esp_lists_hash(&self->tree, &self->lists));
  assert_int_equal(sum_over_ranks((int64_t)esp_lists_sender_hash(&dom->tree, &dom->lists)),
                   (int64_t)esp_lists_sender_hash(&self->tree, &self->lists));
}

static void fill_row(char *row, size_t unit, int64_t name) {
  for (size_t b = 0; b < unit; b++) row[b] = (char)case_bits((uint64_t)name * 131 + b / 8 * 7 + b);
}

static void is_row(const char *row, size_t unit, int64_t name) {
  char wanted[128];
  fill_row(wanted, unit, name);
  assert_memory_equal(row, wanted, unit);
}

static void round_trip(esp_domain *dom, const cloud *c, size_t unit) {
  char *home = calloc((size_t)c->n_home + 1, unit), *slots = calloc((size_t)dom->n_own + 1, unit);
  for (int i = 0; i < c->n_home; i++) fill_row(home + (size_t)i * unit, unit, c->home_id[i]);
  assert_int_equal(dom->ops->to_slots(dom, unit, home, slots), ESP_OK);
  for (int s = 0; s < dom->n_own; s++) is_row(slots + (size_t)s * unit, unit, dom->id[s]);
  memset(home, 0, (size_t)c->n_home * unit);
  assert_int_equal(dom->ops->to_home(dom, unit, slots, home), ESP_OK);
  for (int i = 0; i < c->n_home; i++) is_row(home + (size_t)i * unit, unit, c->home_id[i]);
  free(home);
  free(slots);
}

static char *begun(esp_domain *dom, esp_halo_kind kind, size_t unit, int rows, int ghosts) {
  char *array = calloc((size_t)(rows + ghosts) + 1, unit);
  for (int r = 0; r < rows; r++)
    fill_row(array + (size_t)r * unit, unit, kind == ESP_HALO_CELLS ? dom->tree.heap[r] : dom->id[r]);
  assert_int_equal(dom->ops->halo_begin(dom, kind, unit, array), ESP_OK);
  return array;
}

/* All three under way together. */
static void halos(esp_domain *dom, const esp_domain *self, size_t unit) {
  const esp_tree *tree = &dom->tree;
  const esp_lists *lists = &dom->lists;
  const int tops = tree->own_rows + tree->top_rows;
  char *source = begun(dom, ESP_HALO_SOURCES, unit, dom->n_own, dom->n_ghost);
  char *receiver = begun(dom, ESP_HALO_RECEIVERS, unit, dom->n_own, dom->n_receiver_ghost);
  char *cell = begun(dom, ESP_HALO_CELLS, unit, tree->own_rows, tree->row_count - tree->own_rows);
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
      is_row(receiver + (size_t)p * unit, unit, self->id[slot + p - first]);
  }
  for (int64_t e = 0; e < lists->far_start[lists->n_block]; e++)
    if (lists->far[e] < tree->own_rows || lists->far[e] >= tops)
      is_row(cell + (size_t)lists->far[e] * unit, unit, tree->heap[lists->far[e]]);
  for (int row = tree->own_rows; row < tops; row++)
    for (int c = 0; c < 2; c++) {
      const int child = tree->child[2 * row + c];
      if (child < tree->own_rows || child >= tops) is_row(cell + (size_t)child * unit, unit, tree->heap[child]);
    }
  free(source);
  free(receiver);
  free(cell);
}

static int64_t *push(const esp_domain *dom, int words) {
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

static void reduces(esp_domain *dom, const esp_domain *self, int words) {
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

static void blocks_are_ordered(const esp_domain *dom) {
  const esp_lists *lists = &dom->lists;
  char *seen = calloc((size_t)dom->tree.n_block + 1, 1);
  for (int i = 0; i < dom->tree.n_block; i++) {
    const int b = dom->block_order[i];
    int ghosts = 0;
    assert_int_equal(seen[b]++, 0);
    for (int64_t e = lists->near_start[b]; e < lists->near_start[b + 1]; e++)
      ghosts += lists->near[e] >= dom->tree.own_rows;
    assert_int_equal(ghosts > 0, i >= dom->n_interior);
  }
  free(seen);
}

static void compare(const cloud *c, const esp_domain_param *param) {
  esp_domain *dom = NULL, *self = NULL;
  assert_int_equal(esp_domain_build_self(esp_comm_self(), param, c->n, c->z, NULL, c->id, &self), ESP_OK);
  const int rc = esp_domain_build_mpi(comm, param, c->n_home, c->home_z, NULL, c->home_id, &dom);
  if (rc) fail_msg("%s", esp_error_message());
  same_tree(dom, self);
  same_lists(dom, self);
  round_trip(dom, c, 8);
  round_trip(dom, c, 7);
  halos(dom, self, 32);
  halos(dom, self, 80);
  halos(dom, self, 7);
  reduces(dom, self, 72);
  reduces(dom, self, 1);
  blocks_are_ordered(dom);
  esp_domain_free(&dom);
  esp_domain_free(&self);
}

static void degenerate(void **state) {
  (void)state;
  const int sizes[] = {0, 1, 2, 3, 5, 9, 33};
  for (int s = 0; s < 7; s++)
    for (int kind = 0; kind < KEYS_KINDS; kind++) {
      cloud c = cloud_make(sizes[s], 3, kind, (s + kind) % SHARE_KINDS);
      esp_domain_param param = param_of(3, 0.7);
      compare(&c, &param);
      param.leaf = param.block = 1;
      compare(&c, &param);
      cloud_free(&c);
    }
}

static void any_share(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_KINDS; kind++)
    for (int share = 0; share < SHARE_KINDS; share++) {
      cloud c = cloud_make(1100 + 37 * kind, 3, kind, share);
      esp_domain_param param = param_of(3, 0.7);
      if (kind != KEYS_POINT) compare(&c, &param);
      param.lists.theta = 0;
      if (share == SHARE_CYCLIC) compare(&c, &param);
      cloud_free(&c);
    }
}

static void any_theta(void **state) {
  (void)state;
  const double theta[] = {0.3, 0.5, 1, 1.9};
  for (int t = 0; t < 4; t++) {
    cloud c = cloud_make(2000, 2 + t % 2, KEYS_PLUMMER, SHARE_EVEN);
    esp_domain_param param = param_of(c.dim, theta[t]);
    param.block = t % 2 ? 8 : 64;
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void any_dimension(void **state) {
  (void)state;
  const int dims[] = {1, 8, 16};
  for (int d = 0; d < 3; d++) {
    cloud c = cloud_make(700, dims[d], KEYS_BALL, SHARE_CYCLIC);
    esp_domain_param param = param_of(c.dim, 1.5);
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void periodic(void **state) {
  (void)state;
  for (int kind = 0; kind < KEYS_POINT; kind++) {
    cloud c = cloud_make(1500, 3, kind, SHARE_CYCLIC);
    esp_domain_param param = param_of(3, 0.8);
    for (int a = 0; a < 3; a++) param.lists.box[a] = a == kind ? 0 : 1;
    compare(&c, &param);
    param.lists.theta = 1.2;
    for (int a = 0; a < 3; a++) param.lists.box[a] = 1;
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void budget(void **state) {
  (void)state;
  const int64_t pairs[] = {1, 60, 150, 400, 100000};
  for (int p = 0; p < 5; p++) {
    cloud c = cloud_make(1800, 3, p % 2 ? KEYS_PLUMMER : KEYS_BALL, SHARE_EVEN);
    esp_domain_param param = param_of(3, 0);
    param.lists.pairs_per_particle = pairs[p];
    compare(&c, &param);
    cloud_free(&c);
  }
}

static void fails(const cloud *c, const esp_domain_param *param, int code, const char *word) {
  esp_domain *dom = NULL;
  esp_error_clear();
  assert_int_equal(esp_domain_build_mpi(comm, param, c->n_home, c->home_z, NULL, c->home_id, &dom), code);
  assert_null(dom);
  if (!strstr(esp_error_message(), word)) fail_msg("no '%s' in: %s", word, esp_error_message());
  esp_error_clear();
}

static void errors(void **state) {
  (void)state;
  esp_domain_param param = param_of(3, 0.7);
  cloud c = cloud_make(400, 3, KEYS_BALL, SHARE_EVEN);
  const int last = comm->rank == comm->size - 1;
  const int64_t kept = c.home_id[0];
  if (last) c.home_id[0] = c.id[1] == kept ? c.id[2] : c.id[1];
  fails(&c, &param, ESP_ERR_VALUE, "id");
  if (last) c.home_id[0] = kept;
  const double key = c.home_z[4];
  if (last) c.home_z[4] = NAN;
  fails(&c, &param, ESP_ERR_VALUE, "axis 1");
  if (last) c.home_z[4] = key;
  param.lists.theta = -1;
  fails(&c, &param, ESP_ERR_CONFIG, "theta");
  param.lists.theta = 0.7;
  param.lists.pairs_limit = 5;
  fails(&c, &param, ESP_ERR_LIMIT, "pairs");
  cloud_free(&c);
  c = cloud_make(400, 3, KEYS_POINT, SHARE_CYCLIC);
  fails(&c, &param, ESP_ERR_LIMIT, "share one point");
  cloud_free(&c);
}

CASE_MAIN(cmocka_unit_test(degenerate), cmocka_unit_test(any_share), cmocka_unit_test(any_theta),
          cmocka_unit_test(any_dimension), cmocka_unit_test(periodic), cmocka_unit_test(budget),
          cmocka_unit_test(errors))

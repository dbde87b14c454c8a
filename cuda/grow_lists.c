/* Near and far lists by the device: the tree is put there, the lists come back. */
#include <string.h>

#include "cuda/grow.h"
#include "cuda/memory.h"
#include "cuda/walk.h"

typedef struct {
  esp_cuda_walk w;
  void *memory;           /* of the walk's arrays: one piece */
  esp_cuda_walked *there; /* [blocks] */
  esp_cuda_walked *found; /* the same here */
} walker;

static void walker_free(walker *k) {
  esp_cuda_free(&k->memory);
  esp_cuda_free((void **)&k->there);
  ESP_FREE(k->found);
}

static void fill_node(const esp_tree *tree, int row, esp_cuda_node *node, double *centre) {
  *node = (esp_cuda_node){.heap = tree->heap[row],
                          .radius = tree->radius[row],
                          .left = tree->child[2 * row],
                          .right = tree->child[2 * row + 1],
                          .count = tree->part_count[row]};
  memcpy(centre, tree->centre + (size_t)row * (size_t)tree->dim, (size_t)tree->dim * sizeof *centre);
}

/* Nodes, then centres, of all rows and of the receivers' blocks. */
static int walker_put(const esp_tree *tree, const esp_tree *receivers, walker *k) {
  const size_t rows = (size_t)tree->row_count, all = rows + (size_t)tree->n_block, dim = (size_t)tree->dim;
  const size_t bytes = all * (sizeof(esp_cuda_node) + dim * sizeof(double));
  int rc = ESP_OK;
  char *host = NULL;
  ESP_TRY(ESP_ALLOC(host, bytes));
  esp_cuda_node *node = (esp_cuda_node *)host;
  double *centre = (double *)(host + all * sizeof *node);
  for (size_t row = 0; row < rows; row++) fill_node(tree, (int)row, node + row, centre + row * dim);
  for (size_t at = rows; at < all; at++)
    fill_node(receivers, esp_tree_block_row(receivers, (int)(at - rows)), node + at, centre + at * dim);
  ESP_TRY(esp_cuda_alloc(&k->memory, bytes));
  ESP_TRY(esp_cuda_put(k->memory, host, bytes));
  k->w.node = k->memory;
  k->w.block = k->w.node + rows;
  k->w.centre = (const double *)(k->w.node + all);
  k->w.block_centre = k->w.centre + rows * dim;
done:
  ESP_FREE(host);
  return rc;
}

/* What each block's walk finds, in k->found. */
static int walker_make(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
                       walker *k) {
  const esp_tree *receivers = queries ? queries : tree;
  const size_t bytes = (size_t)tree->n_block * sizeof *k->found;
  int rc = ESP_OK;
  *k = (walker){0};
  esp_cuda_walk *w = &k->w;
  w->dim = tree->dim, w->depth = tree->shape.depth, w->root = esp_tree_root(tree), w->blocks = tree->n_block;
  w->apart = queries != NULL, w->ruled = param->rule != NULL, w->theta = theta, w->number = param->rule_number;
  memcpy(w->box, param->box, sizeof w->box);
  for (int a = 0; a < tree->dim; a++) w->periodic |= param->box[a] > 0;
  ESP_NEED(w->root >= 0 || tree->n_block == 0, ESP_ERR_INTERNAL, "the tree's root is not held");
  ESP_NEED(receivers->n_block == tree->n_block && receivers->dim == tree->dim, ESP_ERR_ARG,
           "the receivers' tree has %d blocks in %d dimensions, the senders' %d in %d; they must be alike",
           receivers->n_block, receivers->dim, tree->n_block, tree->dim);
  ESP_TRY(ESP_ALLOC(k->found, tree->n_block));
  ESP_TRY(walker_put(tree, receivers, k));
  ESP_TRY(esp_cuda_alloc((void **)&k->there, bytes));
  ESP_TRY(esp_cuda_walk_count(w, k->there));
  ESP_TRY(esp_cuda_get(k->found, k->there, bytes));
done:
  if (rc) walker_free(k);
  return rc;
}

static int check_block(const esp_tree *receivers, int block, const esp_cuda_walked *found) {
  ESP_CHECK(!found->trouble, ESP_ERR_INTERNAL,
            "the walk of block %lld must open node %lld, whose children are not held",
            (long long)receivers->heap[esp_tree_block_row(receivers, block)], (long long)found->trouble);
  return ESP_OK;
}

static int64_t block_pairs(const esp_tree *receivers, const walker *k, int block) {
  const int64_t m = receivers->part_count[esp_tree_block_row(receivers, block)];
  return m * (k->found[block].particles + (k->w.apart ? 0 : m - 1));
}

/* The places of all blocks' lists, and the counts of pairs. */
static int add_up(const esp_tree *receivers, const walker *k, esp_lists *lists) {
  for (int b = 0; b < k->w.blocks; b++) {
    const int64_t m = receivers->part_count[esp_tree_block_row(receivers, b)];
    ESP_CALL(check_block(receivers, b, k->found + b));
    lists->near_start[b + 1] = lists->near_start[b] + k->found[b].near;
    lists->far_start[b + 1] = lists->far_start[b] + k->found[b].far;
    if (m > 0) lists->near_pairs += block_pairs(receivers, k, b);
    lists->far_pairs += k->found[b].far * m;
  }
  return ESP_OK;
}

/* Entries of both lists, in one piece of the device's memory. */
static int fill(const walker *k, esp_lists *lists) {
  const size_t blocks = (size_t)k->w.blocks, starts = blocks * sizeof(int64_t);
  const size_t near = (size_t)lists->near_start[blocks], far = (size_t)lists->far_start[blocks];
  int rc = ESP_OK;
  void *memory = NULL;
  ESP_TRY(esp_cuda_alloc(&memory, 2 * starts + (near + far) * sizeof(int)));
  int64_t *start = memory;
  int *to = (int *)(start + 2 * blocks);
  ESP_TRY(esp_cuda_put(start, lists->near_start, starts));
  ESP_TRY(esp_cuda_put(start + blocks, lists->far_start, starts));
  ESP_TRY(esp_cuda_walk_fill(&k->w, start, start + blocks, to, to + near));
  ESP_TRY(esp_cuda_get(lists->near, to, near * sizeof *to));
  ESP_TRY(esp_cuda_get(lists->far, to + near, far * sizeof *to));
done:
  esp_cuda_free(&memory);
  return rc;
}

int esp_cuda_lists_walk(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, esp_lists *lists) {
  const esp_tree *receivers = queries ? queries : tree;
  int rc = ESP_OK;
  walker k;
  if (param->rule && param->rule != &esp_rule_size) return esp_lists_walk(tree, queries, param, lists);
  *lists = (esp_lists){.n_block = tree->n_block};
  ESP_CALL(walker_make(tree, queries, param, param->theta, &k));
  ESP_TRY(ESP_ALLOC(lists->near_start, tree->n_block + 1));
  ESP_TRY(ESP_ALLOC(lists->far_start, tree->n_block + 1));
  ESP_TRY(add_up(receivers, &k, lists));
  ESP_TRY(ESP_ALLOC(lists->near, lists->near_start[tree->n_block]));
  ESP_TRY(ESP_ALLOC(lists->far, lists->far_start[tree->n_block]));
  ESP_TRY(fill(&k, lists));
done:
  walker_free(&k);
  if (rc) esp_lists_free(lists);
  return rc;
}

int esp_cuda_lists_count(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
                         int64_t *near_pairs) {
  const esp_tree *receivers = queries ? queries : tree;
  const __int128 limit = param->pairs_limit > 0 ? (__int128)param->pairs_limit * tree->shape.n : INT64_MAX;
  int rc = ESP_OK;
  walker k;
  if (param->rule && param->rule != &esp_rule_size) return esp_lists_count(tree, queries, param, theta, near_pairs);
  ESP_CALL(walker_make(tree, queries, param, theta, &k));
  *near_pairs = 0;
  for (int b = 0; b < tree->n_block && *near_pairs <= limit; b++) { /* it ends where the CPU's does */
    ESP_TRY(check_block(receivers, b, k.found + b));
    if (receivers->part_count[esp_tree_block_row(receivers, b)] > 0) *near_pairs += block_pairs(receivers, &k, b);
  }
done:
  walker_free(&k);
  return rc;
}

#include "net/split_gradient.h"

#include <math.h>
#include <string.h>

enum { MOST_LEVELS = 24 };

/* ---- the soft sides ---- */

static int node_count(int levels) {
  return (1 << levels) - 1;
}

/* limit [4][nodes]: largest score on the left, minus the smallest on the right, largest, minus the smallest of all. */
static void find_limits(const esp_domain *dom, const double *key, int stride, const esp_split_soft *soft,
                        double *limit) {
  const esp_shape *shape = &dom->tree.shape;
  const int nodes = node_count(soft->levels);
  for (int m = 0; m < 4 * nodes; m++) limit[m] = -INFINITY;
  for (int level = 0; level < soft->levels; level++) {
    int64_t k = 0, end = -1, child_end = -1;
    for (int s = 0; s < dom->n_own; s++) {
      const int64_t slot = dom->tree.slot_first + s;
      if (slot >= end) {
        int64_t first, count;
        k = esp_shape_find(shape, level, slot);
        esp_shape_node(shape, level, k, &first, &count);
        end = first + count;
        child_end = first + count / 2;
      }
      const int m = (1 << level) - 1 + (int)k;
      const double x =
          esp_split_score(soft->dim, soft->normal + (size_t)m * (size_t)soft->dim, key + (size_t)s * (size_t)stride);
      double *side = &limit[(slot < child_end ? 0 : nodes) + m];
      const double seen = slot < child_end ? x : -x;
      if (seen > *side) *side = seen;
      if (x > limit[2 * nodes + m]) limit[2 * nodes + m] = x;
      if (-x > limit[3 * nodes + m]) limit[3 * nodes + m] = -x;
    }
  }
}

int esp_split_soft_make(const esp_domain *dom, const double *key, int stride, esp_split_soft *soft) {
  int rc = ESP_OK;
  double *limit = NULL;
  const esp_split_rule *rule = &dom->param.split;
  int levels = esp_imin(rule->levels, dom->tree.shape.block_level);
  if (levels > MOST_LEVELS) levels = MOST_LEVELS;
  *soft = (esp_split_soft){.levels = levels, .dim = dom->param.dim, .normal = rule->normal};
  const int nodes = node_count(levels);
  rc = ESP_ALLOC(limit, 4 * (size_t)nodes);
  if (!rc) rc = ESP_ALLOC(soft->middle, nodes);
  if (!rc) rc = ESP_ALLOC(soft->tau, nodes);
  ESP_TRY(dom->comm->agree(dom->comm, rc));
  find_limits(dom, key, stride, soft, limit);
  ESP_TRY(dom->comm->max_f64(dom->comm, limit, 4 * (size_t)nodes));
  for (int m = 0; m < nodes; m++) {
    soft->middle[m] = 0.5 * (limit[m] - limit[nodes + m]);
    soft->tau[m] = ESP_SPLIT_SOFTNESS * (limit[2 * nodes + m] + limit[3 * nodes + m]);
    if (!(soft->tau[m] > 0) || !isfinite(soft->middle[m])) soft->tau[m] = soft->middle[m] = 0; /* no spread, or empty */
  }
done:
  ESP_FREE(limit);
  if (rc) esp_split_soft_free(soft);
  return rc;
}

void esp_split_soft_free(esp_split_soft *soft) {
  ESP_FREE(soft->middle);
  ESP_FREE(soft->tau);
  *soft = (esp_split_soft){0};
}

/* Node of the path to the block `heap` at `level`, as an index from 0. */
static int path_node(int64_t heap, int level) {
  return (int)(heap >> (esp_heap_level(heap) - level)) - 1;
}

/* p [levels] of a key along the path to a block. A node without spread has every particle half way. */
static void soft_sides(const esp_split_soft *soft, int64_t heap, const double *key, double *p) {
  for (int level = 0; level < soft->levels; level++) {
    const int m = path_node(heap, level);
    const double x = esp_split_score(soft->dim, soft->normal + (size_t)m * (size_t)soft->dim, key);
    p[level] = soft->tau[m] > 0 ? 1 / (1 + exp(-(x - soft->middle[m]) / soft->tau[m])) : 0.5;
  }
}

/* ---- pairs ---- */

/* Levels whose nodes hold both blocks. */
static int common_levels(const esp_split_soft *soft, int64_t heap1, int64_t heap2) {
  const uint64_t differ = (uint64_t)heap1 ^ (uint64_t)heap2;
  const int level = esp_heap_level(heap1);
  return differ ? esp_imin(soft->levels, level - (63 - __builtin_clzll(differ))) : soft->levels;
}

/* dp1 [levels] += dLoss/dp of the first of a pair whose g weighs `weight`. */
static void pair_sides(int levels, double weight, const double *p1, const double *p2, double *dp1) {
  double before[MOST_LEVELS], product = 1;
  for (int l = 0; l < levels; l++) {
    before[l] = product;
    product *= p1[l] * p2[l] + (1 - p1[l]) * (1 - p2[l]);
  }
  product = weight;
  for (int l = levels - 1; l >= 0; l--) {
    dp1[l] += product * before[l] * (2 * p2[l] - 1);
    product *= p1[l] * p2[l] + (1 - p1[l]) * (1 - p2[l]);
  }
}

typedef struct {
  const esp_pairs *p;
  const esp_split_soft *soft;
  const double *receiver;
  double fade;    /* s */
  double *normal; /* [nodes][dim] of the block at hand */
  int64_t *normal_acc;
} work;

/* The derivatives by p of one particle of a block: to its key and to the block's normals. */
static void put_down(work *w, int64_t heap, const double *key, const double *p, const double *dp, double *dkey) {
  const esp_split_soft *soft = w->soft;
  for (int l = 0; l < soft->levels; l++) {
    const int m = path_node(heap, l);
    if (!(soft->tau[m] > 0)) continue;
    const double slope = dp[l] * p[l] * (1 - p[l]) / soft->tau[m];
    for (int a = 0; a < soft->dim; a++) {
      dkey[a] += slope * soft->normal[(size_t)m * (size_t)soft->dim + (size_t)a];
      w->normal[(size_t)m * (size_t)soft->dim + (size_t)a] += slope * key[a];
    }
  }
}

/* One term a (block, number) of the nodes that the block's path meets. */
static void add_normals(work *w, int64_t heap) {
  for (int l = 0; l < w->soft->levels; l++) {
    double *sum = w->normal + (size_t)path_node(heap, l) * (size_t)w->soft->dim;
    int64_t *acc = w->normal_acc + (size_t)(sum - w->normal) * ESP_EXACT_FULL_WORDS;
    for (int a = 0; a < w->soft->dim; a++) {
      if (sum[a] != 0) esp_exact_add(&ESP_EXACT_FULL, acc + (size_t)a * ESP_EXACT_FULL_WORDS, sum[a]);
      sum[a] = 0;
    }
  }
}

static int64_t block_heap(const esp_tree *tree, int64_t block) {
  return ((int64_t)1 << tree->shape.block_level) + block;
}

static int64_t leaf_block(const esp_tree *tree, int64_t leaf_heap) {
  return leaf_heap >> (tree->shape.depth - tree->shape.block_level);
}

/* Receivers of one owned block against one run of senders: own slots have the same numbers on both sides. */
static void receivers_of(work *w, int first, int count, int64_t heap, int source_first, int source_count,
                         int64_t source_heap, double *dquery) {
  const esp_form *f = &w->p->form;
  const size_t query_width = (size_t)w->p->width.query, source_width = (size_t)w->p->width.source;
  const size_t width = (size_t)esp_receiver_width(&w->p->width);
  const int levels = common_levels(w->soft, heap, source_heap);
  if (levels == 0) return;
  for (int i = first; i < first + count; i++) {
    const double *receiver = w->receiver + (size_t)i * width;
    double p1[MOST_LEVELS], p2[MOST_LEVELS], dp[MOST_LEVELS] = {0};
    soft_sides(w->soft, heap, receiver, p1);
    for (int j = source_first; j < source_first + source_count; j++) {
      if (j == i) continue;
      const double *source = w->p->source + (size_t)j * source_width;
      soft_sides(w->soft, source_heap, source, p2);
      pair_sides(levels, f->message->weigh(f, w->fade, receiver, source), p1, p2, dp);
    }
    put_down(w, heap, receiver, p1, dp, dquery + (size_t)i * query_width);
  }
}

/* Senders of one owned leaf against one run of receivers. */
static void senders_of(work *w, int first, int count, int64_t heap, int other_first, int other_count,
                       int64_t other_heap, double *dsource) {
  const esp_form *f = &w->p->form;
  const size_t source_width = (size_t)w->p->width.source, width = (size_t)esp_receiver_width(&w->p->width);
  const int levels = common_levels(w->soft, heap, other_heap);
  if (levels == 0) return;
  for (int j = first; j < first + count; j++) {
    const double *source = w->p->source + (size_t)j * source_width;
    double p1[MOST_LEVELS], p2[MOST_LEVELS], dp[MOST_LEVELS] = {0};
    soft_sides(w->soft, heap, source, p1);
    for (int i = other_first; i < other_first + other_count; i++) {
      if (i == j) continue;
      const double *receiver = w->receiver + (size_t)i * width;
      soft_sides(w->soft, other_heap, receiver, p2);
      pair_sides(levels, f->message->weigh(f, w->fade, receiver, source), p1, p2, dp);
    }
    put_down(w, heap, source, p1, dp, dsource + (size_t)j * source_width);
  }
}

static void one_block(work *w, int block, double *dquery, double *dsource) {
  const esp_tree *tree = &w->p->dom->tree;
  const esp_lists *lists = &w->p->dom->lists;
  const int leaves = esp_tree_block_leaves(tree), row = esp_tree_block_row(tree, block);
  const int64_t heap = tree->heap[row];
  const int first = tree->part_first[row], count = tree->part_count[row];
  receivers_of(w, first, count, heap, first, count, heap, dquery);
  senders_of(w, first, count, heap, first, count, heap, dsource);
  for (int64_t e = lists->near_start[block]; e < lists->near_start[block + 1]; e++) {
    const int leaf = lists->near[e];
    receivers_of(w, first, count, heap, tree->part_first[leaf], tree->part_count[leaf],
                 leaf_block(tree, tree->heap[leaf]), dquery);
  }
  for (int l = 0; l < leaves; l++) {
    const int leaf = block * leaves + l, leaf_row = esp_tree_leaf_row(tree, leaf);
    for (int64_t e = lists->sender_start[leaf]; e < lists->sender_start[leaf + 1]; e++) {
      int from, many;
      esp_lists_receivers(tree, lists, lists->sender[e], &from, &many);
      senders_of(w, tree->part_first[leaf_row], tree->part_count[leaf_row], heap, from, many,
                 block_heap(tree, esp_lists_receiver_block(tree, lists, lists->sender[e])), dsource);
    }
  }
  add_normals(w, heap);
}

int esp_split_gradient(const esp_pairs *p, const esp_split_soft *soft, const double *receiver, double *dquery,
                       double *dsource, int64_t *normal_acc) {
  work w = {.p = p, .soft = soft, .receiver = receiver, .normal_acc = normal_acc};
  w.fade = p->form.message->fade(&p->form, p->param);
  ESP_CALL(ESP_ALLOC(w.normal, (size_t)node_count(soft->levels) * (size_t)soft->dim));
  for (int b = 0; b < p->dom->tree.n_block; b++) one_block(&w, b, dquery, dsource);
  ESP_FREE(w.normal);
  return ESP_OK;
}

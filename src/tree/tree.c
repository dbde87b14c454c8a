#include "tree/tree.h"

#include <math.h>
#include <string.h>

enum { MOST_ROWS = INT32_MAX / 2 }; /* twice a row, as children are indexed, is an int */

static uint64_t reverse_bits(uint64_t x) {
  x = (x >> 1 & 0x5555555555555555u) | (x & 0x5555555555555555u) << 1;
  x = (x >> 2 & 0x3333333333333333u) | (x & 0x3333333333333333u) << 2;
  x = (x >> 4 & 0x0f0f0f0f0f0f0f0fu) | (x & 0x0f0f0f0f0f0f0f0fu) << 4;
  return __builtin_bswap64(x);
}

/* Halving down, right children rounded up, is floor((n + reversed k) / 2^level). */
static int64_t node_count(const esp_shape *shape, int64_t heap) {
  int level = esp_heap_level(heap);
  if (level == 0) return shape->n;
  uint64_t k = (uint64_t)heap - ((uint64_t)1 << level);
  return (int64_t)(((uint64_t)shape->n + (reverse_bits(k) >> (64 - level))) >> level);
}

static int saturated(int64_t count) {
  return count > INT32_MAX ? INT32_MAX : (int)count;
}

/* Own nodes [first, end) of a level: those all of whose blocks are own. */
static void level_range(const esp_tree *tree, int level, int64_t *first, int64_t *end) {
  int64_t begin = tree->block_first, stop = tree->block_first + tree->n_block;
  int up = tree->shape.block_level - level;
  if (up > 0) {
    *first = (begin + (((int64_t)1 << up) - 1)) >> up;
    *end = stop >> up;
    if (*end < *first) *end = *first;
  } else {
    *first = begin << -up;
    *end = stop << -up;
  }
}

/* The arrays of the rows, in one place: for create, append and free. */
static int grow_rows(esp_tree *tree, size_t count) {
  size_t old = tree->row_capacity, width = (size_t)tree->dim, capacity[8];
  for (int i = 0; i < 8; i++) capacity[i] = old;
  ESP_CALL(ESP_GROW(tree->heap, capacity[0], count));
  ESP_CALL(esp_grow((void **)&tree->child, &capacity[1], count, 2 * sizeof(int), __FILE__, __LINE__, __func__));
  ESP_CALL(ESP_GROW(tree->owner, capacity[2], count));
  ESP_CALL(ESP_GROW(tree->owner_row, capacity[3], count));
  ESP_CALL(ESP_GROW(tree->part_first, capacity[4], count));
  ESP_CALL(ESP_GROW(tree->part_count, capacity[5], count));
  ESP_CALL(esp_grow((void **)&tree->centre, &capacity[6], count, width * sizeof(double), __FILE__, __LINE__, __func__));
  ESP_CALL(ESP_GROW(tree->radius, capacity[7], count));
  size_t least = capacity[0];
  for (int i = 1; i < 8; i++) least = capacity[i] < least ? capacity[i] : least;
  tree->row_capacity = least;
  return ESP_OK;
}

static void fill_own(esp_tree *tree, int rank) {
  int depth = tree->shape.depth;
  for (int level = 0; level <= depth; level++) {
    int rows = tree->level_row[level + 1] - tree->level_row[level];
    if (rows == 0) continue;
    int64_t offset, count;
    esp_shape_node(&tree->shape, level, tree->level_first[level], &offset, &count);
    for (int i = 0; i < rows; i++) {
      int row = tree->level_row[level] + i;
      int64_t k = tree->level_first[level] + i;
      tree->heap[row] = ((int64_t)1 << level) + k;
      int left = level < depth ? tree->level_row[level + 1] + (int)(2 * k - tree->level_first[level + 1]) : -1;
      tree->child[2 * row] = left;
      tree->child[2 * row + 1] = level < depth ? left + 1 : -1;
      tree->owner[row] = rank;
      tree->owner_row[row] = row;
      tree->part_first[row] = (int)(offset - tree->slot_first);
      count = node_count(&tree->shape, tree->heap[row]);
      tree->part_count[row] = (int)count;
      offset += count;
    }
  }
}

int esp_tree_create(const esp_shape *shape, int dim, int rank, int size, int spare, esp_tree *tree) {
  ESP_CHECK(dim >= 1 && dim <= ESP_MAX_DIM, ESP_ERR_ARG, "key dimension is %d; 1 to %d are allowed", dim, ESP_MAX_DIM);
  ESP_CHECK(spare >= 0, ESP_ERR_ARG, "%d spare rows asked for; must be >= 0", spare);
  memset(tree, 0, sizeof *tree);
  tree->shape = *shape;
  tree->dim = dim;
  int64_t blocks, slots, rows = 0, first, end;
  esp_shape_rank(shape, rank, size, &tree->block_first, &blocks, &tree->slot_first, &slots);
  ESP_CHECK(slots <= INT32_MAX && blocks <= INT32_MAX, ESP_ERR_LIMIT,
            "rank %d would own %lld particles; at most %d a rank: use more ranks", rank, (long long)slots, INT32_MAX);
  tree->n_own = (int)slots;
  tree->n_block = (int)blocks;
  for (int level = 0; level <= shape->depth; level++) {
    level_range(tree, level, &first, &end);
    tree->level_row[level] = (int)rows;
    tree->level_first[level] = first;
    rows += end - first;
    ESP_CHECK(rows + spare < MOST_ROWS, ESP_ERR_LIMIT, "rank %d would own more than %d tree nodes: use more ranks",
              rank, MOST_ROWS);
  }
  tree->level_row[shape->depth + 1] = (int)rows;
  tree->own_rows = tree->row_count = (int)rows;
  int rc = grow_rows(tree, (size_t)rows + (size_t)spare);
  if (rc) {
    esp_tree_free(tree);
    return esp_trace(rc, __FILE__, __LINE__, __func__);
  }
  fill_own(tree, rank);
  return ESP_OK;
}

int esp_tree_append(esp_tree *tree, int64_t heap, int owner, int64_t owner_row, int *row) {
  int r = tree->row_count;
  ESP_CHECK(r < MOST_ROWS, ESP_ERR_LIMIT, "a rank holds at most %d tree nodes: use more ranks", MOST_ROWS);
  if ((size_t)r + 1 > tree->row_capacity) ESP_CALL(grow_rows(tree, (size_t)r + 1));
  tree->heap[r] = heap;
  tree->child[2 * r] = tree->child[2 * r + 1] = -1;
  tree->owner[r] = owner;
  tree->owner_row[r] = owner_row;
  tree->part_first[r] = -1;
  tree->part_count[r] = saturated(node_count(&tree->shape, heap));
  memset(tree->centre + (size_t)r * (size_t)tree->dim, 0, (size_t)tree->dim * sizeof(double));
  tree->radius[r] = 0;
  tree->row_count = r + 1;
  *row = r;
  return ESP_OK;
}

int esp_tree_root(const esp_tree *tree) {
  if (tree->own_rows > 0 && tree->heap[0] == 1) return 0;
  for (int row = tree->own_rows; row < tree->row_count; row++) {
    if (tree->heap[row] == 1) return row;
  }
  return -1;
}

void esp_tree_free(esp_tree *tree) {
  ESP_FREE(tree->heap);
  ESP_FREE(tree->child);
  ESP_FREE(tree->owner);
  ESP_FREE(tree->owner_row);
  ESP_FREE(tree->part_first);
  ESP_FREE(tree->part_count);
  ESP_FREE(tree->centre);
  ESP_FREE(tree->radius);
  memset(tree, 0, sizeof *tree);
}

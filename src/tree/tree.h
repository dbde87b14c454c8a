/* The balanced tree: shape from counts alone, order from keys, centres and radii from members.
 *
 * Letters: n particles in all, d = dim key dimension (1..ESP_MAX_DIM), D = depth, B = leaf capacity, level 0 = root.
 *
 * Shape. D is the smallest depth with n / 2^D <= B. A node holding m particles gives floor(m/2) to its left child and
 * the rest to its right. So the slots of node k of level l, [offset, offset + count), follow from (n, l, k).
 * `block_level` is the smallest level, at most D, at which every node holds at most block_size particles; its nodes are
 * the blocks: the unit of shared walks, partial sums, local origins and rank cuts.
 *
 * Order. At a node the axis of widest spread (max - min of z; ties to the lowest axis) is cut at the median of
 * (z_axis, id): the floor(m/2) smallest go left. Inside a leaf, slots are ordered by id. Ids are unique, so the order
 * is unique: it depends neither on the order of the input nor on who holds what. Two other rules give a node a
 * direction instead of an axis, and cut at the median of (direction . z, id): see esp_split_rule.
 *
 * Nodes held by a rank ("rows" 0 .. row_count-1), three kinds in this order:
 *   own    [0, own_rows)                  nodes all of whose slots this rank owns, level by level, left to right
 *   top    [own_rows, own_rows+top_rows)  nodes that straddle a rank cut, the same on every rank, level by level
 *   ghost  [.., row_count)                nodes owned by one other rank that this rank's walks may meet
 * On one rank there are only own rows and row = heap - 1. A node's name is its heap number 2^level + k. */
#ifndef ESP_TREE_H
#define ESP_TREE_H

#include <stdint.h>

#include "base/base.h"
#include "tree/dim.h"

typedef struct {
  int64_t n;
  int depth, block_level;
} esp_shape;

/* n >= 0, leaf >= 1, block >= 1 (a block smaller than a leaf becomes one leaf). n = 0: depth 0, one empty leaf. */
int esp_shape_make(int64_t n, int leaf, int block, esp_shape *shape);
/* First slot and number of slots of node k (0 <= k < 2^level) of `level`. */
void esp_shape_node(const esp_shape *shape, int level, int64_t k, int64_t *offset, int64_t *count);
/* The node of `level` that holds `slot`. */
int64_t esp_shape_find(const esp_shape *shape, int level, int64_t slot);
/* Blocks [*first, *first + *count) of rank r of P: those whose first slot lies in [n r/P, n (r+1)/P) (cuts rounded
 * down). With leaf = 1 some blocks may be empty; they go where their first slot goes.
 * n = 0: rank 0 has the one block. Also gives the slot range. */
void esp_shape_rank(const esp_shape *shape, int rank, int size, int64_t *block_first, int64_t *block_count,
                    int64_t *slot_first, int64_t *slot_count);
/* The rank that owns `block`. O(1). */
int esp_shape_owner(const esp_shape *shape, int size, int64_t block);

typedef struct {
  esp_shape shape;
  int dim;
  int64_t slot_first;  /* first slot owned */
  int n_own;           /* slots owned */
  int64_t block_first; /* first block owned */
  int n_block;         /* blocks owned */
  int own_rows, top_rows, row_count;
  int64_t *heap;      /* [row_count] */
  int *child;         /* [row_count][2] rows of the children; {-1,-1} at level D and where the children are not held */
  int *owner;         /* [row_count] rank; -1 for top rows */
  int64_t *owner_row; /* [row_count] the row this node has at its owner (own rows: itself; top: -1) */
  int *part_first; /* [row_count] leaves (level D): first particle in the source arrays (own slots, then ghosts), -1 for
                      a ghost leaf whose particles were not fetched; own rows of any level: slot offset - slot_first */
  int *part_count; /* [row_count] particles in the node, saturated at INT32_MAX for top rows */
  double *centre;  /* [row_count][dim] geometric mean of the members' keys */
  double *radius;  /* [row_count] largest distance of a member's key from centre; 0 for an empty node */
  int level_row[65];       /* own rows of level l start here; level_row[depth+1] = own_rows */
  int64_t level_first[65]; /* k of the first own node of level l */
  size_t row_capacity;     /* rows the arrays have room for */
} esp_tree;

/* How a node is cut. Direction . z is summed over axes in ascending order in float64, one rounding a product and a sum,
 * so it is the same bits wherever a particle is (esp_split_score).
 *   widest   the axis of widest spread; ties to the lowest
 *   pca      the principal direction of the members' keys. Keys are first brought to integers of 14 bits on the node's
 *            widest spread, so that the covariance is a sum of integers: the same on any number of ranks. The sign
 *            makes the component of largest magnitude positive (ties to the lowest axis); the length is 1. A node
 *            without spread, or with one outside [2^-1000, 2^1000]: widest. What it is exactly: tree/direction.h.
 *   learned  normal[heap - 1] for the nodes of the first `levels` levels (a zero normal, and all deeper nodes: widest)
 * A NULL rule is the widest one. Over ranks every rank gives the same rule. */
typedef enum { ESP_SPLIT_WIDEST, ESP_SPLIT_PCA, ESP_SPLIT_LEARNED } esp_split_kind;
typedef struct {
  esp_split_kind kind;
  int levels;           /* learned: 1..30 */
  const double *normal; /* learned: [2^levels - 1][dim], node after node in heap order; finite, any length; borrowed */
} esp_split_rule;
/* direction [dim] . z [dim]: what a node is cut by, and what the soft side of a particle at a learned node follows; the
 * same bits as in the order and in the selection over ranks. Local. */
double esp_split_score(int dim, const double *direction, const double *z);

/* Order of one subtree. In: `count` particles of node (level, k), their keys z [count][dim] (finite) and ids.
 * Out: order[count]: order[s] = index into the input of the particle in the subtree's s-th slot.
 * Local. O(dim count log count); pca: dim^2 a particle and level and dim^3 a node more. Errors: memory; ESP_ERR_ARG for
 * a count that is not the node's, dim, or a rule that is none; ESP_ERR_VALUE for a normal that is not finite, or for a
 * duplicate id found side by side in a leaf. */
int esp_tree_order(const esp_shape *shape, const esp_split_rule *rule, int level, int64_t k, int count, int dim,
                   const double *z, const int64_t *id, int *order);

/* Fill the rows this rank owns (row numbers, children, part_first, part_count, owner = rank) from the shape; no ghost
 * and no top rows yet; arrays are allocated for `spare` further rows, so that the caller may append them. Local. */
int esp_tree_create(const esp_shape *shape, int dim, int rank, int size, int spare, esp_tree *tree);
/* Append one row (grows the arrays). Returns its number in *row. */
int esp_tree_append(esp_tree *tree, int64_t heap, int owner, int64_t owner_row, int *row);
/* Centres, child by child in tree order ((m1 c1 + m2 c2) / m; a leaf: sum in slot order / m), and exact radii, of the
 * own rows. z [n_own][dim] keys in slot order. Local. O(n_own D). */
void esp_tree_geometry(esp_tree *tree, const double *z);
/* Centre of a node from its children's, as above; for top rows, too. 0 for an empty node. Local. */
void esp_tree_join(int dim, int64_t count1, const double *centre1, int64_t count2, const double *centre2,
                   double *centre);
/* Root row: own row 0 on one rank, else the row of heap 1. */
int esp_tree_root(const esp_tree *tree);
void esp_tree_free(esp_tree *tree);

/* Leaves of a block, and the own rows of an owned block (0 .. n_block - 1) and of an owned leaf (0 .. n_block * leaves - 1).
 * Trees of one shape have the same rows: also those of receivers with keys of their own. */
static inline int esp_tree_block_leaves(const esp_tree *tree) {
  return 1 << (tree->shape.depth - tree->shape.block_level);
}
static inline int esp_tree_block_row(const esp_tree *tree, int block) {
  const int level = tree->shape.block_level;
  return (int)(tree->level_row[level] + (tree->block_first + block - tree->level_first[level]));
}
static inline int esp_tree_leaf_row(const esp_tree *tree, int leaf) {
  const int level = tree->shape.depth;
  const int64_t first = tree->block_first * esp_tree_block_leaves(tree);
  return (int)(tree->level_row[level] + (first + leaf - tree->level_first[level]));
}

static inline int esp_heap_level(int64_t heap) {
  return 63 - __builtin_clzll((unsigned long long)heap);
}
/* The distances used by lists and by essential trees; one definition, so that all ranks decide alike. Periodic where
 * box[a] > 0 (box may be NULL): each component, of keys in [0, box_a), is brought to its minimum image. The largest
 * of these distances with box = NULL, rooted, is a radius, bit for bit. */
double esp_tree_distance2(int dim, const double *c1, const double *c2, const double *box);

#endif

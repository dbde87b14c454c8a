/* The order of a subtree by the device (tree/tree.h: esp_tree_order): kernels of cuda/order.cu and cuda/order_small.cuh, for
 * cuda/grow_order.c. All arrays lie in the device's memory. Local. */
#ifndef ESP_CUDA_ORDER_H
#define ESP_CUDA_ORDER_H

#include <stdint.h>

#include "base/inline.h"

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

/* Particles of a node that one block of threads orders to the end; bins of a digit; blocks that do the former at most. */
enum { ESP_CUDA_ORDER_SMALL = 1024, ESP_CUDA_ORDER_BINS = 256, ESP_CUDA_ORDER_BLOCKS = 1024 };

/* Where a node is cut: the records not above (high, low) go left. */
typedef struct {
  uint64_t high, low;
  double scale;  /* of the principal direction's integers */
  int axis;      /* along which it is cut, or one of esp_cuda_aim */
  int rank;      /* of the cut among what is still like it, from 1 on */
  int equal;     /* records that are like it */
  int done;      /* what is like it goes left, all of it */
  int cursor[2]; /* records moved to its left and right half */
} esp_cuda_cut;
enum esp_cuda_aim { ESP_CUDA_AIM_NORMAL = -1, ESP_CUDA_AIM_PRINCIPAL = -2 };

typedef struct {
  int count, dim;
  int levels;  /* below the subtree's root */
  int learned; /* of these, how many have normals; 0: the rule is another */
  int pca;
  int64_t heap;         /* of the root */
  const double *z;      /* [count][dim] */
  const int64_t *id;    /* [count] */
  const double *normal; /* by heap, as in esp_split_rule */
  /* work; nodes: of the last level that is split by many blocks (esp_cuda_order_nodes) */
  int *at[2];        /* [count] which particle is in a slot, by turns */
  uint64_t *key;     /* [count] of slots: what is compared first */
  esp_cuda_cut *cut; /* [nodes] */
  unsigned *bins;    /* [nodes][BINS]; zero between uses */
  uint64_t *extreme; /* [nodes][2][dim] least and largest image by axis */
  int64_t *sums;     /* pca: [nodes][words] */
  double *square;    /* pca: [nodes][2 dim^2] */
  double *direction; /* pca: [nodes][dim] */
  double *small;     /* pca: [esp_cuda_order_blocks][esp_cuda_order_small_room] */
  int *twin;         /* set where an id stands twice in a leaf */
} esp_cuda_order;

/* Levels that are split by many blocks of threads, nodes of the last of them (1 at least). */
static inline int esp_cuda_order_large(int count, int levels) {
  int l = 0;
  while (l < levels && ((count - 1) >> l) + 1 > ESP_CUDA_ORDER_SMALL) l++;
  return l;
}
static inline int esp_cuda_order_nodes(int count, int levels) {
  const int l = esp_cuda_order_large(count, levels);
  return l > 0 ? 1 << (l - 1) : 1;
}
/* Blocks of threads that order the small nodes; where directions need room, some at most. */
static inline int esp_cuda_order_blocks(int count, int levels, int pca) {
  const int nodes = 1 << esp_cuda_order_large(count, levels);
  return pca && nodes > ESP_CUDA_ORDER_BLOCKS ? (int)ESP_CUDA_ORDER_BLOCKS : nodes;
}
/* Doubles that a block needs for principal directions: of each warp low, sums and squares; directions. */
ESP_INLINE int esp_cuda_order_words(int dim) {
  return dim + dim * (dim + 1) / 2;
}
size_t esp_cuda_order_small_room(int dim);

/* order [count] is set. Leaves hold at most ESP_CUDA_ORDER_SMALL. */
int esp_cuda_order_run(const esp_cuda_order *o, int *order);

#ifdef __cplusplus
}
#endif
#endif

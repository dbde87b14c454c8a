/* The walks of receiver blocks through a tree (tree/lists.h): kernels of cuda/walk.cu, for cuda/grow_lists.c. All arrays lie in the
 * device's memory. Local. */
#ifndef ESP_CUDA_WALK_H
#define ESP_CUDA_WALK_H

#include <stdint.h>

#include "tree/dim.h"

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

/* A row of the tree. */
typedef struct {
  int64_t heap;
  double radius;
  int left, right; /* -1: not held, or of a leaf */
  int count, pad;  /* particles */
} esp_cuda_node;

/* What the walk of a block found. */
typedef struct {
  int64_t near, far; /* entries of its lists */
  int64_t particles; /* in the near leaves */
  int64_t trouble;   /* heap of a node that must be opened and whose children are not held; 0: none */
} esp_cuda_walked;

typedef struct {
  int dim, depth, root, blocks;
  int apart;                  /* receivers have a tree of their own */
  int periodic, ruled;        /* some axis has a period; esp_rule_size in place of the opening angle */
  double theta, number;       /* of the rule */
  double box[ESP_MAX_DIM];    /* 0: open */
  const esp_cuda_node *node;  /* [rows] */
  const double *centre;       /* [rows][dim] */
  const esp_cuda_node *block; /* [blocks] of the receivers' tree, rows of it as above */
  const double *block_centre; /* [blocks][dim] */
} esp_cuda_walk;

/* walked [blocks] is set. */
int esp_cuda_walk_count(const esp_cuda_walk *w, esp_cuda_walked *walked);
/* near, far: rows, each block's from its place in near_start, far_start [blocks] on. */
int esp_cuda_walk_fill(const esp_cuda_walk *w, const int64_t *near_start, const int64_t *far_start, int *near,
                       int *far);

#ifdef __cplusplus
}
#endif
#endif

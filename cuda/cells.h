/* The walks of tree/cells.h over rows in the device's memory, and what they must know of a tree there. Kernels: cuda/cells.cu;
 * the table: cuda/device_cells.c. Local. */
#ifndef ESP_CUDA_CELLS_H
#define ESP_CUDA_CELLS_H

#ifdef __cplusplus
extern "C" {
#endif
#include "message/cells/gate.h"

#include "base/base.h"

/* A tree's rows: own ones, then top ones, as in tree/tree.h. Arrays in the device's memory. */
typedef struct {
  int own, held;            /* own rows; own and top rows */
  int levels;               /* of own rows: depth + 1 */
  int own_level[66];        /* own rows of level l begin here, and end where those of l + 1 begin */
  int tops, top_level[66];  /* likewise the top rows' levels, of which there are `tops` */
  const int *child;         /* [held][2] */
  const int *first, *count; /* [own] members in the source arrays; of leaves */
  const double *members;    /* [all rows] how many, also where part_count is saturated */
} esp_cuda_tree;

/* Which algebra (message/message.h), and its numbers. */
typedef enum { ESP_CUDA_CELLS_MASS, ESP_CUDA_CELLS_GATE, ESP_CUDA_CELLS_SUMS, ESP_CUDA_CELLS_KINDS } esp_cuda_algebra;
typedef struct {
  esp_cuda_algebra kind;
  esp_gate_cells_form gate;           /* of gate; of sums dim and channels alone */
  int source, dsource, cell, adjoint; /* doubles a row */
} esp_cuda_cells;

/* Arrays in the device's memory; what they are and do: tree/cells.h. Errors: those of the device. */
int esp_cuda_cells_upward(const esp_cuda_cells *c, const esp_cuda_tree *tree, const double *source, double *cell);
int esp_cuda_cells_top(const esp_cuda_cells *c, const esp_cuda_tree *tree, double *cell);
int esp_cuda_cells_downward(const esp_cuda_cells *c, const esp_cuda_tree *tree, const double *source,
                            const double *cell, double *adjoint, double *dsource);

#ifdef __cplusplus
}
#endif
#endif

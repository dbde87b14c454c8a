/* Centres and radii of own rows by the device (tree/tree.h: esp_tree_geometry): kernels of cuda/geometry.cu. All arrays lie in the
 * device's memory. Local. */
#ifndef ESP_CUDA_GEOMETRY_H
#define ESP_CUDA_GEOMETRY_H

#include "cuda/cells.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Own rows of a level l are the nodes from `first_node`[l] on. */
typedef struct {
  int dim, n_own;
  int64_t n, slot_first; /* particles in all; the first own slot */
  int64_t first_node[65];
} esp_cuda_places;

/* z [n_own][dim]; centre [own rows][dim], radius [own rows] are set. Errors: those of the device. */
int esp_cuda_geometry(const esp_cuda_tree *tree, const esp_cuda_places *places, const double *z, double *centre,
                      double *radius);

#ifdef __cplusplus
}
#endif
#endif

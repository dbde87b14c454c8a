/* Who grows a domain's trees and makes its lists: the functions of tree/tree.h and tree/lists.h of the same names, or a device's
 * twins of them, which give the same, bit for bit. All arrays are the host's. Local. Errors: those of the functions here; a
 * device's own, too. */
#ifndef ESP_GROWER_H
#define ESP_GROWER_H

#include "tree/lists.h"
#include "tree/tree.h"

typedef struct esp_grower {
  /* esp_tree_order */
  int (*order)(const esp_shape *shape, const esp_split_rule *rule, int level, int64_t k, int count, int dim,
               const double *z, const int64_t *id, int *order);
  /* esp_tree_geometry */
  int (*geometry)(esp_tree *tree, const double *z);
  /* esp_lists_walk, esp_lists_count */
  int (*walk)(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, esp_lists *lists);
  int (*count)(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
               int64_t *near_pairs);
} esp_grower;

extern const esp_grower esp_grower_cpu;

/* NULL: the CPU's. */
static inline const esp_grower *esp_grower_of(const esp_grower *grower) {
  return grower ? grower : &esp_grower_cpu;
}

#endif

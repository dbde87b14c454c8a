/* The device's grower (tree/grower.h), and its parts. */
#ifndef ESP_CUDA_GROW_H
#define ESP_CUDA_GROW_H

#include "tree/grower.h"

extern const esp_grower esp_grower_cuda;

int esp_cuda_lists_walk(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, esp_lists *lists);
int esp_cuda_lists_count(const esp_tree *tree, const esp_tree *queries, const esp_lists_param *param, double theta,
                         int64_t *near_pairs);
int esp_cuda_tree_order(const esp_shape *shape, const esp_split_rule *rule, int level, int64_t k, int count, int dim,
                        const double *z, const int64_t *id, int *order);
int esp_cuda_tree_geometry(esp_tree *tree, const double *z);

#endif

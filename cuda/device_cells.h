/* The device's walks of cells, as net/device.h has them. */
#ifndef ESP_CUDA_DEVICE_CELLS_H
#define ESP_CUDA_DEVICE_CELLS_H

#include "cuda/cells.h"
#include "net/device.h"

extern const esp_device_cells esp_device_cells_cuda;

/* What they need of a tree, in one piece of the device's memory, the caller's (esp_cuda_free). Errors: memory. */
int esp_cuda_tree_put(const esp_tree *tree, esp_cuda_tree *there, void **memory);

#endif

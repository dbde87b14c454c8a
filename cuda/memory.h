/* Memory of the device in use: what a row of net/device.h needs. Memory comes from the device's own pool, which keeps what is
 * given back (esp_cuda_keep); copies wait for all work given to the device before. Local.
 *
 * Errors: ESP_ERR_MEMORY where the device has no more, with what was asked for; ESP_ERR_INTERNAL for all else that it reports,
 * also of kernels that ran before; of put and get what was kept for them, too (cuda/settled.h). */
#ifndef ESP_CUDA_MEMORY_H
#define ESP_CUDA_MEMORY_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

/* Of the device in use, which `sharers` processes use: each keeps up to its share of what it gave back, for itself. Else all of
 * that would be the system's again at every wait, and every layer would ask for it anew. */
int esp_cuda_keep(int sharers);
/* Zeroed; of no bytes: NULL. */
int esp_cuda_alloc(void **pointer, size_t bytes);
/* The same, but not zeroed: for what is written before it is read. */
int esp_cuda_reserve(void **pointer, size_t bytes);
/* *pointer NULL is fine, and is left NULL. */
void esp_cuda_free(void **pointer);
int esp_cuda_put(void *there, const void *host, size_t bytes);
int esp_cuda_get(void *host, const void *there, size_t bytes);

/* Bytes that have crossed between the two memories by these, since the program began. */
typedef struct {
  int64_t put, got;
} esp_cuda_bytes;
esp_cuda_bytes esp_cuda_crossed(void);
/* Adds to them. */
void esp_cuda_cross(int64_t put, int64_t got);

#ifdef __cplusplus
}
#endif
#endif

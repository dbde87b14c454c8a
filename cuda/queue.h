/* A stream beside the main one (the default stream, where all kernels run), events between them, and the host's memory that a
 * stream copies to and from while the host goes on. Plain C; a stream, an event is what CUDA has, by its address. Local.
 *
 * Errors: ESP_ERR_MEMORY; ESP_ERR_INTERNAL for all else that the device reports, also of what ran before. */
#ifndef ESP_CUDA_QUEUE_H
#define ESP_CUDA_QUEUE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "base/base.h"

/* It does not wait for the main stream, nor that for it, but by events; where both have work, its blocks go first: else a
 * transfer would begin behind the large kernel it is to run beside. *stream, *event NULL are fine to free. */
int esp_queue_create(void **stream, void **event);
void esp_queue_free(void **stream, void **event);
/* What `later` (NULL: the main stream) is given from now on waits for what `first` has been given by now. */
int esp_queue_order(void *first, void *later, void *event);
/* The host waits. */
int esp_queue_wait(void *stream);

/* Not zeroed; of no bytes: NULL. Freed when nothing uses it any more. */
int esp_pinned_alloc(void **pointer, size_t bytes);
void esp_pinned_free(void **pointer);
/* In the order of the stream; of the host's memory: pinned, untouched until the stream has passed. */
int esp_queue_get(void *pinned, const void *there, size_t bytes, void *stream);
int esp_queue_put(void *there, const void *pinned, size_t bytes, void *stream);

#ifdef __cplusplus
}
#endif
#endif

/* Work that is given to a device by routines that return nothing (net/device.h: dense, rows): what it could not begin is kept, the
 * first failure with its words, until someone asks; what failed while it ran is told by the next call that waits.
 *
 *   ESP_START(kernel, grid, block, shared_bytes, stream, arguments...);      in .cu files: ESP_LAUNCH that keeps its failure
 *
 * Local. One device a process, one thread that gives work to it. */
#ifndef ESP_CUDA_SETTLED_H
#define ESP_CUDA_SETTLED_H

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps a failure of this thread with its message; ESP_OK is fine, and changes nothing. */
void esp_cuda_remember(int code);
/* What is kept: its code with its message as this thread's, and from now on nothing; ESP_OK: there was nothing. */
int esp_cuda_remembered(void);
/* The same, and waits for all work given to the device: `settled` of net/device.h. Errors: what is kept; else what the device
 * reports. */
int esp_cuda_settled(void);

#ifdef __cplusplus
}
#endif

#define ESP_START(kernel, ...) esp_cuda_remember(ESP_LAUNCHED(kernel, __VA_ARGS__))

#endif

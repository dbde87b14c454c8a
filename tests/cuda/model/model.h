/* What tests of the model ask it for; the model's own files meet here, too. Plain C. */
#ifndef ESP_MODEL_MODEL_H
#define ESP_MODEL_MODEL_H

#ifdef __cplusplus
extern "C" {
#endif

/* The order of blocks, warps and lanes from now on; without a call, that of ESPALIER_MODEL_ORDER, else forward. */
typedef enum { ESP_MODEL_FORWARD, ESP_MODEL_REVERSED, ESP_MODEL_SHUFFLED, ESP_MODEL_ORDERS } esp_model_order;
void esp_model_set_order(esp_model_order order);
/* Whether what a stream is given runs only when someone waits for it; without a call, as ESPALIER_MODEL_STREAMS says (now,
 * late), else at once. */
void esp_model_set_late(int late);
/* From now on, the which-th allocation of device or pinned memory is refused, and those behind it are not; 0: none is. */
void esp_model_refuse(long which);
/* Allocations of either kind that are not freed, when all that streams were given is done. */
long esp_model_held(void);

#ifdef __cplusplus
}

#include "cuda_runtime.h"

/* memory.cpp: device memory can be touched between open and close, which count. */
void esp_model_open();
void esp_model_close();
/* Bytes outside of an allocation are as they were; else ILLEGAL_ADDRESS. */
cudaError_t esp_model_intact(const char *kernel);

/* host.cpp: remember an error, with what is to be said about it; returns it. */
cudaError_t esp_model_error(cudaError_t error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* host.cpp: the error of a kernel that failed, which stays. */
cudaError_t esp_model_failed();
/* stream.cpp: work in the order of its stream; the error of what has run by now. */
cudaError_t esp_model_give(cudaStream_t stream, std::function<void()> work);
/* schedule.cpp: the kernel runs to its end. */
void esp_model_run(const esp_model_kernel &kernel, const std::function<void()> &call);

#ifdef ESPALIER_SANITIZE /* not that header's macros, which are empty in files without sanitizers */
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define __asan_poison_memory_region(address, bytes) ((void)(address), (void)(bytes))
#define __asan_unpoison_memory_region(address, bytes) ((void)(address), (void)(bytes))
#define __sanitizer_set_death_callback(call) ((void)(call))
#define __sanitizer_start_switch_fiber(save, bottom, bytes) ((void)(save), (void)(bottom), (void)(bytes))
#define __sanitizer_finish_switch_fiber(save, bottom, bytes) ((void)(save), (void)(bottom), (void)(bytes))
#endif
#endif

#endif

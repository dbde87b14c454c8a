/* What tests of the model ask it for; the model's own files meet here, too. Plain C. */
#ifndef ESP_MODEL_MODEL_H
#define ESP_MODEL_MODEL_H

#ifdef __cplusplus
extern "C" {
#endif

/* The order of blocks, warps and lanes from now on; without a call, that of ESPALIER_MODEL_ORDER, else forward. */
typedef enum { ESP_MODEL_FORWARD, ESP_MODEL_REVERSED, ESP_MODEL_SHUFFLED, ESP_MODEL_ORDERS } esp_model_order;
void esp_model_set_order(esp_model_order order);

#ifdef __cplusplus
}

#include "cuda_runtime.h"

/* memory.cpp: device memory can be touched between open and close, which count. */
void esp_model_open();
void esp_model_close();
/* Bytes outside of an allocation are as they were; else ILLEGAL_ADDRESS. */
cudaError_t esp_model_intact(const char *who);

/* host.cpp: remember an error, with what is to be said about it; returns it. */
cudaError_t esp_model_error(cudaError_t error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* schedule.cpp: the kernel runs to its end. */
cudaError_t esp_model_run(const esp_model_kernel &kernel, const std::function<void()> &call);

#ifdef ESPALIER_SANITIZE
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define __sanitizer_start_switch_fiber(save, bottom, bytes) ((void)(save), (void)(bottom), (void)(bytes))
#define __sanitizer_finish_switch_fiber(save, bottom, bytes) ((void)(save), (void)(bottom), (void)(bytes))
#endif
#endif

#endif

/* The CPU, in float32 and in float64: its memory is the host's. */
#include <string.h>

#include "net/device.h"

static int cpu_alloc(void **pointer, size_t bytes) {
  return esp_alloc(pointer, bytes, 1, __FILE__, __LINE__, __func__);
}

static void cpu_free(void **pointer) {
  esp_free(pointer);
}

static int cpu_put(void *there, const void *host, size_t bytes) {
  if (there != host && bytes) memcpy(there, host, bytes);
  return ESP_OK;
}

static int cpu_get(void *host, const void *there, size_t bytes) {
  return cpu_put(host, there, bytes);
}

/* One row a message: the kernels of src/message/cpu/NAME.c. */
#define ROWS(row) row(newton) row(newton_mlp) row(correction) row(law) row(gate) row(gate_mlp)
#define DECLARED(name) extern const esp_kernels esp_##name##_cpu32, esp_##name##_cpu64;
#define ROW(name) {&esp_message_##name, &esp_##name##_cpu32, &esp_##name##_cpu64},
ROWS(DECLARED)
static const struct {
  const esp_message *message;
  const esp_kernels *float32, *float64;
} kernels[] = {ROWS(ROW)};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static const esp_kernels *kernels32(const esp_message *message) {
  for (int k = 0; k < KERNELS; k++)
    if (kernels[k].message == message) return kernels[k].float32;
  return NULL;
}

static const esp_kernels *kernels64(const esp_message *message) {
  for (int k = 0; k < KERNELS; k++)
    if (kernels[k].message == message) return kernels[k].float64;
  return NULL;
}

static int upward(const esp_cells *cells, const esp_domain *dom, const double *source, double *cell) {
  esp_cells_upward(cells, &dom->tree, source, cell);
  return ESP_OK;
}

static int top(const esp_cells *cells, const esp_domain *dom, double *cell) {
  esp_cells_top(cells, &dom->tree, cell);
  return ESP_OK;
}

static int downward(const esp_cells *cells, const esp_domain *dom, const double *source, const double *cell,
                    double *adjoint, double *dsource) {
  esp_cells_downward(cells, &dom->tree, source, cell, adjoint, dsource);
  return ESP_OK;
}

static const esp_device_cells cells = {upward, top, downward};

const esp_device esp_device_cpu32 = {.name = "cpu32",
                                     .processor = "cpu",
                                     .precision = "float32",
                                     .shared = 1,
                                     .alloc = cpu_alloc,
                                     .free = cpu_free,
                                     .put = cpu_put,
                                     .get = cpu_get,
                                     .kernels = kernels32,
                                     .dense = &esp_dense_cpu,
                                     .rows = &esp_rows_cpu,
                                     .cells = &cells};

const esp_device esp_device_cpu64 = {.name = "cpu64",
                                     .processor = "cpu",
                                     .precision = "float64",
                                     .shared = 1,
                                     .alloc = cpu_alloc,
                                     .free = cpu_free,
                                     .put = cpu_put,
                                     .get = cpu_get,
                                     .kernels = kernels64,
                                     .dense = &esp_dense_cpu,
                                     .rows = &esp_rows_cpu,
                                     .cells = &cells};

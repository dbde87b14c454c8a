/* The row of the device. */
#include "cuda/dense.h"
#include "cuda/device.h"
#include "cuda/device_cells.h"
#include "cuda/grow.h"
#include "cuda/kernels.h"
#include "cuda/link.h"
#include "cuda/memory.h"
#include "cuda/moves.h"
#include "cuda/rows.h"
#include "cuda/settled.h"

static const struct {
  const esp_message *message;
  const esp_kernels *kernels;
} rows[] = {{&esp_message_newton, &esp_newton_cuda32},
            {&esp_message_newton_mlp, &esp_newton_mlp_cuda32},
            {&esp_message_correction, &esp_correction_cuda32},
            {&esp_message_law, &esp_law_cuda32},
            {&esp_message_gate, &esp_gate_cuda32},
            {&esp_message_gate_mlp, &esp_gate_mlp_cuda32}};

static const esp_kernels *kernels(const esp_message *message) {
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    if (rows[k].message == message) return rows[k].kernels;
  return NULL;
}

static int open_device(int number, int ranks) {
  int count;
  ESP_CALL(esp_device_count(&count));
  ESP_CHECK(count > 0, ESP_ERR_CONFIG,
            "net_device cuda: this machine has no device of CUDA, or no driver for it; allowed here: net_device cpu");
  ESP_CALL(esp_device_select(number % count));
  return esp_cuda_keep((ranks + count - 1) / count);
}

const esp_device esp_device_cuda32 = {.name = "cuda32",
                                      .processor = "cuda",
                                      .precision = "float32",
                                      .open = open_device,
                                      .alloc = esp_cuda_alloc,
                                      .free = esp_cuda_free,
                                      .put = esp_cuda_put,
                                      .get = esp_cuda_get,
                                      .kernels = kernels,
                                      .dense = &esp_dense_cuda,
                                      .rows = &esp_rows_cuda,
                                      .settled = esp_cuda_settled,
                                      .moves = &esp_cuda_moves,
                                      .sum_i64 = esp_link_sum_i64,
                                      .join = esp_link_join,
                                      .cells = &esp_device_cells_cuda,
                                      .grower = &esp_grower_cuda,
                                      .multipole = &esp_fmm_cuda32};

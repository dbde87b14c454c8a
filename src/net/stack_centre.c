#include "net/stack_centre.h"

#include "base/base.h"
#include "net/dense.h"
#include "message/gate.h"

void esp_stack_centre(const esp_dense *dense, int n, int C, const double *u, double *sum) {
  const size_t channels = (size_t)C;
  double silence[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = sum + i * (channels + 1);
    dense->silu(C, u + i * channels, silence);
    for (size_t c = 0; c < channels; c++) row[c] -= row[channels] * silence[c];
  }
}

void esp_stack_centre_sum(const esp_dense *dense, int n, int C, const double *u, double *dsum) {
  const size_t channels = (size_t)C;
  double silence[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = dsum + i * (channels + 1), part = 0;
    dense->silu(C, u + i * channels, silence);
    for (size_t c = 0; c < channels; c++) part += row[c] * silence[c];
    row[channels] -= part;
  }
}

void esp_stack_centre_offset(const esp_dense *dense, int n, int C, const double *u, const double *sum,
                             const double *dsum, double *du) {
  const size_t channels = (size_t)C;
  double part[ESP_GATE_MAX_CHANNELS];
  for (size_t i = 0; i < (size_t)n; i++) {
    const double den = sum[i * (channels + 1) + channels];
    dense->silu_back(C, u + i * channels, dsum + i * (channels + 1), part);
    for (size_t c = 0; c < channels; c++) du[i * channels + c] -= den * part[c];
  }
}

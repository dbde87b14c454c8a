#include "net/norms.h"

static const esp_norm none = {.name = "none", .help = "the state as it is"};

static int layer_forward(const esp_backend *backend, int n, int H, const double *gain, const double *bias,
                         const double *s, double *y) {
  backend->device->rows->state.norm(n, H, gain, bias, s, y);
  return ESP_OK;
}

static int layer_backward(const esp_backend *backend, int n, int H, const double *gain, const double *s,
                          const double *dy, double *ds, int64_t *gain_acc, int64_t *bias_acc) {
  backend->device->rows->state.norm_back(n, H, gain, s, dy, ds, gain_acc, bias_acc);
  return ESP_OK;
}

static const esp_norm layer = {.name = "layer",
                               .help = "a particle's numbers less their mean, over their spread",
                               .forward = layer_forward,
                               .backward = layer_backward};

const esp_norm *const esp_norms[] = {&none, &layer, NULL};

const char *esp_norm_name(int k) {
  return esp_norms[k] ? esp_norms[k]->name : NULL;
}

#include "fmm/fmm.h"

esp_fmm_param esp_fmm_param_of(int order, double tolerance, double softening) {
  static const double own[] = {3e-2, 5.5e-3, 5e-4, 5e-5};
  const int known = order >= ESP_FMM_ORDER_MIN && order <= ESP_FMM_ORDER_MAX;
  return (esp_fmm_param){order, tolerance == 0 && known ? own[order - ESP_FMM_ORDER_MIN] : tolerance, softening};
}

#include "net/ops.h"

esp_backend esp_backend_self(void) {
  return (esp_backend){.comm = esp_comm_self(), .build = esp_domain_build_self, .ops = &esp_ops_cpu32};
}

#include "fmm/adjoint.h"

#include "fmm/adjoint_work.h"

int esp_fmm_adjoint_with(const esp_fmm_kernels *kernels, const esp_comm *comm, const esp_fmm_param *param,
                         const esp_fmm_bodies *bodies, const double (*g)[3], const esp_fmm_gradient *to) {
  esp_fmm_weights weights;
  int rc = ESP_OK;
  ESP_CALL(esp_fmm_weights_create(comm, param, bodies, g, &weights));
  esp_fmm_adjoint_work a = {.weights = &weights, .dposition = weights.dposition, .dmass = weights.dmass};
  const esp_fmm_result result = {to->dposition, to->dmass, NULL, to->witness, to->cost};
  esp_fmm_work w = {.method = &esp_fmm_of_adjoint,
                    .comm = comm,
                    .param = &weights.param,
                    .result = &result,
                    .order = weights.order,
                    .tolerance = weights.tolerance,
                    .moments = esp_fmm_adjoint_row(weights.order),
                    .adjoint = &a};
  ESP_TRY(esp_fmm_run(kernels, &w, &weights.bodies, &(esp_fmm_extra){.count = ESP_FMM_SENT, .of = weights.sent[0]}));
done:
  ESP_FREE(a.share);
  esp_fmm_weights_free(&weights);
  return rc;
}

int esp_fmm_adjoint(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *bodies,
                    const double (*g)[3], const esp_fmm_gradient *to) {
  ESP_CALL(esp_fmm_adjoint_with(esp_fmm_widest(), comm, param, bodies, g, to));
  return ESP_OK;
}

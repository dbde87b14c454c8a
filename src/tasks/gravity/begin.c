#include "net/integrator.h"
#include "tasks/gravity/gravity.h"

int esp_gravity_begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first) {
  (void)param;
  esp_integrator_param *net = model->param;
  esp_place place;
  esp_domain *dom = NULL;
  double *z = NULL;
  if (net->domain.lists.pairs_per_particle <= 0) return ESP_OK;
  int rc = ESP_ALLOC(z, (size_t)first->n_home * (size_t)first->space.dim);
  if (!rc) rc = model->network->place(model, first, &place, z, NULL);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(backend->build(backend->comm, &place.domain, first->n_home, z, NULL, first->id, &dom));
  net->domain.lists.theta = dom->param.lists.theta;
  net->domain.lists.pairs_per_particle = 0;
done:
  esp_domain_free(&dom);
  ESP_FREE(z);
  return rc;
}

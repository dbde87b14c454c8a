#include "net/integrator.h"
#include "tasks/gravity/gravity.h"

int esp_gravity_begin(const void *param, const esp_backend *backend, esp_model *model, const esp_set *first) {
  (void)param;
  esp_integrator_param *net = model->param;
  esp_place place;
  esp_domain *dom = NULL;
  double *z = NULL;
  if (net->domain.lists.pairs_per_particle <= 0) return ESP_OK;
  ESP_CHECK(
      !esp_integrator_by_multipoles(net, &first->space) || esp_body_messages[net->message]->rest, ESP_ERR_CONFIG,
      "tree_pairs_per_particle %lld: newton in open space is summed by the multipole method, whose work no budget "
      "bounds: leave it out, and choose net_order or net_tolerance in its place",
      (long long)net->domain.lists.pairs_per_particle);
  int rc = ESP_ALLOC(z, (size_t)first->n_home * (size_t)first->space.dim);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(model->network->place(model, backend->comm, first, &place, z, NULL));
  ESP_TRY(backend->build(backend->comm, &place.domain, first->n_home, z, NULL, first->id, &dom));
  net->domain.lists.theta = dom->param.lists.theta;
  net->domain.lists.pairs_per_particle = 0;
done:
  esp_domain_free(&dom);
  ESP_FREE(z);
  return rc;
}

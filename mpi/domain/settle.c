#include "domain/settle.h"

#include <string.h>

static int build(const esp_backend *backend, const esp_model *model, const esp_set *set, esp_domain **dom) {
  esp_place place;
  double *key = NULL;
  int rc = model->network->place(model, NULL, set, &place, NULL, NULL);
  if (!rc) rc = ESP_ALLOC(key, (size_t)set->n_home * (size_t)place.domain.dim);
  if (!rc) rc = model->network->settle(model, set, key);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  /* leaves and blocks of the network, so that the cuts fall alike; the lists are not used: a wide angle keeps them short */
  const esp_domain_param param = {
      .leaf = place.domain.leaf, .block = place.domain.block, .dim = place.domain.dim, .lists = {.theta = 2}};
  ESP_TRY(backend->build(backend->comm, &param, set->n_home, key, NULL, set->id, dom));
done:
  ESP_FREE(key);
  return rc;
}

int esp_set_settle(const esp_backend *backend, const esp_model *model, esp_set *set) {
  const esp_comm *comm = backend->comm;
  esp_domain *dom = NULL;
  esp_set settled;
  int rc;
  if (!model->network->settle) return ESP_OK;
  ESP_CHECK(set->frames == 0, ESP_ERR_ARG, "a set with %d frames cannot settle", set->frames);
  ESP_CALL(build(backend, model, set, &dom));
  settled = *set;
  settled.first = dom->tree.slot_first;
  settled.n_home = dom->n_own;
  rc = esp_set_create(&settled); /* empty if it fails */
  ESP_TRY(comm->agree(comm, rc));
  if (dom->n_own) memcpy(settled.id, dom->id, (size_t)dom->n_own * sizeof *settled.id);
  for (int k = 0; set->layout->column[k].name; k++)
    if (set->width[k])
      ESP_TRY(dom->ops->to_slots(dom, (size_t)set->width[k] * sizeof(double), set->value[k], settled.value[k]));
  esp_set old = *set;
  *set = settled;
  settled = old;
done:
  esp_set_free(&settled);
  esp_domain_free(&dom);
  return rc;
}

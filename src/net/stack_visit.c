/* What visitors of the stack see, in the host's memory: see net/cost.h. */
#include "net/stack_work.h"

int esp_stack_show_keys(const esp_stack_walk *k, int l, const esp_visit *visit) {
  const esp_stack_layer *layer = esp_stack_at(k, l);
  const esp_device *device = k->device;
  const size_t count = (size_t)k->n * (size_t)k->param->dim;
  double *key = layer->key, *query = layer->query, *made[2] = {NULL, NULL};
  int rc = ESP_OK;
  if (!device->shared) {
    rc = ESP_ALLOC(made[0], count);
    if (!rc && query) rc = ESP_ALLOC(made[1], count);
    if (!rc) rc = esp_device_get(device, count, key, made[0]);
    if (!rc && query) rc = esp_device_get(device, count, query, made[1]);
    key = made[0], query = made[1];
  }
  ESP_TRY(esp_device_agree(device, k->backend->comm, rc));
  ESP_TRY(visit->layer(visit->context, l, layer->layer.dom, key, query));
done:
  ESP_FREE(made[0]);
  ESP_FREE(made[1]);
  return rc;
}

int esp_stack_show_state(const esp_stack_walk *k, int l, const esp_visit *visit) {
  const esp_depth_state *state = &k->pass->state;
  const esp_device *device = k->device;
  double *made = NULL;
  int rc = ESP_OK;
  if (!visit->state || k->plan->lift < 0 || l % state->groups) return ESP_OK;
  const size_t count = (size_t)k->n * (size_t)state->width;
  const double *s = state->depth->before ? state->depth->before(state, l)
                                         : state->depth->read(state, state->slots,
                                                              k->pass->read); /* whole, as the last layer reads it */
  if (!device->shared) {
    rc = ESP_ALLOC(made, count);
    if (!rc) rc = esp_device_get(device, count, s, made);
    s = made;
  }
  ESP_TRY(esp_device_agree(device, k->backend->comm, rc));
  ESP_TRY(visit->state(visit->context, l / state->groups, state->width, s));
done:
  ESP_FREE(made);
  return rc;
}

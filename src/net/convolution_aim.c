/* The far field of the graph convolution's gate, as of the stack's (net/stack_aim.c). */
#include <math.h>

#include "net/convolution_work.h"
#include "net/far_find.h"

static int has_bound(const esp_model *model) {
  return ((const esp_convolution_param *)model->param)->far && ((const esp_convolution_plan *)model->plan)->gated;
}

/* A forward pass with `each` at both layers. */
static int look(const esp_model *model, const esp_backend *backend, const esp_set *set,
                int (*each)(const esp_convolution_walk *k, int l, void *context), esp_far_found *found) {
  double *y = NULL;
  esp_convolution_walk k = esp_convolution_walk_of(model, backend, set, NULL);
  int rc = esp_far_found_create(k.param->order, found);
  if (!rc) rc = ESP_THERE(backend->device, y, (size_t)k.n * (size_t)k.K);
  found->error = k.param->error, found->begin = k.param->domain.lists.theta;
  k.each = each, k.context = found;
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(esp_convolution_through(&k, NULL, y, NULL, NULL));
done:
  esp_far_found_free(found);
  ESP_THERE_FREE(backend->device, y);
  return rc;
}

static int choose(const esp_convolution_walk *k, int l, void *context) {
  return esp_far_found_choose(context, k->backend->comm, &k->pass->layer[l]);
}

int esp_convolution_searches(const esp_model *model) {
  const esp_convolution_param *p = model->param;
  return p->error > 0 && p->domain.lists.theta > 0 && has_bound(model);
}

int esp_convolution_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound) {
  esp_far_found found;
  *bound = NAN;
  if (!esp_convolution_searches(model)) return ESP_OK;
  ESP_CALL(look(model, backend, set, choose, &found));
  ((esp_convolution_param *)model->param)->domain.lists.theta = found.theta;
  *bound = found.bound;
  return ESP_OK;
}

static int judge(const esp_convolution_walk *k, int l, void *context) {
  return esp_far_found_judge(context, k->backend->comm, &k->pass->layer[l]);
}

int esp_convolution_judge(const esp_model *model, const esp_backend *backend, const esp_set *set,
                          esp_far_record *record) {
  esp_far_found found;
  *record = (esp_far_record){0};
  if (!has_bound(model)) return ESP_OK;
  ESP_CALL(look(model, backend, set, judge, &found));
  *record = esp_far_found_record(&found);
  return ESP_OK;
}

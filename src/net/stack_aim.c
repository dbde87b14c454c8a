/* The far field of the stack's gates: its resolution from a wanted error, and its error (net/far_find.h). */
#include <math.h>

#include "net/far_find.h"
#include "net/stack_work.h"

static int has_bound(const esp_stack_param *p) {
  return p->far && esp_message_has(esp_key_messages[p->message], ESP_MESSAGE_MOMENTS);
}

/* A forward pass with `each` at every layer. */
static int look(const esp_model *model, const esp_backend *backend, const esp_set *set,
                int (*each)(const esp_stack_walk *k, int l, void *context), esp_far_found *found) {
  double *y = NULL;
  esp_stack_walk k = esp_stack_walk_of(model, backend, set, NULL);
  int rc = esp_far_found_create(k.param->order, found);
  if (!rc) rc = ESP_THERE(backend->device, y, (size_t)set->n_home * (size_t)model->sizes.width[ESP_TARGET]);
  found->error = k.param->error, found->begin = k.param->domain.lists.theta;
  k.each = each, k.context = found;
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(esp_stack_through(&k, NULL, y, NULL, NULL));
done:
  esp_far_found_free(found);
  ESP_THERE_FREE(backend->device, y);
  return rc;
}

static int choose(const esp_stack_walk *k, int l, void *context) {
  return esp_far_found_choose(context, k->backend->comm, &esp_stack_at(k, l)->layer);
}

int esp_stack_searches(const esp_model *model) {
  const esp_stack_param *p = model->param;
  return p->error > 0 && p->domain.lists.theta > 0 && has_bound(p);
}

int esp_stack_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound) {
  esp_far_found found;
  *bound = NAN;
  if (!esp_stack_searches(model)) return ESP_OK;
  ESP_CALL(look(model, backend, set, choose, &found));
  ((esp_stack_param *)model->param)->domain.lists.theta = found.theta;
  *bound = found.bound;
  return ESP_OK;
}

static int judge(const esp_stack_walk *k, int l, void *context) {
  return esp_far_found_judge(context, k->backend->comm, &esp_stack_at(k, l)->layer);
}

int esp_stack_judge(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_far_record *record) {
  esp_far_found found;
  *record = (esp_far_record){0};
  if (!has_bound(model->param)) return ESP_OK;
  ESP_CALL(look(model, backend, set, judge, &found));
  *record = esp_far_found_record(&found);
  return ESP_OK;
}

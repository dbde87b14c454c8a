/* The far field of the stack's gates: its resolution from a wanted error, and its error (net/far_error.h, net/far_judge.h). */
#include <math.h>

#include "net/far_judge.h"
#include "net/stack_work.h"

/* What a pass finds of its layers. */
typedef struct {
  esp_gate_bound table;
  double theta, bound;    /* the least chosen; the largest of their bounds */
  esp_far_record *record; /* sums of squares, until the end */
} finding;

static int has_bound(const esp_stack_param *p) {
  return p->far && esp_message_has(esp_key_messages[p->message], ESP_MESSAGE_MOMENTS);
}

/* A forward pass with `each` at every layer. */
static int look(const esp_model *model, const esp_backend *backend, const esp_set *set,
                int (*each)(const esp_stack_walk *k, int l, void *context), finding *found) {
  double *y = NULL;
  int rc = ESP_THERE(backend->device, y, (size_t)set->n_home * (size_t)model->sizes.width[ESP_TARGET]);
  esp_stack_walk k = esp_stack_walk_of(model, backend, set, NULL);
  k.each = each, k.context = found;
  if (!rc) rc = esp_gate_bound_create(k.param->order, &found->table);
  ESP_TRY(backend->comm->agree(backend->comm, rc));
  ESP_TRY(esp_stack_through(&k, NULL, y, NULL, NULL));
done:
  esp_gate_bound_free(&found->table);
  ESP_THERE_FREE(backend->device, y);
  return rc;
}

/* Of layer l, whose rows are brought to the host. */
static int far_of(const esp_stack_walk *k, int l, finding *found, esp_far *far) {
  *far = (esp_far){k->backend->comm, &esp_stack_at(k, l)->layer, &found->table};
  return esp_device_agree(k->device, k->backend->comm, esp_layer_fetch(far->layer));
}

static int choose(const esp_stack_walk *k, int l, void *context) {
  finding *found = context;
  esp_far far;
  double theta, bound;
  ESP_CALL(far_of(k, l, found, &far));
  ESP_CALL(esp_far_choose(&far, k->param->error, k->param->domain.lists.theta, &theta, &bound));
  found->theta = fmin(found->theta, theta);
  found->bound = fmax(found->bound, bound);
  return ESP_OK;
}

int esp_stack_searches(const esp_model *model) {
  const esp_stack_param *p = model->param;
  return p->error > 0 && p->domain.lists.theta > 0 && has_bound(p);
}

int esp_stack_aim(esp_model *model, const esp_backend *backend, const esp_set *set, double *bound) {
  finding found = {.theta = INFINITY};
  *bound = NAN;
  if (!esp_stack_searches(model)) return ESP_OK;
  ESP_CALL(look(model, backend, set, choose, &found));
  ((esp_stack_param *)model->param)->domain.lists.theta = found.theta;
  *bound = found.bound;
  return ESP_OK;
}

static int judge(const esp_stack_walk *k, int l, void *context) {
  finding *found = context;
  esp_far_record *all = found->record, one;
  esp_far far;
  ESP_CALL(far_of(k, l, found, &far));
  ESP_CALL(esp_far_judge(&far, &one));
  all->receivers += one.receivers;
  all->bound += one.bound * one.bound;
  all->rms += one.rms * one.rms;
  all->p99 = fmax(all->p99, one.p99);
  all->of_sums += one.of_sums * one.of_sums;
  all->rounding += one.rounding * one.rounding;
  return ESP_OK;
}

int esp_stack_judge(const esp_model *model, const esp_backend *backend, const esp_set *set, esp_far_record *record) {
  const esp_stack_param *p = model->param;
  const int slots = ((const esp_stack_plan *)model->plan)->slots;
  finding found = {.record = record};
  *record = (esp_far_record){0};
  if (!has_bound(p)) return ESP_OK;
  ESP_CALL(look(model, backend, set, judge, &found));
  record->bound = sqrt(record->bound / slots);
  record->rms = sqrt(record->rms / slots);
  record->of_sums = sqrt(record->of_sums / slots);
  record->rounding = sqrt(record->rounding / slots);
  return ESP_OK;
}

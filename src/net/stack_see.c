/* What a layer sees of the state, and what is dropped of it: see stack.h. */
#include "base/rng.h"
#include "net/stack_work.h"

enum { FIRST_SEEN = 4096 }; /* of the units: behind the hidden ones */

static int mask_create(const esp_stack_walk *k, const int64_t *id, int width, uint32_t first, double p, double **mask) {
  const uint64_t seed = esp_rng_bits(k->param->seed, k->model->draw, ESP_RNG_DROP, 0);
  if (p == 0) return ESP_OK;
  ESP_CALL(ESP_THERE(k->device, *mask, (size_t)k->n * (size_t)width));
  k->rows->state->drop(k->n, width, seed, id, first, p, *mask);
  return ESP_OK;
}

int esp_stack_drop(const esp_stack_walk *k) {
  const esp_stack_param *p = k->param;
  const esp_stack_slot *slot = k->plan->slot;
  const double state = k->plan->lift >= 0 ? p->dropout_state : 0;
  esp_pass *pass = k->pass;
  int64_t *id = NULL;
  int rc = ESP_OK;
  if (!k->model->draw || (p->dropout == 0 && state == 0)) return ESP_OK;
  ESP_TRY(ESP_THERE(k->device, id, k->n));
  ESP_TRY(k->device->put(id, k->set->id, (size_t)k->n * sizeof *id));
  ESP_TRY(mask_create(k, id, p->hidden, 0, p->dropout, &pass->mask));
  ESP_TRY(mask_create(k, id, slot->in, FIRST_SEEN, state, &pass->mask_seen));
  ESP_TRY(mask_create(k, id, slot[k->plan->slots - 1].in, FIRST_SEEN, state, &pass->mask_last));
done:
  rc = esp_device_settled(k->device, rc);
  ESP_THERE_FREE(k->device, id);
  return rc;
}

static const double *mask_of(const esp_stack_walk *k, int l) {
  return l == k->plan->slots - 1 ? k->pass->mask_last : k->pass->mask_seen;
}

int esp_stack_see(const esp_stack_walk *k, int l) {
  esp_pass *pass = k->pass;
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_norm *norm = esp_norms[k->param->norm];
  const size_t count = (size_t)k->n * (size_t)at->in;
  if (k->plan->lift < 0) return ESP_OK; /* x, as ever */
  pass->s = pass->state.depth->read(&pass->state, l, pass->read);
  if (norm->forward) {
    const double *gain = k->value + at->norm;
    ESP_CALL(norm->forward(k->backend, k->n, at->in, gain, gain + at->in, pass->s, pass->seen));
    pass->s = pass->seen;
  }
  if (k->param->activate) {
    k->dense->silu(count, pass->s, pass->seen);
    pass->s = pass->seen;
  }
  if (mask_of(k, l)) {
    k->rows->times(count, pass->s, mask_of(k, l), pass->seen);
    pass->s = pass->seen;
  }
  return ESP_OK;
}

int esp_stack_see_back(const esp_stack_walk *k, int l, double *dseen, double *ds, esp_gradient *to) {
  const esp_pass *pass = k->pass;
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_norm *norm = esp_norms[k->param->norm];
  const size_t count = (size_t)k->n * (size_t)at->in;
  const double *gain = k->value + at->norm, *s = pass->state.depth->read(&pass->state, l, pass->read);
  if (mask_of(k, l)) k->rows->times(count, dseen, mask_of(k, l), dseen);
  if (k->param->activate) { /* of what the norm makes, again */
    const double *t = s;
    if (norm->forward) ESP_CALL(norm->forward(k->backend, k->n, at->in, gain, gain + at->in, s, pass->seen));
    if (norm->forward) t = pass->seen;
    k->dense->silu_back(count, t, dseen, dseen);
  }
  if (!norm->forward) {
    k->rows->add(count, ds, dseen, ds);
    return ESP_OK;
  }
  return norm->backward(k->backend, k->n, at->in, gain, s, dseen, ds, esp_gradient_at(to, at->norm),
                        esp_gradient_at(to, at->norm + at->in));
}

/* ESP_ERR_VALUE on all ranks where one has a number that the state cannot hold: the bad-th of rows [n][width]. */
int esp_stack_held(const esp_stack_walk *k, const char *what, int64_t bad, int width, const double *rows) {
  double value = 0;
  int rc = ESP_OK;
  if (!k->pass->state.depth->grouped) return ESP_OK; /* floating: what is not finite is told by who uses it */
  if (bad >= 0) {
    rc = k->device->get(&value, rows + bad, sizeof value);
    if (!rc)
      rc =
          ESP_FAIL(ESP_ERR_VALUE,
                   "%s of particle id %lld, number %d: %g is to be added; net_depth %s holds what is finite and within "
                   "+-2^22: lower train_lr, or use net_norm layer",
                   what, (long long)k->set->id[bad / width], (int)(bad % width), value, k->pass->state.depth->name);
  }
  return k->backend->comm->agree(k->backend->comm, esp_device_settled(k->device, rc));
}

/* What a layer sees of the state: see stack.h. */
#include "net/stack_work.h"

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
  if (!k->param->activate) return ESP_OK;
  k->dense->silu(count, pass->s, pass->seen);
  pass->s = pass->seen;
  return ESP_OK;
}

int esp_stack_see_back(const esp_stack_walk *k, int l, double *dseen, double *ds, esp_gradient *to) {
  const esp_pass *pass = k->pass;
  const esp_stack_slot *at = &k->plan->slot[l];
  const esp_norm *norm = esp_norms[k->param->norm];
  const size_t count = (size_t)k->n * (size_t)at->in;
  const double *gain = k->value + at->norm, *s = pass->state.depth->read(&pass->state, l, pass->read);
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

/* States that are solved for: see depth.h. */
#include "net/stack_work.h"

static size_t numbers(const esp_stack_walk *k) {
  return (size_t)k->n * (size_t)k->param->width;
}

/* What was found, if it is what was wanted; the same on all ranks. */
static int settled(const esp_stack_walk *k, int l, const char *what, const esp_fixed_point_found *found) {
  const esp_fixed_point_param *p = &k->param->equilibrium;
  ESP_CHECK(
      found->change <= p->tolerance, ESP_ERR_VALUE,
      "layer %d: %s is not found: iteration %d of at most %d changes it by %.1e of itself, wanted is "
      "net_equilibrium_tolerance %g; what the layer makes of a difference was measured as %.2f of it, and must be "
      "below 1: use net_norm layer, lower train_lr, or allow more net_equilibrium_iterations",
      l, what, found->iterations, p->iterations, found->change, p->tolerance, found->contraction);
  return ESP_OK;
}

typedef struct {
  const esp_stack_walk *k;
  int l;
} settling;

/* s + f(z); z is the state behind the slot, where the slot reads it. */
static int map(void *context, const double *z, double *gz) {
  const settling *s = context;
  const esp_stack_walk *k = s->k;
  const esp_depth_state *state = &k->pass->state;
  (void)z;
  ESP_CALL(esp_stack_see(k, s->l));
  ESP_CALL(esp_stack_run(k, s->l, gz));
  k->rows->add(numbers(k), state->depth->before(state, s->l), gz, gz);
  return ESP_OK;
}

int esp_stack_settle(const esp_stack_walk *k, int l, esp_cost *cost) {
  const esp_depth_state *state = &k->pass->state;
  double *z = state->depth->before(state, l + 1);
  settling s = {k, l};
  esp_fixed_point_found found;
  k->rows->copy(numbers(k), state->depth->before(state, l), z);
  ESP_CALL(esp_fixed_point_solve(k->backend, &k->param->equilibrium, numbers(k), map, &s, z, &found));
  const esp_cost own = {.iterations = found.iterations, .contraction = found.contraction};
  if (cost) esp_cost_add(cost, &own);
  return settled(k, l, "the state behind it", &found);
}

int esp_stack_settle_back(const esp_stack_walk *k, int l, esp_fixed_point_map back, void *context, double *u,
                          esp_cost *cost) {
  esp_fixed_point_found found;
  ESP_CALL(esp_fixed_point_solve(k->backend, &k->param->equilibrium, numbers(k), back, context, u, &found));
  const esp_cost own = {.iterations_back = found.iterations, .contraction = found.contraction};
  if (cost) esp_cost_add(cost, &own);
  return settled(k, l, "the gradient by the state behind it", &found);
}

/* What is carried along: see stack.h. */
#include "net/stack_work.h"

/* Weight of a particle's own value beside those it hears: where nothing is heard it stays. */
static const double OWN = 1e-3;

const double *esp_stack_carried(const esp_stack_walk *k, int l) {
  return l == 0 ? k->pass->v : esp_stack_at(k, l - 1)->carried;
}

static esp_carriage carriage(const esp_stack_walk *k, int l) {
  const esp_stack_slot *at = &k->plan->slot[l];
  return (esp_carriage){at->wide.sum, at->own, k->F, OWN};
}

void esp_stack_carry(const esp_stack_walk *k, int l) {
  const esp_carriage c = carriage(k, l);
  const esp_stack_layer *layer = esp_stack_at(k, l);
  k->rows->carry(&c, k->n, layer->sum, esp_stack_carried(k, l), layer->carried);
}

/* What is carried behind the last layer. */
static const double *arrived(const esp_stack_walk *k) {
  return esp_stack_at(k, k->plan->slots - 1)->carried;
}

void esp_stack_carry_out(const esp_stack_walk *k, double *y) {
  k->rows->carry_out(k->n, k->F, k->value + k->plan->carried, arrived(k), k->pass->v, y);
}

void esp_stack_carry_out_back(const esp_stack_walk *k, const double *dy, double *dr, const esp_gradient *to) {
  k->rows->carry_out_back(k->n, k->F, k->value + k->plan->carried, arrived(k), k->pass->v, dy, dr,
                          esp_gradient_at(to, k->plan->carried));
}

void esp_stack_carry_back(const esp_stack_walk *k, int l, double *dr, double *dsum) {
  const esp_carriage c = carriage(k, l);
  const esp_stack_layer *layer = esp_stack_at(k, l);
  k->rows->carry_back(&c, k->n, layer->sum, layer->carried, dr, dsum);
}

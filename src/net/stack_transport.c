/* What is carried along: see stack.h. */
#include "base/exact_sum.h"
#include "net/stack_work.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* Weight of a particle's own value beside those it hears: where nothing is heard it stays. */
static const double OWN = 1e-3;

const double *esp_stack_carried(const esp_stack_walk *k, int l) {
  return l == 0 ? k->pass->v : k->pass->at[l - 1].carried;
}

void esp_stack_carry(const esp_stack_walk *k, int l) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const size_t F = (size_t)k->F, width = (size_t)at->wide.sum, own = (size_t)at->own;
  const double *before = esp_stack_carried(k, l);
  for (size_t i = 0; i < (size_t)k->n; i++) {
    const double *num = k->pass->at[l].sum + i * width + own, weight = num[F] + OWN;
    for (size_t f = 0; f < F; f++) k->pass->at[l].carried[i * F + f] = (num[f] + OWN * before[i * F + f]) / weight;
  }
}

void esp_stack_carry_out(const esp_stack_walk *k, double *y) {
  const size_t F = (size_t)k->F, last = (size_t)k->param->layers - 1;
  const double *gain = k->value + k->plan->carried, *end = k->pass->at[last].carried;
  for (size_t i = 0; i < (size_t)k->n; i++)
    for (size_t f = 0; f < F; f++) y[i * F + f] += gain[f] * (end[i * F + f] - k->pass->v[i * F + f]);
}

void esp_stack_carry_out_back(const esp_stack_walk *k, const double *dy, double *dr, int64_t *acc) {
  const size_t F = (size_t)k->F, last = (size_t)k->param->layers - 1, n = (size_t)k->n;
  const double *gain = k->value + k->plan->carried, *end = k->pass->at[last].carried;
  for (size_t f = 0; f < F; f++) {
    double group = 0;
    for (size_t i = 0; i < n; i++) {
      dr[i * F + f] = gain[f] * dy[i * F + f];
      group += dy[i * F + f] * (end[i * F + f] - k->pass->v[i * F + f]);
      if ((i + 1) % ESP_GROUP && i + 1 < n) continue;
      esp_exact_add(&ESP_EXACT_FULL, acc + ((size_t)k->plan->carried + f) * WORDS, group);
      group = 0;
    }
  }
}

void esp_stack_carry_back(const esp_stack_walk *k, int l, double *dr, double *dsum) {
  const esp_stack_slot *at = &k->plan->slot[l];
  const size_t F = (size_t)k->F, width = (size_t)at->wide.sum, own = (size_t)at->own;
  for (size_t i = 0; i < (size_t)k->n; i++) {
    const double *num = k->pass->at[l].sum + i * width + own, weight = num[F] + OWN;
    double *to = dsum + i * width + own;
    for (size_t f = 0; f < F; f++) {
      const double part = dr[i * F + f] / weight;
      to[f] += part;
      to[F] -= part * k->pass->at[l].carried[i * F + f];
      dr[i * F + f] = OWN * part;
    }
  }
}

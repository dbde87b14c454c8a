/* What far cells leave of an aggregate: one layer on n normal vectors of the plane (2048, or the argument), gates of a width, values
 * N(0, 1); root mean square error, and that of 99 % and of all, over the root mean square of what is heard over all pairs.
 * Figures: docs/figures/deep.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../relation_train_case.h"
#include "net/stack_work.h"

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* What each particle hears of one channel, A [n]. */
static esp_cost hear(const esp_stack_param *p, const esp_set *set, double *A) {
  esp_backend b = esp_backend_self();
  b.device = &esp_device_cpu64;
  esp_model r = relation_case_model(p, 5, 1);
  double *y = calloc((size_t)set->n, sizeof *y);
  esp_cost cost = {0};
  esp_pass *pass;
  OK(r.network->forward(&r, &b, set, NULL, y, &cost, &pass));
  const esp_stack_slot *at = ((esp_stack_plan *)r.plan)->slot;
  for (int i = 0; i < set->n; i++)
    esp_aggregates[p->aggregate]->hear(at->form.channels, pass->at[0].sum + i * at->wide.sum, A + i);
  r.network->pass_free(&pass);
  esp_model_free(&r);
  free(y);
  return cost;
}

static void row(esp_stack_param *p, const esp_set *set) {
  const int n = set->n;
  const double theta[] = {0.35, 0.7};
  double *A = calloc((size_t)n, sizeof *A), *near = calloc((size_t)n, sizeof *near), size = 0;
  p->domain.lists.theta = 0;
  hear(p, set, A);
  for (int i = 0; i < n; i++) size += A[i] * A[i] / n;
  for (int t = 0; t < 2; t++) {
    double square = 0;
    p->domain.lists.theta = theta[t];
    const esp_cost cost = hear(p, set, near);
    for (int i = 0; i < n; i++) near[i] = fabs(near[i] - A[i]) / sqrt(size), square += near[i] * near[i] / n;
    qsort(near, (size_t)n, sizeof *near, by_value);
    printf("%-8s %5g %5g %5g %7.3f %7.1f %7.1f %9.1e %9.1e %9.1e\n", esp_aggregate_name(p->aggregate), p->beta,
           p->scale, theta[t], sqrt(size), (double)cost.near_pairs / n, (double)cost.far_pairs / n, sqrt(square),
           near[(int)(0.99 * n)], near[n - 1]);
  }
  free(A);
  free(near);
}

int main(int argc, char **argv) {
  const double beta[] = {-4, 0, 1, 2, 4, 8, 16}, scale[] = {0.25, 1};
  esp_set set = relation_case_set(argc > 1 ? atoi(argv[1]) : 2048, 5, 1, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0);
  p.embedding = ESP_EMBED_COORDINATES, p.dim = 2, p.domain.leaf = 8, p.domain.block = 16;
  printf("%-8s %5s %5s %5s %7s %7s %7s %9s %9s %9s\n", "", "beta", "width", "theta", "heard", "pairs", "cells", "rms",
         "99 %", "most");
  for (int s = 0; s < 2; s++) {
    p.scale = scale[s];
    for (p.aggregate = 0; p.aggregate < 2; p.aggregate++) row(&p, &set);
    for (int k = 0; k < 7; k++) p.beta = beta[k], row(&p, &set);
    p.beta = 0;
  }
  esp_set_free(&set);
  return 0;
}

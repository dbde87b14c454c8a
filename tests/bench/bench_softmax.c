/* What far cells leave of an aggregate: one layer on n normal vectors of the plane (2048, or the argument), gates of a width, values
 * N(0, 1); root mean square error, and that of 99 % and of all, over the root mean square of what is heard over all pairs. Beside the
 * aggregates there are two that are none: a softmax whose weights do not level off, and the largest gated value, where a far cell says
 * its largest value at the mean of its places, or at the place of who has it. Figures: docs/figures/deep.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../relation_train_case.h"
#include "net/stack_work.h"

/* What is measured: aggregates of the network, and what takes their place. */
typedef enum { AS_IT_IS, EXPONENTIAL, LARGEST_AT_MEAN, LARGEST_AT_PLACE } kind;

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Weights exp(beta v), as far as float64 goes. */
static void weigh(int n, int channels, const double *beta, const double *v, double *said) {
  const size_t C = (size_t)channels;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t c = 0; c < C; c++) {
      said[(2 * i + 1) * C + c] = exp(beta[c] * v[i * C + c]);
      said[2 * i * C + c] = said[(2 * i + 1) * C + c] * v[i * C + c];
    }
}

/* A sender's place and value, and what a receiver at q hears of it. */
static double gated(const double *q, const double *place, double value, double scale) {
  const double x = q[0] - place[0], y = q[1] - place[1];
  return exp(-(x * x + y * y) / (2 * scale * scale)) * value;
}

/* The largest of what slot i hears of a node, one by one, or of the one with the largest value. */
static double largest_of(const esp_layer *layer, int node, size_t i, int far, kind what, double scale) {
  const esp_tree *tree = &layer->dom->tree;
  const size_t begin = (size_t)tree->part_first[node], end = begin + (size_t)tree->part_count[node];
  const double *rows = layer->host.source, *q = rows + 3 * i;
  double most = -INFINITY, place[2] = {0};
  size_t best = begin;
  for (size_t j = begin; j < end; j++) {
    if (!far && j != i) most = fmax(most, gated(q, rows + 3 * j, rows[3 * j + 2], scale));
    if (rows[3 * j + 2] > rows[3 * best + 2]) best = j;
    for (int a = 0; a < 2; a++) place[a] += rows[3 * j + (size_t)a] / (double)(end - begin);
  }
  return far ? gated(q, what == LARGEST_AT_PLACE ? rows + 3 * best : place, rows[3 * best + 2], scale) : most;
}

/* By slots. */
static void largest(const esp_layer *layer, kind what, double scale, double *A) {
  const esp_lists *lists = &layer->dom->lists;
  const esp_tree *tree = &layer->dom->tree;
  for (int b = 0; b < lists->n_block; b++) {
    const int row = esp_tree_block_row(tree, b);
    const size_t begin = (size_t)tree->part_first[row], end = begin + (size_t)tree->part_count[row];
    for (size_t i = begin; i < end; i++) {
      A[i] = largest_of(layer, row, i, 0, what, scale);
      for (int64_t k = lists->near_start[b]; k < lists->near_start[b + 1]; k++)
        A[i] = fmax(A[i], largest_of(layer, lists->near[k], i, 0, what, scale));
      for (int64_t k = lists->far_start[b]; k < lists->far_start[b + 1]; k++)
        A[i] = fmax(A[i], largest_of(layer, lists->far[k], i, 1, what, scale));
    }
  }
}

/* What each particle hears of one channel, A [n]. */
static esp_cost hear(const esp_stack_param *p, const esp_set *set, kind what, double *A) {
  esp_rows_state state = esp_rows_state_cpu;
  esp_rows rows = esp_rows_cpu;
  esp_device device = esp_device_cpu64;
  esp_backend b = esp_backend_self();
  if (what == EXPONENTIAL) state.weigh = weigh;
  rows.state = &state, device.rows = &rows, b.device = &device;
  esp_model r = relation_case_model(p, 5, 1);
  double *y = calloc((size_t)set->n, sizeof *y);
  esp_cost cost = {0};
  esp_pass *pass;
  OK(r.network->forward(&r, &b, set, NULL, y, &cost, &pass));
  const esp_stack_slot *at = ((esp_stack_plan *)r.plan)->slot;
  if (what >= LARGEST_AT_MEAN) largest(&pass->at[0].layer, what, p->scale, A);
  for (int i = 0; i < set->n && what < LARGEST_AT_MEAN; i++)
    esp_aggregates[p->aggregate]->hear(at->form.channels, pass->at[0].sum + i * at->wide.sum, A + i);
  r.network->pass_free(&pass);
  esp_model_free(&r);
  free(y);
  return cost;
}

static void row(esp_stack_param *p, const esp_set *set, kind what) {
  static const char *const name[] = {NULL, "exp", "mean", "place"};
  const int n = set->n;
  const double theta[] = {0.35, 0.7};
  double *A = calloc((size_t)n, sizeof *A), *near = calloc((size_t)n, sizeof *near), size = 0;
  p->domain.lists.theta = 0;
  hear(p, set, what, A);
  for (int i = 0; i < n; i++) size += A[i] * A[i] / n;
  for (int t = 0; t < 2; t++) {
    double square = 0;
    p->domain.lists.theta = theta[t];
    const esp_cost cost = hear(p, set, what, near);
    for (int i = 0; i < n; i++) near[i] = fabs(near[i] - A[i]) / sqrt(size), square += near[i] * near[i] / n;
    qsort(near, (size_t)n, sizeof *near, by_value);
    printf("%-8s %5g %5g %5g %7.3f %7.1f %7.1f %9.1e %9.1e %9.1e\n",
           what ? name[what] : esp_aggregate_name(p->aggregate), p->beta, p->scale, theta[t], sqrt(size),
           (double)cost.near_pairs / n, (double)cost.far_pairs / n, sqrt(square), near[(int)(0.99 * n)], near[n - 1]);
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
    for (p.aggregate = 0; p.aggregate < 2; p.aggregate++) row(&p, &set, AS_IT_IS);
    for (kind what = AS_IT_IS; what <= EXPONENTIAL; what++)
      for (int k = 0; k < 7; k++) p.beta = beta[k], row(&p, &set, what);
    p.beta = 0, p.aggregate = 1;
    for (kind what = LARGEST_AT_MEAN; what <= LARGEST_AT_PLACE; what++) row(&p, &set, what);
  }
  esp_set_free(&set);
  return 0;
}

#include <math.h>
#include <string.h>

#include "fmm/trade.h"

/* The moments of order 2 on as expansions take them. */
static void moments_close(const esp_fmm_work *w, const esp_fmm_sums *sums, const esp_fmm_cell *cell, float *to) {
  const double scale = (double)esp_fmm_cell_scale(cell->radius), inverse = scale > 0 ? 1 / scale : 0;
  /* (-1)^n / n! by term */
  static const double factor[ESP_FMM_MOMENTS] = {
      [4] = 1 / 2.0, 1,        1,        1 / 2.0,  1,        1 / 2.0,  -1 / 6.0, -1 / 2.0, -1 / 2.0, -1 / 2.0, -1,
      -1 / 2.0,      -1 / 6.0, -1 / 2.0, -1 / 2.0, -1 / 6.0, 1 / 24.0, 1 / 6.0,  1 / 6.0,  1 / 4.0,  1 / 2.0,  1 / 4.0,
      1 / 6.0,       1 / 2.0,  1 / 2.0,  1 / 6.0,  1 / 24.0, 1 / 6.0,  1 / 4.0,  1 / 6.0,  1 / 24.0};
  double power = inverse;
  int k = 4;
  for (int n = 2; n < w->param->order; n++) {
    power *= inverse;
    for (const int end = (n + 1) * (n + 2) * (n + 3) / 6; k < end; k++)
      to[k - 4] = (float)(sums->raw[k] * (factor[k] * power));
  }
}

void esp_fmm_row_close(const esp_fmm_work *w, const esp_fmm_sums *sums, const esp_fmm_node *node, esp_fmm_rows *tree,
                       int row) {
  esp_fmm_box box = {.radius = node->radius};
  memcpy(box.centre, node->centre, sizeof box.centre);
  memcpy(box.half, node->half, sizeof box.half);
  esp_fmm_cell_close(sums, &box, tree->cell + row);
  moments_close(w, sums, tree->cell + row, tree->moment + (size_t)row * (size_t)w->moments);
}

/* Masses of a leaf that comes: they are far apart in memory. Inline, as compilers drop calls that do nothing else. */
static inline __attribute__((always_inline)) void fetch_masses(const esp_fmm_work *w, int first) {
  for (int i = first; i < first + ESP_FMM_LEAF && i < w->n; i++) __builtin_prefetch(w->bodies->mass + w->body[i].body);
}

static void climb(esp_fmm_work *w, int row, const double *unit, esp_fmm_sums *sums) {
  const esp_fmm_cell *cell = w->own.cell + row;
  const int order = w->param->order;
  if (cell->right > 0) {
    esp_fmm_sums left, right;
    climb(w, row + 1, unit, &left);
    climb(w, cell->right, unit, &right);
    esp_fmm_sums_join(order, &left, &right, sums);
  } else {
    const int first = -cell->right, count = (int)cell->count;
    fetch_masses(w, first + 3 * ESP_FMM_LEAF);
    for (int i = first; i < first + count; i++) w->mass[i] = w->bodies->mass[w->body[i].body] * unit[0] * unit[1];
    double x[ESP_FMM_LEAF][3];
    for (int i = 0; i < count; i++)
      for (int a = 0; a < 3; a++) x[i][a] = w->x[a][first + i];
    esp_fmm_sums_leaf(order, count, (const double(*)[3])x, w->mass + first, sums);
  }
  esp_fmm_row_close(w, sums, w->own.node + row, &w->own, row);
}

static void join(const esp_fmm_work *w, const esp_fmm_gathered *left, const esp_fmm_gathered *right,
                 esp_fmm_gathered *to) {
  esp_fmm_sums_join(w->param->order, &left->sums, &right->sums, &to->sums);
}

static void close_row(const esp_fmm_work *w, const esp_fmm_gathered *of, const esp_fmm_node *box, esp_fmm_rows *tree,
                      int row) {
  esp_fmm_row_close(w, &of->sums, box, tree, row);
}

void esp_fmm_upward(esp_fmm_work *w) {
  double unit[2];
  esp_fmm_scale_factor(w->scale.mass, unit);
  for (int k = 0; k < w->share.pieces; k++) {
    const esp_fmm_piece *p = w->share.piece + k;
    esp_fmm_gathered *root = w->root + p->number;
    climb(w, p->row, unit, &root->sums);
    root->box = w->own.node[p->row];
  }
}

static int upward(esp_fmm_work *w) {
  esp_fmm_upward(w);
  return ESP_OK;
}

static int least(const esp_fmm_kernels *kernels, esp_fmm_work *w) {
  if (!w->bodies->previous) ESP_CALL(esp_fmm_trade(w, &esp_fmm_for_estimate));
  ESP_AGREE(w->comm, kernels->estimate(w));
  return ESP_OK;
}

static int receive(const esp_fmm_kernels *kernels, esp_fmm_work *w) {
  ESP_CALL(kernels->receive(w));
  return ESP_OK;
}

const esp_fmm_method esp_fmm_of_force = {0, 2, upward, least, receive, esp_fmm_acts_as_cell, join, close_row};

#include "tree/moments.h"

#include <string.h>

/* One row: first the left child, then the right one. Not inlined: one piece of machine code for own and top rows. */
static __attribute__((noinline)) void join_row(const esp_tree *tree, int row, int width, double *cell) {
  const size_t w = (size_t)width;
  const double *left = cell + (size_t)tree->child[2 * row] * w, *right = cell + (size_t)tree->child[2 * row + 1] * w;
  double *sum = cell + (size_t)row * w;
  for (size_t c = 0; c < w; c++) sum[c] = left[c] + right[c];
}

void esp_moments_upward(const esp_tree *tree, int width, esp_moments_add add, const void *context, double *cell) {
  for (int row = tree->own_rows - 1; row >= 0; row--) {
    if (tree->child[2 * row] >= 0) {
      join_row(tree, row, width, cell);
      continue;
    }
    double *sum = cell + (size_t)row * (size_t)width;
    memset(sum, 0, (size_t)width * sizeof *sum);
    const int first = tree->part_first[row], end = first + tree->part_count[row];
    for (int slot = first; slot < end; slot++) add(context, slot, sum);
  }
}

void esp_moments_top(const esp_tree *tree, int width, double *cell) {
  for (int row = tree->own_rows + tree->top_rows - 1; row >= tree->own_rows; row--) join_row(tree, row, width, cell);
}

static void pass_down(const esp_tree *tree, int row, int width, double *adjoint) {
  const size_t w = (size_t)width;
  const int held = tree->own_rows + tree->top_rows;
  const double *from = adjoint + (size_t)row * w;
  for (int side = 0; side < 2; side++) {
    const int child = tree->child[2 * row + side];
    if (child < 0 || child >= held) continue;
    double *to = adjoint + (size_t)child * w;
    for (size_t c = 0; c < w; c++) to[c] += from[c];
  }
}

void esp_moments_downward(const esp_tree *tree, int width, double *adjoint, esp_moments_pull pull, void *context) {
  for (int row = tree->own_rows; row < tree->own_rows + tree->top_rows; row++) pass_down(tree, row, width, adjoint);
  /* Own leaves are the last own rows, left to right: slot order. */
  for (int row = 0; row < tree->own_rows; row++) {
    pass_down(tree, row, width, adjoint);
    if (tree->child[2 * row] >= 0) continue;
    const int first = tree->part_first[row], end = first + tree->part_count[row];
    for (int slot = first; slot < end; slot++) pull(context, slot, adjoint + (size_t)row * (size_t)width);
  }
}

#include "tree/cells.h"

double esp_tree_members(const esp_tree *tree, int row) {
  int64_t heap = tree->heap[row], offset, count;
  if (tree->part_count[row] < INT32_MAX) return tree->part_count[row];
  int level = esp_heap_level(heap);
  esp_shape_node(&tree->shape, level, heap - ((int64_t)1 << level), &offset, &count);
  return (double)count;
}

static void join_row(const esp_cells *c, const esp_tree *tree, int row, double *cell) {
  const size_t width = (size_t)c->cell;
  const int left = tree->child[2 * row], right = tree->child[2 * row + 1];
  c->algebra->join(c->form, esp_tree_members(tree, left), cell + (size_t)left * width, esp_tree_members(tree, right),
                   cell + (size_t)right * width, cell + (size_t)row * width);
}

void esp_cells_upward(const esp_cells *c, const esp_tree *tree, const double *source, double *cell) {
  for (int row = tree->own_rows - 1; row >= 0; row--) {
    if (tree->child[2 * row] >= 0) {
      join_row(c, tree, row, cell);
      continue;
    }
    const double *members = source + (size_t)tree->part_first[row] * (size_t)c->source;
    c->algebra->leaf(c->form, tree->part_count[row], members, cell + (size_t)row * (size_t)c->cell);
  }
}

void esp_cells_top(const esp_cells *c, const esp_tree *tree, double *cell) {
  for (int row = tree->own_rows + tree->top_rows - 1; row >= tree->own_rows; row--) join_row(c, tree, row, cell);
}

void esp_cells_downward(const esp_cells *c, const esp_tree *tree, const double *source, const double *cell,
                        double *adjoint, double *dsource) {
  const esp_cell_algebra *a = c->algebra;
  const size_t width = (size_t)c->cell, wide = (size_t)c->adjoint;
  const int held = tree->own_rows + tree->top_rows;
  for (size_t row = 0; row < (size_t)held && a->close; row++)
    a->close(c->form, cell + row * width, adjoint + row * wide);
  for (int step = 0; step < held; step++) {
    /* top rows first: they are the ancestors of the own ones */
    const int row = step < tree->top_rows ? tree->own_rows + step : step - tree->top_rows;
    const double *from = cell + (size_t)row * width, *dfrom = adjoint + (size_t)row * wide;
    if (tree->child[2 * row] < 0) {
      const size_t first = (size_t)tree->part_first[row];
      a->pull(c->form, from, dfrom, tree->part_count[row], source + first * (size_t)c->source,
              dsource + first * (size_t)c->dsource);
      continue;
    }
    for (int side = 0; side < 2; side++) {
      const int child = tree->child[2 * row + side];
      if (child < 0 || child >= held) continue;
      a->pass(c->form, from, dfrom, cell + (size_t)child * width, adjoint + (size_t)child * wide);
    }
  }
}

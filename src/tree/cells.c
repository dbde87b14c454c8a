#include "tree/cells.h"

/* Stored second moment: xx xy xz yy yz zz. */
static const int axis1[6] = {0, 0, 0, 1, 1, 2}, axis2[6] = {0, 1, 2, 1, 2, 2};

/* C += weight u u^T */
static inline void add_square(double weight, const double *u, double *C) {
  for (int e = 0; e < 6; e++) C[e] += weight * (u[axis1[e]] * u[axis2[e]]);
}

static void leaf_cell(int count, const esp_source *source, esp_cell *cell) {
  double M = 0, X[3] = {0, 0, 0}, mean[3] = {0, 0, 0};
  *cell = (esp_cell){0};
  if (count == 0) return;
  for (int i = 0; i < count; i++) {
    M += source[i].mu;
    for (int a = 0; a < 3; a++) {
      X[a] += source[i].mu * source[i].y[a];
      mean[a] += source[i].y[a];
    }
  }
  cell->M = M;
  for (int a = 0; a < 3; a++) cell->X[a] = M > 0 ? X[a] / M : mean[a] / count;
  if (M <= 0) return;
  for (int i = 0; i < count; i++) {
    double u[3];
    for (int a = 0; a < 3; a++) u[a] = source[i].y[a] - cell->X[a];
    add_square(source[i].mu / M, u, cell->C);
  }
}

/* Particles in a row, also where part_count is saturated. */
static double row_count(const esp_tree *tree, int row) {
  int64_t heap = tree->heap[row], offset, count;
  if (tree->part_count[row] < INT32_MAX) return tree->part_count[row];
  int level = esp_heap_level(heap);
  esp_shape_node(&tree->shape, level, heap - ((int64_t)1 << level), &offset, &count);
  return (double)count;
}

/* Not inlined, here and below: one piece of machine code for own and for top rows, so that both round alike. */
static __attribute__((noinline)) void join_cells(const esp_cell *c1, const esp_cell *c2, double n1, double n2,
                                                 esp_cell *cell) {
  double M = c1->M + c2->M, w1 = c1->M, w2 = c2->M, sum = M;
  *cell = (esp_cell){.M = M};
  if (M <= 0) {
    w1 = n1;
    w2 = n2;
    sum = n1 + n2;
  }
  if (sum <= 0) return;
  for (int a = 0; a < 3; a++) cell->X[a] = (w1 * c1->X[a] + w2 * c2->X[a]) / sum;
  if (M <= 0) return;
  const esp_cell *child[2] = {c1, c2};
  for (int k = 0; k < 2; k++) {
    double weight = child[k]->M / M, u[3];
    for (int a = 0; a < 3; a++) u[a] = child[k]->X[a] - cell->X[a];
    for (int e = 0; e < 6; e++) cell->C[e] += weight * child[k]->C[e];
    add_square(weight, u, cell->C);
  }
}

static void join_row(const esp_tree *tree, int row, esp_cell *cell) {
  int left = tree->child[2 * row], right = tree->child[2 * row + 1];
  join_cells(&cell[left], &cell[right], row_count(tree, left), row_count(tree, right), &cell[row]);
}

void esp_cells_upward(const esp_tree *tree, const esp_source *source, esp_cell *cell) {
  for (int row = tree->own_rows - 1; row >= 0; row--) {
    if (tree->child[2 * row] < 0) {
      leaf_cell(tree->part_count[row], source + tree->part_first[row], &cell[row]);
    } else {
      join_row(tree, row, cell);
    }
  }
}

void esp_cells_top(const esp_tree *tree, esp_cell *cell) {
  for (int row = tree->own_rows + tree->top_rows - 1; row >= tree->own_rows; row--) join_row(tree, row, cell);
}

/* g += weight (dX + 2 dC u). The off-diagonal numbers already count both halves. */
static inline void add_shift(double weight, const esp_cell_adjoint *a, const double *u, double *g) {
  const double *d = a->dC;
  g[0] += weight * (a->dX[0] + (2 * d[0] * u[0] + d[1] * u[1] + d[2] * u[2]));
  g[1] += weight * (a->dX[1] + (d[1] * u[0] + 2 * d[3] * u[1] + d[4] * u[2]));
  g[2] += weight * (a->dX[2] + (d[2] * u[0] + d[4] * u[1] + 2 * d[5] * u[2]));
}

static __attribute__((noinline)) void pass_to_child(const esp_cell *parent, const esp_cell_adjoint *da,
                                                    const esp_cell *child, esp_cell_adjoint *dc) {
  if (parent->M <= 0 || child->M <= 0) return;
  double weight = child->M / parent->M, u[3];
  for (int a = 0; a < 3; a++) u[a] = child->X[a] - parent->X[a];
  add_shift(weight, da, u, dc->dX);
  for (int e = 0; e < 6; e++) dc->dC[e] += weight * da->dC[e];
}

static void pass_to_leaf(const esp_cell *cell, const esp_cell_adjoint *da, int count, const esp_source *source,
                         double (*dy)[3]) {
  if (cell->M <= 0) return;
  for (int i = 0; i < count; i++) {
    double u[3];
    for (int a = 0; a < 3; a++) u[a] = source[i].y[a] - cell->X[a];
    add_shift(source[i].mu / cell->M, da, u, dy[i]);
  }
}

void esp_cells_downward(const esp_tree *tree, const esp_source *source, const esp_cell *cell, esp_cell_adjoint *adjoint,
                        double (*dy)[3]) {
  int held = tree->own_rows + tree->top_rows;
  for (int step = 0; step < held; step++) {
    /* top rows first: they are the ancestors of the own ones */
    int row = step < tree->top_rows ? tree->own_rows + step : step - tree->top_rows;
    if (tree->child[2 * row] < 0) {
      int first = tree->part_first[row];
      pass_to_leaf(&cell[row], &adjoint[row], tree->part_count[row], source + first, dy + first);
      continue;
    }
    for (int side = 0; side < 2; side++) {
      int child = tree->child[2 * row + side];
      if (child >= 0 && child < held) pass_to_child(&cell[row], &adjoint[row], &cell[child], &adjoint[child]);
    }
  }
}

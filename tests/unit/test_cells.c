/* Proves that cells are the moments of their members and that the downward pass is their exact adjoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cloud.h"
#include "tree/cells.h"

enum { MASS_MIXED, MASS_ZERO, MASS_HALF, MASSES };

typedef struct {
  esp_tree tree;
  esp_source *source;
  esp_cell *cell;
} problem;

/* Slots in any order do: cells ask only for members. */
static void make(int n, int leaf, int kind, int mass, problem *p) {
  esp_shape s;
  assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
  assert_int_equal(esp_tree_create(&s, 3, 0, 1, 0, &p->tree), ESP_OK);
  double *z = cloud_keys(n, 3, kind);
  p->source = calloc((size_t)n + 1, sizeof *p->source);
  p->cell = calloc((size_t)p->tree.row_count, sizeof *p->cell);
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) p->source[i].y[a] = z[3 * i + a];
    int zero = mass == MASS_ZERO || (mass == MASS_HALF && (i % 3 == 0 || i < n / 2));
    p->source[i].mu = zero ? 0 : 0.1 + cloud_uniform((uint64_t)i + 12345);
  }
  free(z);
}

static void drop(problem *p) {
  esp_tree_free(&p->tree);
  free(p->source), free(p->cell);
}

static void close_to(double seen, double expected, double scale) {
  if (!(fabs(seen - expected) <= 1e-12 * scale)) fail_msg("%.17g, expected %.17g", seen, expected);
}

static void check_cell(const problem *p, int row) {
  int first = p->tree.part_first[row], count = p->tree.part_count[row];
  double M = 0, X[3] = {0}, mean[3] = {0}, C[3][3] = {{0}};
  for (int i = first; i < first + count; i++) {
    M += p->source[i].mu;
    for (int a = 0; a < 3; a++) X[a] += p->source[i].mu * p->source[i].y[a];
    for (int a = 0; a < 3; a++) mean[a] += p->source[i].y[a];
  }
  for (int a = 0; a < 3; a++) X[a] = M > 0 ? X[a] / M : count ? mean[a] / count : 0;
  for (int i = first; i < first + count && M > 0; i++) {
    for (int a = 0; a < 9; a++) {
      C[a / 3][a % 3] += p->source[i].mu / M * (p->source[i].y[a / 3] - X[a / 3]) * (p->source[i].y[a % 3] - X[a % 3]);
    }
  }
  const esp_cell *c = &p->cell[row];
  close_to(c->M, M, M);
  for (int a = 0; a < 3; a++) close_to(c->X[a], X[a], 1);
  double expected[6] = {C[0][0], C[0][1], C[0][2], C[1][1], C[1][2], C[2][2]};
  for (int e = 0; e < 6; e++) close_to(c->C[e], expected[e], 1);
}

static void cells_are_moments(void **state) {
  (void)state;
  int sizes[] = {0, 1, 2, 3, 8, 9, 100, 1000};
  for (int c = 0; c < 8 * CLOUD_KINDS * MASSES * 2; c++) {
    problem p;
    make(sizes[c % 8], c / 8 % 2 ? 8 : 1, c / 16 % CLOUD_KINDS, c / 16 / CLOUD_KINDS, &p);
    memset(p.cell, 0xff, sizeof *p.cell * (size_t)p.tree.row_count); /* what was there does not matter */
    esp_cells_upward(&p.tree, p.source, p.cell);
    for (int row = 0; row < p.tree.row_count; row++) check_cell(&p, row);
    drop(&p);
  }
}

/* A smooth function of all cells, with its gradient. */
static double loss(const problem *p, esp_cell_adjoint *adjoint) {
  double sum = 0;
  for (int row = 0; row < p->tree.row_count; row++) {
    const esp_cell *c = &p->cell[row];
    if (c->M <= 0) continue;
    for (int e = 0; e < 9; e++) {
      double value = e < 3 ? c->X[e] : c->C[e - 3], w = cloud_uniform((uint64_t)(row * 9 + e)) - 0.5;
      sum += w * (value + value * value);
      if (!adjoint) continue;
      *(e < 3 ? &adjoint[row].dX[e] : &adjoint[row].dC[e - 3]) = w * (1 + 2 * value);
    }
  }
  return sum;
}

static void downward_is_the_gradient(void **state) {
  (void)state;
  int sizes[] = {0, 1, 2, 7, 30, 61};
  for (int c = 0; c < 6 * MASSES * 2; c++) {
    problem p;
    int n = sizes[c % 6];
    make(n, c / 6 % 2 ? 8 : 1, CLOUD_BALL, c / 12, &p);
    esp_cell_adjoint *adjoint = calloc((size_t)p.tree.row_count, sizeof *adjoint);
    double(*dy)[3] = calloc((size_t)n + 1, sizeof *dy);
    for (int i = 0; i < n; i++) dy[i][1] = 100; /* it is added to */
    esp_cells_upward(&p.tree, p.source, p.cell);
    loss(&p, adjoint);
    esp_cells_downward(&p.tree, p.source, p.cell, adjoint, dy);
    for (int i = 0; i < 3 * n; i++) {
      double *y = &p.source[i / 3].y[i % 3], kept = *y, h = 1e-5, value[2];
      for (int side = 0; side < 2; side++) {
        *y = kept + (side ? h : -h);
        esp_cells_upward(&p.tree, p.source, p.cell);
        value[side] = loss(&p, NULL);
      }
      *y = kept;
      double slope = (value[1] - value[0]) / (2 * h), seen = dy[i / 3][i % 3] - (i % 3 == 1 ? 100 : 0);
      if (!(fabs(seen - slope) <= 1e-6 * fabs(slope) + 1e-9)) fail_msg("%.12g, difference quotient %.12g", seen, slope);
    }
    free(adjoint), free(dy);
    drop(&p);
  }
}

/* The upper rows of one tree handed over as top rows of another: same bits. */
static void top_rows_have_the_same_bits(void **state) {
  (void)state;
  problem p;
  int n = 300, size = 3;
  make(n, 8, CLOUD_BALL, MASS_HALF, &p);
  esp_cells_upward(&p.tree, p.source, p.cell);
  int rows = p.tree.row_count;
  esp_cell_adjoint *whole = calloc((size_t)rows, sizeof *whole), *part = calloc((size_t)rows, sizeof *part);
  double(*dy)[3] = calloc((size_t)n, sizeof *dy), (*dy_part)[3] = calloc((size_t)n, sizeof *dy);
  loss(&p, whole);
  esp_cells_downward(&p.tree, p.source, p.cell, whole, dy);
  for (int rank = 0; rank < size; rank++) {
    esp_tree t;
    assert_int_equal(esp_tree_create(&p.tree.shape, 3, rank, size, rows, &t), ESP_OK);
    int *row_of = malloc(sizeof(int) * (size_t)rows), row;
    for (int i = 0; i < rows; i++) row_of[i] = -1;
    for (int i = 0; i < t.own_rows; i++) row_of[t.heap[i] - 1] = i;
    for (int ghosts = 0; ghosts < 2; ghosts++) {
      for (int i = 0; i < rows; i++) {
        int first = p.tree.part_first[i], last = first + p.tree.part_count[i] - 1, cuts = 0;
        for (int r = 1; r < size; r++) {
          int64_t b, nb, slot, m;
          esp_shape_rank(&t.shape, r, size, &b, &nb, &slot, &m);
          cuts += first < slot && slot <= last;
        }
        if (row_of[i] >= 0 || (cuts > 0) == ghosts) continue;
        assert_int_equal(esp_tree_append(&t, i + 1, ghosts ? 0 : -1, -1, &row), ESP_OK);
        row_of[i] = row;
        t.top_rows += !ghosts;
      }
    }
    esp_cell *cell = calloc((size_t)t.row_count, sizeof *cell);
    esp_cell_adjoint *a = calloc((size_t)t.row_count, sizeof *a);
    loss(&p, part);
    for (int i = 0; i < rows; i++) {
      row = row_of[i];
      if (row >= t.own_rows + t.top_rows) cell[row] = p.cell[i];
      a[row] = part[i];
      for (int k = 0; k < 2 && row >= t.own_rows && p.tree.child[2 * i] >= 0; k++) {
        t.child[2 * row + k] = row_of[p.tree.child[2 * i + k]];
      }
    }
    assert_true(t.top_rows > 0);
    esp_cells_upward(&t, p.source + t.slot_first, cell);
    esp_cells_top(&t, cell);
    for (int i = 0; i < rows; i++) assert_memory_equal(&cell[row_of[i]], &p.cell[i], sizeof *cell);
    esp_cells_downward(&t, p.source + t.slot_first, cell, a, dy_part + t.slot_first);
    free(row_of), free(cell), free(a);
    esp_tree_free(&t);
  }
  assert_memory_equal(dy, dy_part, sizeof *dy * (size_t)n);
  free(whole), free(part), free(dy), free(dy_part);
  drop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(cells_are_moments), cmocka_unit_test(downward_is_the_gradient),
                                     cmocka_unit_test(top_rows_have_the_same_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#include "message/newton.h"

enum { MASS_MIXED, MASS_ZERO, MASS_HALF, MASSES };

typedef struct {
  esp_tree tree;
  double (*source)[ESP_BODY], (*cell)[ESP_MASS_CELL];
} problem;

typedef double adjoint_row[ESP_MASS_ADJOINT];

static const esp_cells walk = {&esp_mass_cells, NULL, ESP_BODY, 3, ESP_MASS_CELL, ESP_MASS_ADJOINT};

static void upward(const problem *p) {
  esp_cells_upward(&walk, &p->tree, &p->source[0][0], &p->cell[0][0]);
}

/* Slots in any order do: cells ask only for members. */
static void make(int n, int leaf, int kind, int mass, problem *p) {
  esp_shape s;
  assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
  assert_int_equal(esp_tree_create(&s, 3, 0, 1, 0, &p->tree), ESP_OK);
  double *z = cloud_keys(n, 3, kind);
  p->source = calloc((size_t)n + 1, sizeof *p->source);
  p->cell = calloc((size_t)p->tree.row_count, sizeof *p->cell);
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) p->source[i][a] = z[3 * i + a];
    int zero = mass == MASS_ZERO || (mass == MASS_HALF && (i % 3 == 0 || i < n / 2));
    p->source[i][3] = zero ? 0 : 0.1 + cloud_uniform((uint64_t)i + 12345);
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
    M += p->source[i][3];
    for (int a = 0; a < 3; a++) X[a] += p->source[i][3] * p->source[i][a];
    for (int a = 0; a < 3; a++) mean[a] += p->source[i][a];
  }
  for (int a = 0; a < 3; a++) X[a] = M > 0 ? X[a] / M : count ? mean[a] / count : 0;
  for (int i = first; i < first + count && M > 0; i++) {
    for (int a = 0; a < 9; a++) {
      C[a / 3][a % 3] += p->source[i][3] / M * (p->source[i][a / 3] - X[a / 3]) * (p->source[i][a % 3] - X[a % 3]);
    }
  }
  const double *c = p->cell[row];
  close_to(c[0], M, M);
  for (int a = 0; a < 3; a++) close_to(c[1 + a], X[a], 1);
  double expected[6] = {C[0][0], C[0][1], C[0][2], C[1][1], C[1][2], C[2][2]};
  for (int e = 0; e < 6; e++) close_to(c[4 + e], expected[e], 1);
}

static void cells_are_moments(void **state) {
  (void)state;
  int sizes[] = {0, 1, 2, 3, 8, 9, 100, 1000};
  for (int c = 0; c < 8 * CLOUD_KINDS * MASSES * 2; c++) {
    problem p;
    make(sizes[c % 8], c / 8 % 2 ? 8 : 1, c / 16 % CLOUD_KINDS, c / 16 / CLOUD_KINDS, &p);
    memset(p.cell, 0xff, sizeof *p.cell * (size_t)p.tree.row_count); /* what was there does not matter */
    upward(&p);
    for (int row = 0; row < p.tree.row_count; row++) check_cell(&p, row);
    drop(&p);
  }
}

/* A smooth function of all cells, with its gradient. */
static double loss(const problem *p, adjoint_row *adjoint) {
  double sum = 0;
  for (int row = 0; row < p->tree.row_count; row++) {
    const double *c = p->cell[row];
    if (c[0] <= 0) continue;
    for (int e = 0; e < 9; e++) {
      double value = c[1 + e], w = cloud_uniform((uint64_t)(row * 9 + e)) - 0.5;
      sum += w * (value + value * value);
      if (!adjoint) continue;
      adjoint[row][e] = w * (1 + 2 * value);
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
    adjoint_row *adjoint = calloc((size_t)p.tree.row_count, sizeof *adjoint);
    double(*dy)[3] = calloc((size_t)n + 1, sizeof *dy);
    for (int i = 0; i < n; i++) dy[i][1] = 100; /* it is added to */
    upward(&p);
    loss(&p, adjoint);
    esp_cells_downward(&walk, &p.tree, &p.source[0][0], &p.cell[0][0], &adjoint[0][0], &dy[0][0]);
    for (int i = 0; i < 3 * n; i++) {
      double *y = &p.source[i / 3][i % 3], kept = *y, h = 1e-5, value[2];
      for (int side = 0; side < 2; side++) {
        *y = kept + (side ? h : -h);
        upward(&p);
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
  upward(&p);
  int rows = p.tree.row_count;
  adjoint_row *whole = calloc((size_t)rows, sizeof *whole), *part = calloc((size_t)rows, sizeof *part);
  double(*dy)[3] = calloc((size_t)n, sizeof *dy), (*dy_part)[3] = calloc((size_t)n, sizeof *dy);
  loss(&p, whole);
  esp_cells_downward(&walk, &p.tree, &p.source[0][0], &p.cell[0][0], &whole[0][0], &dy[0][0]);
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
    double(*cell)[ESP_MASS_CELL] = calloc((size_t)t.row_count, sizeof *cell);
    adjoint_row *a = calloc((size_t)t.row_count, sizeof *a);
    loss(&p, part);
    for (int i = 0; i < rows; i++) {
      row = row_of[i];
      if (row >= t.own_rows + t.top_rows) memcpy(cell[row], p.cell[i], sizeof *cell);
      memcpy(a[row], part[i], sizeof *a);
      for (int k = 0; k < 2 && row >= t.own_rows && p.tree.child[2 * i] >= 0; k++) {
        t.child[2 * row + k] = row_of[p.tree.child[2 * i + k]];
      }
    }
    assert_true(t.top_rows > 0);
    esp_cells_upward(&walk, &t, p.source[t.slot_first], &cell[0][0]);
    esp_cells_top(&walk, &t, &cell[0][0]);
    for (int i = 0; i < rows; i++) assert_memory_equal(&cell[row_of[i]], &p.cell[i], sizeof *cell);
    esp_cells_downward(&walk, &t, p.source[t.slot_first], &cell[0][0], &a[0][0], dy_part[t.slot_first]);
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

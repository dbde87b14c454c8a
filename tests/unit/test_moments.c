/* Proves that cells that are plain sums are the sums of their members, that the downward pass gives every member the sum over the cells
 * it is in, and that rows handed over as top rows of a rank's tree are the same bits. */
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

enum { MOST = 1000, WIDE = 7 };

/* What a particle adds: x_c in column c of `width`. */
typedef struct {
  int width;
  double x[MOST][WIDE], dx[MOST][WIDE];
} members;
static members m;

static void leaf(const esp_form *form, int count, const double *source, double *cell) {
  (void)form;
  for (int c = 0; c < m.width; c++) cell[c] = 0;
  for (int i = 0; i < count; i++)
    for (int c = 0; c < m.width; c++) cell[c] += source[i * WIDE + c];
}

static void join(const esp_form *form, double n1, const double *c1, double n2, const double *c2, double *cell) {
  (void)form, (void)n1, (void)n2;
  for (int c = 0; c < m.width; c++) cell[c] = c1[c] + c2[c];
}

static void pass(const esp_form *form, const double *cell, const double *adjoint, const double *child, double *to) {
  (void)form, (void)cell, (void)child;
  for (int c = 0; c < m.width; c++) to[c] += adjoint[c];
}

static void pull(const esp_form *form, const double *cell, const double *adjoint, int count, const double *source,
                 double *dsource) {
  (void)form, (void)cell, (void)source;
  for (int i = 0; i < count; i++)
    for (int c = 0; c < m.width; c++) dsource[i * WIDE + c] += adjoint[c];
}

static const esp_cell_algebra algebra = {.leaf = leaf, .join = join, .pass = pass, .pull = pull};

static esp_cells walk(void) {
  return (esp_cells){&algebra, NULL, WIDE, WIDE, m.width, m.width};
}

static void upward(const esp_tree *tree, double *cell) {
  const esp_cells cells = walk();
  esp_cells_upward(&cells, tree, m.x[tree->slot_first], cell);
}

/* Rows of cells are not asked for: the adjoint of a sum is the same for every member. */
static void downward(const esp_tree *tree, double *adjoint) {
  const esp_cells cells = walk();
  esp_cells_downward(&cells, tree, m.x[tree->slot_first], adjoint, adjoint, m.dx[tree->slot_first]);
}

static void make(int n, int leaf, int width, esp_tree *tree) {
  esp_shape s;
  assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
  assert_int_equal(esp_tree_create(&s, 3, 0, 1, 0, tree), ESP_OK);
  m.width = width;
  memset(m.dx, 0, sizeof m.dx);
  for (int k = 0; k < MOST * WIDE; k++) m.x[k / WIDE][k % WIDE] = cloud_uniform((uint64_t)k) - 0.5;
}

static double *rows_of(const esp_tree *tree, int width, double fill) {
  double *cell = malloc(sizeof *cell * (size_t)(tree->row_count * width + 1));
  for (int k = 0; k < tree->row_count * width; k++) cell[k] = fill;
  return cell;
}

static double weight(int row, int c) {
  return cloud_uniform((uint64_t)(row * WIDE + c) + 99999) - 0.5;
}

static const int sizes[] = {0, 1, 2, 3, 8, 9, 100, 1000}, widths[] = {1, 2, WIDE};

static void sums(void **state) {
  (void)state;
  for (int k = 0; k < 8 * 2 * 3; k++) {
    esp_tree tree;
    const int width = widths[k / 16];
    make(sizes[k % 8], k / 8 % 2 ? 8 : 1, width, &tree);
    double *cell = rows_of(&tree, width, NAN); /* what was there does not matter */
    upward(&tree, cell);
    for (int row = 0; row < tree.row_count; row++)
      for (int c = 0; c < width; c++) {
        double sum = 0;
        for (int i = 0; i < tree.part_count[row]; i++) sum += m.x[tree.part_first[row] + i][c];
        assert_true(fabs(cell[row * width + c] - sum) <= 1e-12);
      }
    free(cell);
    esp_tree_free(&tree);
  }
}

static void adjoint(void **state) {
  (void)state;
  for (int k = 0; k < 8 * 2 * 3; k++) {
    esp_tree tree;
    const int width = widths[k / 16], n = sizes[k % 8];
    make(n, k / 8 % 2 ? 8 : 1, width, &tree);
    double *da = rows_of(&tree, width, 0);
    for (int row = 0; row < tree.row_count; row++)
      for (int c = 0; c < width; c++) da[row * width + c] = weight(row, c);
    downward(&tree, da);
    for (int i = 0; i < n; i++)
      for (int c = 0; c < width; c++) {
        double sum = 0;
        for (int row = 0; row < tree.row_count; row++)
          if (i >= tree.part_first[row] && i < tree.part_first[row] + tree.part_count[row]) sum += weight(row, c);
        assert_true(fabs(m.dx[i][c] - sum) <= 1e-13);
      }
    free(da);
    esp_tree_free(&tree);
  }
}

/* Which rows of the whole tree straddle a cut of `size` ranks. */
static int straddles(const esp_tree *tree, int row, int size) {
  const int first = tree->part_first[row], last = first + tree->part_count[row] - 1;
  int cuts = 0;
  for (int r = 1; r < size; r++) {
    int64_t b, nb, slot, count;
    esp_shape_rank(&tree->shape, r, size, &b, &nb, &slot, &count);
    cuts += first < slot && slot <= last;
  }
  return cuts > 0;
}

/* The tree of one rank, with the straddling rows as top rows and all others as ghosts. */
static int *share_of(const esp_tree *whole, int rank, int size, esp_tree *t) {
  const int rows = whole->row_count;
  int *row_of = malloc(sizeof(int) * (size_t)rows), row;
  assert_int_equal(esp_tree_create(&whole->shape, 3, rank, size, rows, t), ESP_OK);
  for (int i = 0; i < rows; i++) row_of[i] = -1;
  for (int i = 0; i < t->own_rows; i++) row_of[t->heap[i] - 1] = i;
  for (int ghosts = 0; ghosts < 2; ghosts++)
    for (int i = 0; i < rows; i++) {
      if (row_of[i] >= 0 || straddles(whole, i, size) == ghosts) continue;
      assert_int_equal(esp_tree_append(t, i + 1, ghosts ? 0 : -1, -1, &row), ESP_OK);
      row_of[i] = row;
      t->top_rows += !ghosts;
    }
  for (int i = 0; i < rows; i++)
    for (int side = 0; side < 2 && row_of[i] >= t->own_rows && whole->child[2 * i] >= 0; side++)
      t->child[2 * row_of[i] + side] = row_of[whole->child[2 * i + side]];
  return row_of;
}

static void top_rows_have_the_same_bits(void **state) {
  (void)state;
  enum { n = 300, size = 3, width = WIDE };
  static double dx[MOST][WIDE];
  esp_tree whole, t;
  make(n, 8, width, &whole);
  const int rows = whole.row_count;
  double *cell = rows_of(&whole, width, 0), *da = rows_of(&whole, width, 0);
  for (int k = 0; k < rows * width; k++) da[k] = weight(k / width, k % width);
  upward(&whole, cell);
  downward(&whole, da);
  memcpy(dx, m.dx, sizeof dx);
  memset(m.dx, 0, sizeof m.dx);
  for (int rank = 0; rank < size; rank++) {
    int *row_of = share_of(&whole, rank, size, &t);
    double *part = rows_of(&t, width, NAN), *dpart = rows_of(&t, width, 0);
    assert_true(t.top_rows > 0);
    for (int i = 0; i < rows; i++) {
      if (row_of[i] >= t.own_rows + t.top_rows)
        memcpy(part + row_of[i] * width, cell + i * width, width * sizeof *cell);
      for (int c = 0; c < width; c++) dpart[row_of[i] * width + c] = weight(i, c);
    }
    upward(&t, part);
    const esp_cells cells = walk();
    esp_cells_top(&cells, &t, part);
    for (int i = 0; i < rows; i++)
      assert_memory_equal(part + row_of[i] * width, cell + i * width, width * sizeof *cell);
    downward(&t, dpart);
    free(row_of), free(part), free(dpart);
    esp_tree_free(&t);
  }
  assert_memory_equal(dx, m.dx, n * sizeof *dx);
  free(cell), free(da);
  esp_tree_free(&whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sums), cmocka_unit_test(adjoint),
                                     cmocka_unit_test(top_rows_have_the_same_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that moments are the sums of their members, that the downward pass gives every member the sum over the cells
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
#include "tree/moments.h"

enum { MOST = 1000, WIDE = 7 };

/* What a particle adds: x_c in column c of `width`. */
typedef struct {
  int width, slot_first, next; /* next: pull is called slot by slot */
  double x[MOST][WIDE], dx[MOST][WIDE];
} members;
static members m;

static void add(const void *context, int slot, double *row) {
  const members *from = context;
  for (int c = 0; c < from->width; c++) row[c] += from->x[from->slot_first + slot][c];
}

static void pull(void *context, int slot, const double *adjoint) {
  members *to = context;
  assert_int_equal(slot, to->next++);
  memcpy(to->dx[to->slot_first + slot], adjoint, sizeof(double) * (size_t)to->width);
}

static void make(int n, int leaf, int width, esp_tree *tree) {
  esp_shape s;
  assert_int_equal(esp_shape_make(n, leaf, leaf, &s), ESP_OK);
  assert_int_equal(esp_tree_create(&s, 3, 0, 1, 0, tree), ESP_OK);
  m.width = width;
  m.slot_first = m.next = 0;
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
    esp_moments_upward(&tree, width, add, &m, cell);
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
    esp_moments_downward(&tree, width, da, pull, &m);
    assert_int_equal(m.next, n);
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
  esp_moments_upward(&whole, width, add, &m, cell);
  esp_moments_downward(&whole, width, da, pull, &m);
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
    m.slot_first = (int)t.slot_first;
    m.next = 0;
    esp_moments_upward(&t, width, add, &m, part);
    esp_moments_top(&t, width, part);
    for (int i = 0; i < rows; i++)
      assert_memory_equal(part + row_of[i] * width, cell + i * width, width * sizeof *cell);
    esp_moments_downward(&t, width, dpart, pull, &m);
    assert_int_equal(m.next, t.n_own);
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

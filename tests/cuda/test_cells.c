/* Proves that the device's cells are the CPU's, every number's every bit: up own rows and top rows, and down again, of every
 * message's algebra, on one rank and on one of several. ESPALIER_MODEL_ORDER: of the model (tests/cuda/model). */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "cuda/kernels.h"
#include "message/gate.h"
#include "message/newton.h"

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

/* Rows of one rank of some: its own, the top ones, and ghosts below these. */
static void straddle(const esp_shape *shape, int64_t heap, int size, int *cuts) {
  int64_t offset, count, unused[2], slot, slots;
  const int level = esp_heap_level(heap);
  esp_shape_node(shape, level, heap - ((int64_t)1 << level), &offset, &count);
  *cuts = 0;
  for (int r = 1; r < size; r++) {
    esp_shape_rank(shape, r, size, &unused[0], &unused[1], &slot, &slots);
    *cuts += offset < slot && slot < offset + count;
  }
}

static int row_of(const esp_tree *t, int64_t heap) {
  for (int row = 0; row < t->row_count; row++)
    if (t->heap[row] == heap) return row;
  return -1;
}

static void tree_make(int n, int leaf, int block, int rank, int size, esp_tree *t) {
  esp_shape shape;
  int cuts, row;
  MUST(esp_shape_make(n, leaf, block, &shape));
  MUST(esp_tree_create(&shape, 3, rank, size, 0, t));
  for (int64_t heap = 1; heap < (int64_t)1 << (shape.block_level + 1); heap++) {
    straddle(&shape, heap, size, &cuts);
    if (!cuts) continue;
    MUST(esp_tree_append(t, heap, -1, -1, &row));
    t->top_rows++;
  }
  for (int top = t->own_rows; top < t->own_rows + t->top_rows; top++)
    for (int side = 0; side < 2; side++) {
      const int64_t heap = 2 * t->heap[top] + side;
      row = row_of(t, heap);
      if (row < 0) MUST(esp_tree_append(t, heap, 0, 0, &row));
      t->child[2 * top + side] = row;
    }
}

static double *random_rows(size_t count, uint64_t seed) {
  double *x = NULL;
  MUST(ESP_ALLOC(x, count));
  for (size_t i = 0; i < count; i++) x[i] = esp_rng_normal(seed, i, ESP_RNG_TEST, 0);
  return x;
}

static double *sources(const esp_form *f, const esp_widths *w, int n, int mass) {
  double *x = random_rows((size_t)n * (size_t)w->source, 1);
  for (size_t i = 0; i < (size_t)n && f->message->cells == &esp_mass_cells; i++) {
    double *mu = x + i * ESP_BODY + ESP_BODY_MASS;
    *mu = mass == 0 || (mass == 1 && (i % 3 == 0 || i < (size_t)n / 2)) ? 0 : fabs(*mu);
  }
  return x;
}

/* By a device; arrays are the host's. */
static void walk(const esp_cells *c, esp_domain *dom, const double *source, double *cell, double *adjoint,
                 double *dsource) {
  const esp_device *d = &esp_device_cuda32;
  const size_t bytes[] = {
      (size_t)dom->tree.n_own * (size_t)c->source * 8, (size_t)dom->tree.row_count * (size_t)c->cell * 8,
      (size_t)dom->tree.row_count * (size_t)c->adjoint * 8, (size_t)dom->tree.n_own * (size_t)c->dsource * 8};
  double *host[] = {(double *)source, cell, adjoint, dsource};
  void *there[4];
  for (int k = 0; k < 4; k++) {
    MUST(d->alloc(&there[k], bytes[k]));
    MUST(d->put(there[k], host[k], bytes[k]));
  }
  MUST(d->cells->upward(c, dom, there[0], there[1]));
  MUST(d->cells->top(c, dom, there[1]));
  MUST(d->cells->downward(c, dom, there[0], there[1], there[2], there[3]));
  for (int k = 0; k < 4; k++) {
    MUST(d->get(host[k], there[k], bytes[k]));
    d->free(&there[k]);
  }
}

static void same(const esp_form *f, const char *what, const esp_tree *t, size_t count, const double *a,
                 const double *b) {
  for (size_t i = 0; i < count; i++) {
    uint64_t x, y;
    memcpy(&x, a + i, 8), memcpy(&y, b + i, 8);
    if (x != y)
      fail_msg("%s: %s, number %zu: %a on the host, %a on the device (d %d, C %d, den %d, order %d, n %lld, depth %d)",
               f->message->name, what, i, a[i], b[i], f->dim, f->channels, f->den, f->order, (long long)t->shape.n,
               t->shape.depth);
  }
}

static void compare(const esp_form *f, int n, int leaf, int block, int rank, int size, int mass) {
  const esp_widths w = esp_form_widths(f);
  const esp_cells c = esp_form_cells(f, &w);
  esp_domain dom = {0};
  tree_make(n, leaf, block, rank, size, &dom.tree);
  const esp_tree *t = &dom.tree;
  const size_t rows = (size_t)t->row_count, own = (size_t)t->n_own;
  double *source = sources(f, &w, t->n_own, mass), *mine[3], *its[3];
  for (int k = 0; k < 2; k++) {
    double **to = k ? its : mine;
    to[0] = random_rows(rows * (size_t)w.cell, 2);
    for (size_t i = 0; i < rows * (size_t)w.cell; i += (size_t)w.cell) /* masses and counts, whichever they are */
      for (int m = 0; m < w.cell; m++) to[0][i + (size_t)m] = fabs(to[0][i + (size_t)m]);
    to[1] = random_rows(rows * (size_t)w.adjoint, 3);
    to[2] = random_rows(own * (size_t)w.dsource, 4);
  }
  esp_cells_upward(&c, t, source, mine[0]);
  esp_cells_top(&c, t, mine[0]);
  esp_cells_downward(&c, t, source, mine[0], mine[1], mine[2]);
  walk(&c, &dom, source, its[0], its[1], its[2]);
  same(f, "cell", t, rows * (size_t)w.cell, mine[0], its[0]);
  same(f, "adjoint", t, rows * (size_t)w.adjoint, mine[1], its[1]);
  same(f, "source", t, own * (size_t)w.dsource, mine[2], its[2]);
  for (int k = 0; k < 3; k++) {
    ESP_FREE(mine[k]);
    ESP_FREE(its[k]);
  }
  ESP_FREE(source);
  if (dom.rows_there) dom.rows_free(&dom.rows_there);
  assert_null(dom.rows_there);
  esp_tree_free(&dom.tree);
}

static void sizes(const esp_form *f) {
  static const int n[] = {0, 1, 7, 31, 32, 33, 1000};
  for (int k = 0; k < 7; k++)
    for (int mass = 0; mass < (f->message->cells == &esp_mass_cells ? 3 : 1); mass++) {
      compare(f, n[k], 8, 64, 0, 1, mass);
      compare(f, n[k], 1, 5, 0, 1, mass); /* some leaves are empty */
      if (f->order < 3) compare(f, n[k], 300, 300, 0, 1, mass);
      for (int rank = 0; rank < 3; rank++) compare(f, n[k], 3, 9, rank, 3, mass);
    }
}

static void bodies(void **state) {
  (void)state;
  const esp_message *const all[] = {&esp_message_newton, &esp_message_newton_mlp, &esp_message_correction,
                                    &esp_message_law};
  for (int k = 0; k < 4; k++) {
    const esp_form f = {.message = all[k], .dim = 3, .channels = 4};
    sizes(&f);
  }
}

static void gate(void **state) {
  (void)state;
  static const int shape[][3] = {{1, 1, 2}, {2, 1, 3}, {3, 2, 1}, {4, 1, 2}, {5, 3, 0}, {6, 2, 3}};
  for (int k = 0; k < 6; k++) {
    const esp_form f = {.message = &esp_message_gate,
                        .dim = shape[k][0],
                        .channels = shape[k][1],
                        .order = shape[k][2],
                        .den = k % 2,
                        .unit = 0.7};
    sizes(&f);
  }
}

static void learned(void **state) {
  (void)state;
  static const int shape[][2] = {{1, 1}, {2, 5}, {6, 17}};
  for (int k = 0; k < 3; k++) {
    const esp_form f = {
        .message = &esp_message_gate_mlp, .dim = shape[k][0], .channels = shape[k][1], .den = 1, .unit = 1};
    sizes(&f);
  }
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(bodies), cmocka_unit_test(gate), cmocka_unit_test(learned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

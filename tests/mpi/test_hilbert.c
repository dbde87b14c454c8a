/* Proves that the Hilbert index is one: every cell once, neighbours one after the other, in any dimension, whole
 * sub-cubes in a row; and that cuts by it and by bisection have the sizes they should and do not depend on the ranks at
 * hand. */
#include "case.h"

#include "domain/hilbert.h"
#include "domain/partition_cuts.h"
#include "tree/tree.h"

static void curve(int dim, int bits) {
  const int count = 1 << (dim * bits);
  int *met = malloc(sizeof(int) * (size_t)count);
  for (int c = 0; c < count; c++) met[c] = -1;
  for (int c = 0; c < count; c++) {
    uint64_t cell[16];
    for (int a = 0; a < dim; a++) cell[a] = (uint64_t)(c >> (a * bits)) & ((1u << bits) - 1);
    const double index = esp_hilbert_index(dim, bits, cell);
    assert_true(index >= 0 && index < count);
    assert_int_equal(met[(int)index], -1);
    met[(int)index] = c;
  }
  for (int k = 1; k < count; k++) { /* one step along one axis */
    int steps = 0;
    for (int a = 0; a < dim; a++)
      steps += abs(((met[k] >> (a * bits)) & ((1 << bits) - 1)) - ((met[k - 1] >> (a * bits)) & ((1 << bits) - 1)));
    assert_int_equal(steps, 1);
  }
  free(met);
}

static void curves(void **state) {
  (void)state;
  curve(1, 5);
  curve(2, 1);
  curve(2, 5);
  curve(3, 3);
  curve(4, 3);
  curve(5, 2);
  curve(8, 1);
  curve(12, 1);
}

static void many_dimensions(void **state) {
  (void)state;
  for (int dim = 1; dim <= ESP_MAX_DIM; dim++) {
    uint64_t cell[ESP_MAX_DIM] = {0};
    const int bits = esp_hilbert_bits(dim);
    assert_true(bits >= 1 && bits * dim >= ESP_HILBERT_BITS && (bits - 1) * dim < ESP_HILBERT_BITS);
    assert_true(esp_hilbert_index(dim, bits, cell) == 0);
    for (int k = 0; k < 50; k++) {
      for (int a = 0; a < dim; a++) cell[a] = case_bits((uint64_t)(k * dim + a)) & (((uint64_t)1 << bits) - 1);
      const double index = esp_hilbert_index(dim, bits, cell);
      assert_true(index >= 0 && index < 0x1p53 && index == floor(index));
    }
  }
}

/* The parts of a cloud, whoever holds it, against the order found by sorting; sizes n (q+1)/P - n q/P. */
typedef struct {
  double key;
  int64_t id;
} place;

static int by_place(const void *a, const void *b) {
  const place *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

static void cuts_of(int n, int dim, int kind, int share, int parts) {
  cloud c = cloud_make(n, dim, kind, share);
  double *index = malloc(sizeof *index * (size_t)(n + 1));
  place *all = malloc(sizeof *all * (size_t)(n + 1));
  int *part = malloc(sizeof *part * (size_t)(n + 1)), *whole = malloc(sizeof *whole * (size_t)(n + 1));
  int64_t *size = calloc((size_t)parts, sizeof *size);
  assert_int_equal(esp_hilbert_order(esp_comm_self(), dim, n, c.z, index), ESP_OK);
  for (int i = 0; i < n; i++) all[i] = (place){index[i], c.id[i]};
  qsort(all, (size_t)n, sizeof *all, by_place);
  assert_int_equal(esp_partition_cut(comm, ESP_CUT_HILBERT, parts, dim, c.n_home, c.home_z, c.home_id, part), ESP_OK);
  for (int i = 0; i < c.n_home; i++) {
    int64_t at = 0;
    while (all[at].id != c.home_id[i]) at++;
    int q = 0;
    while (at >= (int64_t)n * (q + 1) / parts) q++;
    assert_int_equal(part[i], q);
  }
  assert_int_equal(esp_partition_cut(comm, ESP_CUT_BISECTION, parts, dim, c.n_home, c.home_z, c.home_id, part), ESP_OK);
  assert_int_equal(esp_partition_cut(esp_comm_self(), ESP_CUT_BISECTION, parts, dim, n, c.z, c.id, whole), ESP_OK);
  for (int i = 0; i < c.n_home; i++) {
    assert_int_equal(part[i], whole[c.home_index[i]]);
    size[part[i]]++;
  }
  assert_int_equal(comm->sum_i64(comm, size, (size_t)parts), ESP_OK);
  for (int q = 0; q < parts; q++) assert_int_equal(size[q], (int64_t)n * (q + 1) / parts - (int64_t)n * q / parts);
  cloud_free(&c);
  free(index);
  free(all);
  free(part);
  free(whole);
  free(size);
}

static void cuts(void **state) {
  (void)state;
  for (int share = 0; share < SHARE_KINDS; share++) {
    cuts_of(0, 3, KEYS_BALL, share, 4);
    cuts_of(1, 2, KEYS_BALL, share, 3);
    cuts_of(300, 5, KEYS_BALL, share, 7);
    cuts_of(257, 2, KEYS_PLUMMER, share, 8);
    cuts_of(200, 3, KEYS_GRID, share, 5);
    cuts_of(64, 64, KEYS_BALL, share, 4);
    cuts_of(50, 4, KEYS_POINT, share, 6);
  }
}

CASE_MAIN(cmocka_unit_test(curves), cmocka_unit_test(many_dimensions), cmocka_unit_test(cuts))

/* Proves that the moves of a domain of one rank are, in the device's memory, byte for byte those on the host: rows of any
 * length, no rows, one tree and receivers with keys of their own; that rows are added as often as they come; and that rows that cannot
 * be are refused. */
#include "moves_case.h"

#include "cuda/kernels.h"
#include "cuda/move.h"
#include "tree/domain.h"

enum { MOST = 1000 };

static double key(int i, int a, int which) {
  return (double)((uint32_t)(i * 3 + a + which * 7919) * 2654435761u) * 0x1p-32;
}

static void builds(int n, int queries) {
  static double z[MOST][3], q[MOST][3];
  static int64_t id[MOST];
  const esp_domain_param param = {.leaf = 5, .block = 20, .dim = 3, .lists = {.theta = 0.8}};
  esp_domain *dom = NULL;
  for (int i = 0; i < n; i++) {
    for (int a = 0; a < 3; a++) z[i][a] = key(i, a, 0), q[i][a] = key(i, a, 1);
    id[i] = 10 * i;
  }
  must(esp_domain_build_self(esp_comm_self(), &param, n, z[0], queries ? q[0] : NULL, id, &dom));
  all_moved(dom);
  assert_non_null(dom->there);
  esp_domain_free(&dom);
}

static void same_as_host(void **state) {
  (void)state;
  static const int n[] = {0, 1, 7, 31, 32, 33, MOST};
  for (size_t k = 0; k < sizeof n / sizeof *n; k++)
    for (int queries = 0; queries < 2; queries++) builds(n[k], queries);
}

/* More rows than a block's, to few: sums of words. */
static void added(void **state) {
  (void)state;
  enum { N = 700, TO = 5 };
  for (int words = 1; words <= 70; words += 23) {
    const size_t wide = (size_t)words;
    twin from = twin_make(N * wide * 8, 3), to = twin_make(TO * wide * 8, 4), row = twin_make(N * sizeof(int), 5);
    int *at = (int *)row.host;
    for (int i = 0; i < N; i++) at[i] = i * i % TO;
    must(esp_cuda_put(row.there, at, row.bytes));
    uint64_t *sum = (uint64_t *)to.host;
    const uint64_t *term = (const uint64_t *)from.host;
    for (size_t i = 0; i < N; i++)
      for (size_t w = 0; w < wide; w++) sum[(size_t)at[i] * wide + w] += term[i * wide + w];
    must(esp_cuda_move_add(N, words, from.there, NULL, to.there, row.there));
    twin_end("terms", 8 * wide, &from);
    twin_end("sums", 8 * wide, &to);
    twin_end("rows", 4, &row);
  }
}

static void refused(void **state) {
  (void)state;
  const esp_domain_param param = {.leaf = 5, .block = 20, .dim = 1};
  esp_domain *dom = NULL;
  must(esp_domain_build_self(esp_comm_self(), &param, 0, NULL, NULL, NULL, &dom));
  assert_int_equal(esp_cuda_moves.to_slots(dom, 0, NULL, NULL), ESP_ERR_ARG);
  assert_int_equal(esp_cuda_moves.halo_begin(dom, ESP_HALO_CELLS, (size_t)1 << 31, NULL), ESP_ERR_ARG);
  assert_int_equal(esp_cuda_moves.cells_reduce(dom, 0, NULL), ESP_ERR_ARG);
  esp_error_clear();
  esp_domain_free(&dom);
}

int main(void) {
  const int rc = esp_device_cuda32.open(0, 1);
  if (rc) return rc == ESP_ERR_CONFIG ? 77 : 1; /* no device; one that fails */
  const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_host), cmocka_unit_test(added),
                                     cmocka_unit_test(refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

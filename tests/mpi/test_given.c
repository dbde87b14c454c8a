/* Proves that sums over given edges, and their way back, have the bits of one rank however the particles are shared out, also where
 * ranks hold none, and that what is wrong on one rank ends all of them.
 * ranks: 1 2 3 4 */
#include "case.h"

#include "../given_case.h"

enum { MOST = 330, WIDE = 5 };

/* Groups evenly; all on one rank; the last rank alone; one particle on every rank and the rest on the last. */
enum { SHARES = 4 };
static void share(int how, int n, int *first, int *rows) {
  const int size = comm->size, rank = comm->rank;
  int64_t begin, count;
  esp_set_share(n, rank, size, &begin, &count);
  *first = (int)begin, *rows = (int)count;
  if (how == 1) *first = rank ? n : 0, *rows = rank ? 0 : n;
  if (how == 2) *first = 0, *rows = rank == size - 1 ? n : 0;
  if (how == 3) *first = esp_imin(rank, n), *rows = rank == size - 1 ? n - *first : rank < n;
}

static void sums(const esp_comm *ranks, int n, int first, int rows, int weighted, esp_given_weights weights, double *y,
                 double *back) {
  esp_csr edges = given_case_edges(n, first, rows, weighted);
  esp_given given;
  esp_given_there there;
  double *x = calloc((size_t)rows * WIDE + 1, sizeof *x);
  assert_int_equal(esp_given_create(ranks, n, first, &edges, weights, &given), ESP_OK);
  assert_int_equal(esp_given_bring(&esp_device_cpu32, &given, &there), ESP_OK);
  for (int i = 0; i < rows; i++)
    for (int c = 0; c < WIDE; c++) x[i * WIDE + c] = y[i * WIDE + c] = given_case_number(first + i, c);
  assert_int_equal(esp_given_sum(&there, 0, WIDE, 1, x, y), ESP_OK);
  assert_int_equal(esp_given_sum(&there, 1, WIDE, 0, y, back), ESP_OK); /* what came of the one goes on */
  esp_given_leave(&there);
  esp_given_free(&given);
  esp_csr_free(&edges);
  free(x);
}

static void compare(int n, int how, int weighted, esp_given_weights weights) {
  static double y[MOST * WIDE], back[MOST * WIDE], own[MOST * WIDE], own_back[MOST * WIDE];
  int first, rows;
  share(how, n, &first, &rows);
  sums(esp_comm_self(), n, 0, n, weighted, weights, y, back);
  sums(comm, n, first, rows, weighted, weights, own, own_back);
  const size_t at = (size_t)first * WIDE, bytes = (size_t)rows * WIDE * sizeof *y;
  if (rows && (memcmp(own, y + at, bytes) || memcmp(own_back, back + at, bytes)))
    fail_msg("%d particles, share %d, weights %d, %d: other bits than on one rank", n, how, weighted, weights);
}

static void same_bits(void **state) {
  (void)state;
  const int n[] = {0, 1, 64, 65, MOST};
  for (int k = 0; k < 5; k++)
    for (int how = 0; how < SHARES; how++)
      for (int weights = ESP_GIVEN_AS_IS; weights <= ESP_GIVEN_MEAN; weights++)
        compare(n[k], how, (k + how + weights) % 2, (esp_given_weights)weights);
}

/* A rank asks for as many rows as it has distinct neighbours elsewhere. */
static void fetches_each_once(void **state) {
  (void)state;
  int first, rows, wanted[2] = {0, 0};
  share(0, MOST, &first, &rows);
  esp_csr edges = given_case_edges(MOST, first, rows, 0);
  esp_given given;
  assert_int_equal(esp_given_create(comm, MOST, first, &edges, ESP_GIVEN_AS_IS, &given), ESP_OK);
  for (int j = 0; j < MOST; j++) {
    int in = 0, out = 0;
    if (j >= first && j < first + rows) continue;
    for (int i = first; i < first + rows; i++) in |= given_case_edge(i, j), out |= given_case_edge(j, i);
    wanted[0] += in, wanted[1] += out;
  }
  assert_int_equal(given.fetched_in, wanted[0]);
  assert_int_equal(given.fetched_out, wanted[1]);
  int64_t entries[2] = {given.in.start[rows], given.out.start[rows]};
  assert_int_equal(comm->sum_i64(comm, entries, 2), ESP_OK);
  assert_true(entries[0] == given.edges && entries[1] == given.edges);
  esp_given_free(&given);
  esp_csr_free(&edges);
}

static void one_failure_ends_all(void **state) {
  (void)state;
  int first, rows, last;
  share(0, MOST, &first, &rows);
  last = rows && first + rows == MOST;
  esp_given given;
  esp_csr edges = given_case_edges(MOST, first, rows, 1);
  if (last) edges.index[0] = MOST;
  assert_int_equal(esp_given_create(comm, MOST, first, &edges, ESP_GIVEN_MEAN, &given), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "with number 330; allowed: 0 to 329"));
  esp_error_clear();
  if (last) edges.index[0] = 0, edges.value[0] = INFINITY;
  assert_int_equal(esp_given_create(comm, MOST, first, &edges, ESP_GIVEN_MEAN, &given), ESP_ERR_VALUE);
  assert_non_null(strstr(esp_error_message(), "weighs inf"));
  esp_error_clear();
  if (last) edges.value[0] = 1;
  assert_int_equal(esp_given_create(comm, MOST, first + last, &edges, ESP_GIVEN_MEAN, &given), ESP_ERR_ARG);
  esp_error_clear();
  esp_csr_free(&edges);
}

CASE_MAIN(cmocka_unit_test(same_bits), cmocka_unit_test(fetches_each_once), cmocka_unit_test(one_failure_ends_all))

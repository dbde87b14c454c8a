/* Proves that sums over given edges, and their way back, are those of plain loops over a dense matrix, for every way to weigh it, and
 * that wrong edges are named. */
#include "../given_case.h"

enum { N = 150, WIDE = 3 };

static double dense[N][N];

/* a_ij as the header says, all of it written down. */
static void fill(esp_given_weights weights, int weighted) {
  double sum[N] = {0};
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      dense[i][j] = given_case_edge(i, j) ? (weighted ? given_case_weight(i, j) : 1) : 0;
      if (weights == ESP_GIVEN_SYMMETRIC && i == j) dense[i][j] += 1;
      sum[i] += dense[i][j];
    }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      if (weights == ESP_GIVEN_SYMMETRIC) dense[i][j] /= sqrt(sum[i] * sum[j]);
      if (weights == ESP_GIVEN_MEAN && sum[i] > 0) dense[i][j] /= sum[i];
    }
}

static void one(esp_given_weights weights, int weighted, int add) {
  static double x[N][WIDE], y[N][WIDE], back[N][WIDE];
  esp_csr edges = given_case_edges(N, 0, N, weighted);
  esp_given given;
  esp_given_there there;
  fill(weights, weighted);
  assert_int_equal(esp_given_create(esp_comm_self(), N, 0, &edges, weights, &given), ESP_OK);
  assert_true(given.edges == edges.start[N] && given.fetched_in == 0 && given.fetched_out == 0);
  assert_int_equal(esp_given_bring(&esp_device_cpu32, &given, &there), ESP_OK);
  for (int i = 0; i < N; i++)
    for (int c = 0; c < WIDE; c++) x[i][c] = given_case_number(i, c), y[i][c] = back[i][c] = 0.5;
  assert_int_equal(esp_given_sum(&there, 0, WIDE, add, x[0], y[0]), ESP_OK);
  assert_int_equal(esp_given_sum(&there, 1, WIDE, add, x[0], back[0]), ESP_OK);
  for (int i = 0; i < N; i++)
    for (int c = 0; c < WIDE; c++) {
      double want = add ? 0.5 : 0, want_back = want;
      for (int j = 0; j < N; j++) want += dense[i][j] * x[j][c];
      for (int j = 0; j < N; j++) want_back += dense[j][i] * x[j][c];
      assert_true(fabs(y[i][c] - want) < 1e-13 && fabs(back[i][c] - want_back) < 1e-13);
    }
  esp_given_leave(&there);
  esp_given_free(&given);
  esp_csr_free(&edges);
}

static void plain_loops(void **state) {
  (void)state;
  for (int weights = ESP_GIVEN_AS_IS; weights <= ESP_GIVEN_MEAN; weights++)
    for (int weighted = 0; weighted < 2; weighted++)
      one((esp_given_weights)weights, weighted, (weights + weighted) % 2);
}

/* No particle; particles without an edge. */
static void nothing(void **state) {
  (void)state;
  for (int n = 0; n < 3; n += 2) {
    esp_csr edges;
    esp_given given;
    esp_given_there there;
    double x[2] = {3, 4}, y[2] = {7, 7};
    assert_int_equal(esp_csr_create(n, n, 0, 0, &edges), ESP_OK);
    assert_int_equal(esp_given_create(esp_comm_self(), n, 0, &edges, ESP_GIVEN_MEAN, &given), ESP_OK);
    assert_int_equal(esp_given_bring(&esp_device_cpu32, &given, &there), ESP_OK);
    assert_int_equal(esp_given_sum(&there, 0, 1, 0, x, y), ESP_OK);
    assert_true(y[0] == (n ? 0 : 7) && y[1] == y[0]);
    esp_given_leave(&there);
    esp_given_free(&given);
    assert_int_equal(esp_given_create(esp_comm_self(), n, 0, &edges, ESP_GIVEN_SYMMETRIC, &given), ESP_OK);
    assert_true(given.edges == 0 && given.in.start[n] == n);
    for (int i = 0; i < n; i++) assert_true(given.in.index[i] == i && given.in.value[i] == 1);
    esp_given_free(&given);
    esp_csr_free(&edges);
  }
}

static void wrong(esp_csr *edges, int code, const char *says) {
  esp_given given;
  assert_int_equal(esp_given_create(esp_comm_self(), 4, 0, edges, ESP_GIVEN_AS_IS, &given), code);
  if (!strstr(esp_error_message(), says)) fail_msg("'%s' does not say '%s'", esp_error_message(), says);
  esp_error_clear();
}

static void wrong_edges(void **state) {
  (void)state;
  int64_t start[5] = {0, 1, 1, 2, 2}, index[2] = {1, 0};
  double value[2] = {1, 1};
  esp_csr edges = {4, 4, start, index, value};
  index[1] = 4;
  wrong(&edges, ESP_ERR_VALUE, "particle number 2 is with number 4; allowed: 0 to 3");
  index[1] = -1;
  wrong(&edges, ESP_ERR_VALUE, "particle number 2 is with number -1");
  index[1] = 3;
  value[1] = -0.5;
  wrong(&edges, ESP_ERR_VALUE, "particle number 2 with number 3 weighs -0.5");
  value[1] = NAN;
  wrong(&edges, ESP_ERR_VALUE, "particle number 2 with number 3 weighs nan");
  edges.rows = 3;
  wrong(&edges, ESP_ERR_ARG, "edges of 3 particles of a set of 4");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(plain_loops), cmocka_unit_test(nothing),
                                     cmocka_unit_test(wrong_edges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

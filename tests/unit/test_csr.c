/* Proves: rows of varying length are made of entries in any order, the first of equal ones kept; are copied and sorted; entries
 * out of range are named. Sets with sparse columns and edges are made, copied, checked and told apart by their fingerprint,
 * which does not depend on the order of particles' rows; what joins columns refuses sparse ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/csr.h"
#include "base/set.h"

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static void refused(int rc, int code, const char *what) {
  if (rc != code || !strstr(esp_error_message(), what))
    fail_msg("code %d, not %d with '%s': %s", rc, code, what, esp_error_message());
  esp_error_clear();
}

/* ---- rows ---- */

static void from_entries(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  const int64_t row[] = {2, 0, 2, 2, 0, 2, 2}, index[] = {5, 1, 0, 5, 0, 3, 0};
  const double value[] = {1, 2, 3, 4, 5, 6, 7};
  const int64_t start[] = {0, 2, 2, 5, 5}, at[] = {0, 1, 0, 3, 5};
  const double kept[] = {5, 2, 3, 6, 1};
  for (int values = 0; values < 2; values++) {
    esp_csr csr, copy;
    int64_t twice = -1;
    assert_ok(esp_csr_of(4, 6, 7, row, index, values ? value : NULL, &csr, &twice));
    assert_true(twice == 2 && csr.rows == 4 && csr.columns == 6 && !csr.value == !values);
    assert_memory_equal(csr.start, start, sizeof start);
    assert_memory_equal(csr.index, at, sizeof at);
    if (values) assert_memory_equal(csr.value, kept, sizeof kept);
    assert_ok(esp_csr_copy(&csr, &copy));
    assert_true(copy.start != csr.start && copy.rows == 4 && copy.columns == 6);
    assert_memory_equal(copy.start, start, sizeof start);
    assert_memory_equal(copy.index, at, sizeof at);
    if (values) assert_memory_equal(copy.value, kept, sizeof kept);
    esp_csr_free(&csr);
    esp_csr_free(&copy);
    assert_null(csr.start);
  }
  assert_true(esp_memory_now() == held);
}

static void degenerate(void **state) {
  (void)state;
  esp_csr csr, copy;
  int64_t twice, index;
  int row;
  for (int rows = 0; rows < 3; rows++) {
    assert_ok(esp_csr_of(rows, 0, 0, NULL, NULL, NULL, &csr, &twice));
    assert_ok(esp_csr_sort(&csr, &row, &index));
    assert_true(twice == 0 && row == -1 && csr.rows == rows && csr.start[rows] == 0);
    esp_csr_free(&csr);
  }
  assert_ok(esp_csr_copy(&csr, &copy)); /* none */
  assert_null(copy.start);
  const int64_t at[] = {0, 1}, out[] = {0, 6}, below[] = {-1, 0};
  refused(esp_csr_of(2, 6, 2, at, out, NULL, &csr, &twice), ESP_ERR_VALUE, "entry 1: column 6, must be 0 to 5");
  refused(esp_csr_of(2, 6, 2, at, below, NULL, &csr, &twice), ESP_ERR_VALUE, "entry 0: column -1");
  refused(esp_csr_of(2, 9, 2, out, at, NULL, &csr, &twice), ESP_ERR_VALUE, "entry 1: row 6, must be 0 to 1");
  refused(esp_csr_of(2, 9, 2, below, at, NULL, &csr, &twice), ESP_ERR_VALUE, "entry 0: row -1");
}

static void sorted(void **state) {
  (void)state;
  int64_t start[] = {0, 3, 3, 7}, index[] = {4, 0, 2, 1, 9, 9, 3};
  double value[] = {40, 0, 20, 10, 90, 91, 30};
  const int64_t at[] = {0, 2, 4, 1, 3, 9, 9};
  const double with[] = {0, 20, 40, 10, 30, 90, 91};
  esp_csr csr = {3, 10, start, index, value};
  int row;
  int64_t twice;
  assert_ok(esp_csr_sort(&csr, &row, &twice));
  assert_true(row == 2 && twice == 9);
  assert_memory_equal(index, at, sizeof at);
  assert_memory_equal(value, with, sizeof with);
}

/* ---- sets ---- */

enum { N = 5, WORDS = 4 };
enum { X, BAG, EDGES, HEARD, Y };
static const esp_column columns[] = {
    {"x", ESP_INPUT, 0, .optional = 1, .min = -INFINITY},
    {"bag", ESP_INPUT, 0, .optional = 1, .min = 0, .lying = ESP_SPARSE},
    {"edges", ESP_EXTRA, 1, .optional = 1, .min = 0, .lying = ESP_EDGES},
    {"heard", ESP_SENT, 0, .optional = 1, .min = -INFINITY, .lying = ESP_SPARSE},
    {"y", ESP_TARGET, 1, .optional = 1, .min = -INFINITY},
    {NULL},
};
static const esp_number none[] = {{NULL}};
static const esp_layout layout = {columns, none, ""};

static esp_set make(int values) {
  const int64_t row[] = {0, 0, 2, 4, 4, 4}, word[] = {1, 3, 0, 0, 1, 2}, to[] = {1, 4, 0, 0, 2, 3};
  const double count[] = {1, 2, 3, 1, 1, 5};
  int64_t twice;
  esp_set set = {.n = N, .n_home = N, .layout = &layout, .width = {[BAG] = WORDS, [EDGES] = 1, [Y] = 1}};
  assert_ok(esp_set_create(&set));
  assert_true(set.csr[BAG].columns == WORDS && set.csr[BAG].rows == N && set.csr[EDGES].columns == N);
  assert_true(!set.value[BAG] && !set.value[EDGES] && set.csr[BAG].start[N] == 0 && !set.csr[HEARD].start);
  assert_ok(esp_set_check(esp_comm_self(), &set, "here"));
  esp_csr_free(&set.csr[BAG]);
  esp_csr_free(&set.csr[EDGES]);
  assert_ok(esp_csr_of(N, WORDS, 6, row, word, values ? count : NULL, &set.csr[BAG], &twice));
  assert_ok(esp_csr_of(N, N, 6, row, to, NULL, &set.csr[EDGES], &twice));
  for (int i = 0; i < N; i++) set.id[i] = 7 * i;
  return set;
}

static uint64_t fingerprint(const esp_set *set) {
  uint64_t sum;
  assert_ok(esp_set_checksum(esp_comm_self(), set, &sum));
  return sum;
}

static void in_sets(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  esp_set set = make(1), copy;
  const double *rows;
  double *own;
  int width = -1;
  char taken[ESP_SET_TAKEN];
  assert_ok(esp_set_check(esp_comm_self(), &set, "here"));
  assert_true(esp_set_role_width(&set, ESP_INPUT) == WORDS && esp_set_role_width(&set, ESP_EXTRA) == 0);
  assert_true(!esp_set_role(&set, ESP_INPUT, 1, &width) && width == 0);
  assert_true(esp_set_csr(&set, ESP_INPUT, ESP_SPARSE) == &set.csr[BAG] && !esp_set_csr(&set, ESP_SENT, ESP_SPARSE));
  assert_true(esp_set_csr(&set, ESP_ROLES, ESP_EDGES) == &set.csr[EDGES] && !esp_set_csr(&set, ESP_INPUT, ESP_EDGES));
  refused(esp_set_rows(&set, ESP_INPUT, &rows, &own), ESP_ERR_ARG, "column bag is sparse, 4 columns wide");
  assert_ok(esp_set_rows(&set, ESP_EXTRA, &rows, &own));
  assert_true(!rows && !own);
  esp_set_taken(&layout, set.width, taken);
  assert_string_equal(taken, "bag 4");
  assert_ok(esp_set_copy(&set, &copy));
  assert_true(fingerprint(&copy) == fingerprint(&set) && copy.csr[BAG].start != set.csr[BAG].start);
  esp_set_free(&copy);
  esp_set_free(&set);
  set = (esp_set){.n = N, .n_home = N, .layout = &layout, .width = {[EDGES] = 2}};
  refused(esp_set_create(&set), ESP_ERR_ARG, "edges");
  assert_true(esp_memory_now() == held);
}

static void refuse(const esp_set *set, const char *what) {
  refused(esp_set_check(esp_comm_self(), set, "there.h5"), ESP_ERR_VALUE, what);
}

static void checked(void **state) {
  (void)state;
  esp_set set = make(1);
  double *value = set.csr[BAG].value;
  int64_t *to = set.csr[EDGES].index, *start = set.csr[EDGES].start;
  value[2] = NAN;
  refuse(&set, "there.h5: particle 14: bag, column 0, is nan");
  value[2] = -1;
  refuse(&set, "particle 14: bag, column 0, is -1: must be finite, 0 to 1e+150");
  value[2] = 1e200, refuse(&set, "is 1e+200"), value[2] = 1;
  to[1] = N;
  refuse(&set, "particle 0: edges has an entry at 5: must be 0 to 4");
  to[1] = 1;
  refuse(&set, "particle 0: edges has an entry at 1 after one at 1: must ascend");
  to[1] = 4, start[2] = 1;
  refuse(&set, "particle 7: edges: its entries end at 1, before they begin, at 2");
  start[2] = 2, set.csr[EDGES].columns = 9;
  refuse(&set, "edges has 5 rows from entry 0, 9 columns, must have 5 from 0, 5");
  esp_set_free(&set);
}

static void fingerprints(void **state) {
  (void)state;
  esp_set set = make(1), turned = make(1), ones = make(0);
  const uint64_t sum = fingerprint(&set);
  for (int k = BAG; k <= EDGES; k++) {
    set.csr[k].index[4] = k == BAG ? 3 : 1;
    assert_true(fingerprint(&set) != sum);
    set.csr[k].index[4] = k == BAG ? 1 : 2;
  }
  set.csr[BAG].value[5] = 4;
  assert_true(fingerprint(&set) != sum && fingerprint(&ones) != sum);
  for (int e = 0; e < 6; e++) set.csr[BAG].value[e] = 1;
  assert_true(fingerprint(&ones) == fingerprint(&set)); /* values that are not there are 1 */
  /* rows 0 and 2 in each other's place, with their ids: the index of an edge is what it is */
  const int64_t start[] = {0, 1, 1, 3, 3, 6}, word[] = {0, 1, 3, 0, 1, 2}, to[] = {0, 1, 4, 0, 2, 3};
  const double count[] = {3, 1, 2, 1, 1, 5};
  memcpy(turned.csr[BAG].start, start, sizeof start), memcpy(turned.csr[EDGES].start, start, sizeof start);
  memcpy(turned.csr[BAG].index, word, sizeof word), memcpy(turned.csr[EDGES].index, to, sizeof to);
  memcpy(turned.csr[BAG].value, count, sizeof count);
  turned.id[0] = 14, turned.id[2] = 0;
  assert_true(fingerprint(&turned) == sum);
  esp_set_free(&set);
  esp_set_free(&turned);
  esp_set_free(&ones);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(from_entries), cmocka_unit_test(degenerate),
                                     cmocka_unit_test(sorted),       cmocka_unit_test(in_sets),
                                     cmocka_unit_test(checked),      cmocka_unit_test(fingerprints)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

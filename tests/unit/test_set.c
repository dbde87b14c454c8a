/* Proves: shares are whole groups that cover every particle once; sets of no particle, of columns that are missing and of
 * frames are made, copied and joined by role; a set is checked number by number, naming id and column; the fingerprint
 * depends on every number that is not for judging alone, and not on order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/set.h"

enum { N = 70, FRAMES = 2 };
enum { X, V, MASS, Y, DY, WEIGHT, Z, EXTRA };

static const esp_column columns[] = {
    {"x", ESP_INPUT, 3, .framed = 1, .min = -INFINITY},
    {"v", ESP_SENT, 0, .min = -INFINITY},
    {"mass", ESP_SENT, 1, .optional = 1},
    {"y", ESP_TARGET, 0, .optional = 1, .min = -INFINITY},
    {"dy", ESP_TARGET, 1, .optional = 1, .min = -INFINITY},
    {"weight", ESP_WEIGHT, 1, .optional = 1},
    {"z", ESP_HIDDEN, 0, .optional = 1, .framed = 1, .min = -INFINITY},
    {"extra", ESP_EXTRA, 1, .optional = 1, .min = -INFINITY},
    {NULL},
};
static const esp_number numbers[] = {{"kind", .whole = 1, .count = 1}, {"box", .count = 3}, {"T", .count = 1}, {NULL}};
static const esp_layout layout = {columns, numbers, ""};
static const esp_number no_number[] = {{NULL}};

static void shares(void **state) {
  (void)state;
  const int64_t sizes[] = {0, 1, 63, 64, 65, 128, 700, 1000, INT64_C(1) << 40};
  const int ranks[] = {1, 2, 3, 7, 64, 1000};
  for (int s = 0; s < 9; s++)
    for (int p = 0; p < 6; p++) {
      int64_t next = 0, most = 0, least = INT64_MAX, first, count;
      for (int r = 0; r < ranks[p]; r++) {
        esp_set_share(sizes[s], r, ranks[p], &first, &count);
        assert_true(first == next && count >= 0);
        assert_true(count == 0 || first % ESP_GROUP == 0);
        next += count;
        const int64_t groups = (count + ESP_GROUP - 1) / ESP_GROUP;
        most = groups > most ? groups : most;
        least = groups < least ? groups : least;
      }
      assert_true(next == sizes[s] && most - least <= 1);
    }
}

/* All columns and two frames, or but x and v. */
static esp_set make(int n, int full) {
  esp_set set = {.n = n, .n_home = n, .layout = &layout, .width = {[V] = 2}, .frames = full ? FRAMES : 0};
  if (full) set.width[MASS] = set.width[DY] = set.width[WEIGHT] = set.width[EXTRA] = 1, set.width[Y] = set.width[Z] = 2;
  assert_int_equal(esp_set_create(&set), ESP_OK);
  for (int i = 0; i < n; i++) {
    set.id[i] = 1000 - 3 * i;
    for (int k = 0; columns[k].name; k++) {
      for (int c = 0; c < set.width[k]; c++)
        set.value[k][set.width[k] * i + c] =
            columns[k].min < 0 ? esp_rng_normal((uint64_t)k, (uint64_t)i, ESP_RNG_TEST, (uint32_t)c) : i % 5;
      for (int c = 0; c < FRAMES * set.width[k] && set.frame[k]; c++)
        set.frame[k][(size_t)c * (size_t)n + (size_t)i] = c + i;
    }
  }
  return set;
}

static void assert_same(const esp_set *a, const esp_set *b) {
  const size_t n = (size_t)a->n_home;
  assert_true(a->n == b->n && a->first == b->first && a->n_home == b->n_home && a->frames == b->frames);
  assert_memory_equal(a->width, b->width, sizeof a->width);
  assert_memory_equal(a->about, b->about, sizeof a->about);
  assert_memory_equal(&a->space, &b->space, sizeof a->space);
  assert_memory_equal(a->id, b->id, n * sizeof *a->id);
  for (int k = 0; columns[k].name; k++) {
    const size_t all = n * (size_t)a->width[k] * sizeof(double);
    assert_true(!a->value[k] == !b->value[k] && !a->frame[k] == !b->frame[k]);
    if (a->value[k]) assert_memory_equal(a->value[k], b->value[k], all);
    if (a->frame[k]) assert_memory_equal(a->frame[k], b->frame[k], FRAMES * all);
  }
}

static void created(void **state) {
  (void)state;
  const size_t held = esp_memory_now();
  for (int n = 0; n < 3; n++)
    for (int full = 0; full < 2; full++) {
      esp_set copy, set = make(n, full);
      assert_true(set.id && set.value[X] && set.width[X] == 3); /* a width the layout tells */
      for (int k = 0; columns[k].name; k++) {
        assert_true(!set.value[k] == !(full || k == X || k == V));
        assert_true(!set.frame[k] == !(full && columns[k].framed));
      }
      assert_int_equal(esp_set_check(esp_comm_self(), &set, "here"), ESP_OK);
      set.about[2].real = 0.5, set.space.dim = 2, set.ready = 1;
      assert_int_equal(esp_set_copy(&set, &copy), ESP_OK);
      assert_same(&set, &copy);
      assert_true(copy.ready == 1 && copy.id != set.id);
      esp_set_free(&copy);
      esp_set_free(&set);
      assert_true(!set.id && !set.value[X] && !set.layout);
      esp_set_free(&set);
    }
  esp_set_free(NULL);
  const esp_set good = {.n = 5, .n_home = 5, .layout = &layout, .width = {[V] = 2}};
  for (int way = 0; way < 6; way++) {
    esp_set set = good;
    if (way == 0) set.n_home = 6;
    if (way == 1) set.first = 1;
    if (way == 2) set.frames = -1;
    if (way == 3) set.width[X] = 2;
    if (way == 4) set.width[V] = 0;
    if (way == 5) set.width[Z] = -1;
    assert_int_equal(esp_set_create(&set), ESP_ERR_ARG);
    assert_true(!set.id && !set.value[X]);
    if (way == 3) assert_non_null(strstr(esp_error_message(), "column x of width 2, must be 3"));
    if (way == 4) assert_non_null(strstr(esp_error_message(), "column v of width 0"));
    esp_error_clear();
  }
  assert_true(esp_memory_now() == held);
}

static void by_name_and_role(void **state) {
  (void)state;
  const esp_layout bare = {columns, no_number, ""};
  const double *rows;
  double *own;
  int width = -1;
  assert_true(esp_set_column(&layout, "x") == X && esp_set_column(&layout, "extra") == EXTRA);
  assert_true(esp_set_column(&layout, "w") == -1 && esp_set_number(&layout, "x") == -1);
  assert_true(esp_set_number(&layout, "kind") == 0 && esp_set_number(&layout, "box") == 1);
  assert_true(esp_set_number(&layout, "T") == 4 && esp_set_numbers(&layout) == 5 && esp_set_numbers(&bare) == 0);
  for (int n = 0; n < 4; n++) {
    esp_set set = make(n, 1), few = make(n, 0);
    assert_true(esp_set_role_width(&set, ESP_SENT) == 3 && esp_set_role_width(&few, ESP_SENT) == 2);
    assert_true(esp_set_role_width(&few, ESP_TARGET) == 0);
    assert_true(esp_set_role(&set, ESP_SENT, 0, NULL) == set.value[V]);
    assert_true(esp_set_role(&set, ESP_SENT, 1, &width) == set.value[MASS] && width == 1);
    assert_true(!esp_set_role(&set, ESP_SENT, 2, &width) && width == 0);
    width = -1;
    assert_true(!esp_set_role(&few, ESP_SENT, 1, &width) && width == 0);
    assert_int_equal(esp_set_rows(&set, ESP_INPUT, &rows, &own), ESP_OK);
    assert_true(rows == set.value[X] && !own);
    assert_int_equal(esp_set_rows(&few, ESP_SENT, &rows, &own), ESP_OK); /* the other one is not there */
    assert_true(rows == few.value[V] && !own);
    assert_int_equal(esp_set_rows(&few, ESP_TARGET, &rows, &own), ESP_OK);
    assert_true(!rows && !own);
    assert_int_equal(esp_set_rows(&set, ESP_TARGET, &rows, &own), ESP_OK);
    assert_true(rows == own && own);
    for (int i = 0; i < n; i++) {
      assert_memory_equal(rows + 3 * i, set.value[Y] + 2 * i, 2 * sizeof *rows);
      assert_true(rows[3 * i + 2] == set.value[DY][i]);
    }
    ESP_FREE(own);
    esp_set_free(&set);
    esp_set_free(&few);
  }
}

static void refuse(const esp_set *set, const char *word) {
  esp_error_clear();
  assert_int_equal(esp_set_check(esp_comm_self(), set, "there.h5"), ESP_ERR_VALUE);
  const char *message = esp_error_message();
  if (!strstr(message, word) || !strstr(message, "there.h5")) fail_msg("no \"%s\" in: %s", word, message);
  esp_error_clear();
}

static void checked(void **state) {
  (void)state;
  esp_set set = make(N, 1);
  struct {
    double *place, bad;
    const char *word;
  } cases[] = {{&set.value[X][3 * 4 + 2], NAN, "particle 988: x, column 2, is nan: must be finite"},
               {&set.value[V][2 * 4 + 1], INFINITY, "988: v, column 1, is inf: must be finite"},
               {&set.value[Y][2 * 5 + 0], -INFINITY, "985: y, column 0, is -inf: must be finite"},
               {&set.value[Z][2 * 5 + 1], NAN, "985: z, column 1"},
               {&set.value[Y][2 * 5 + 0], -1e308, "985: y, column 0, is -1e+308: must be at most 1e+150"},
               {&set.value[WEIGHT][1], -0.5, "997: weight, column 0, is -0.5: must be >= 0"},
               {&set.value[MASS][N - 1], NAN, "793: mass"},
               {&set.frame[X][3 * N + 3 * 2], NAN, "994: x, frame 1, column 0, is nan"}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    const double kept = *cases[c].place;
    *cases[c].place = cases[c].bad;
    refuse(&set, cases[c].word);
    *cases[c].place = kept;
  }
  set.n = N + 1;
  refuse(&set, "70 particles of 71");
  set.n = N;
  set.first = 64;
  refuse(&set, "number 64");
  set.first = 0;
  assert_int_equal(esp_set_check(esp_comm_self(), &set, "there.h5"), ESP_OK);
  esp_set_free(&set);
}

static uint64_t fingerprint(const esp_set *set) {
  uint64_t sum;
  assert_int_equal(esp_set_checksum(esp_comm_self(), set, &sum), ESP_OK);
  return sum;
}

static void fingerprints(void **state) {
  (void)state;
  esp_set set = make(N, 1), turned = make(N, 1);
  const uint64_t sum = fingerprint(&set);
  for (int k = 0; columns[k].name; k++) {
    double *place = &set.value[k][set.width[k] * N - 1], kept = *place;
    *place = nextafter(kept, 10);
    assert_true((fingerprint(&set) == sum) == (k == Z || k == EXTRA));
    *place = kept;
  }
  for (int i = 0; i < N; i++) {
    const size_t from = (size_t)((i + 11) % N);
    turned.id[i] = set.id[from];
    for (int k = 0; columns[k].name; k++) {
      const size_t width = (size_t)set.width[k];
      memcpy(turned.value[k] + width * (size_t)i, set.value[k] + width * from, width * sizeof(double));
    }
  }
  assert_true(fingerprint(&turned) == sum);
  turned.id[0] += 1;
  assert_true(fingerprint(&turned) != sum);
  for (int i = 0; i < N; i++) set.value[WEIGHT][i] = 1;
  const uint64_t ones = fingerprint(&set);
  ESP_FREE(set.value[WEIGHT]);
  set.width[WEIGHT] = 0;
  assert_true(fingerprint(&set) == ones);
  esp_set_free(&set);
  esp_set_free(&turned);
  set = make(0, 1);
  assert_true(fingerprint(&set) == 0);
  esp_set_free(&set);
}

/* Fingerprints of prediction files made before there were sets stay what they were. */
static void as_before(void **state) {
  (void)state;
  static const esp_column old[] = {{"x", ESP_INPUT, .min = -INFINITY},
                                   {"v", ESP_SENT, .min = -INFINITY},
                                   {"y", ESP_TARGET, .optional = 1, .min = -INFINITY},
                                   {"weight", ESP_WEIGHT, 1, .optional = 1},
                                   {"z", ESP_HIDDEN, .optional = 1, .min = -INFINITY},
                                   {NULL}};
  static const esp_layout relation = {old, no_number, ""};
  static const uint64_t sums[] = {0x03510a2dd34a01f8u, 0xbd987d1a0bdb460bu, 0x2cd3579cb57f5d99u};
  for (int way = 0; way < 3; way++) {
    esp_set set = {.n = 9, .n_home = 9, .layout = &relation, .width = {3, 2, way, way == 2}};
    assert_int_equal(esp_set_create(&set), ESP_OK);
    for (int i = 0; i < 27; i++) set.value[0][i] = 1.0 / (1 + i);
    for (int i = 0; i < 18; i++) set.value[1][i] = i - 0.5;
    for (int i = 0; i < 9 * way; i++) set.value[2][i] = i;
    for (int i = 0; i < 9 && way == 2; i++) set.value[3][i] = i % 2;
    for (int i = 0; i < 9; i++) set.id[i] = 7 * i;
    assert_true(fingerprint(&set) == sums[way]);
    esp_set_free(&set);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(shares),           cmocka_unit_test(created),
                                     cmocka_unit_test(by_name_and_role), cmocka_unit_test(checked),
                                     cmocka_unit_test(fingerprints),     cmocka_unit_test(as_before)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Task nodes, on one rank: graphs that are drawn are symmetric, of the degree that was asked for, near on the ring but for the
 * share that is anywhere; splits are stratified and depend on the seed; tf-idf and standardised features are what the formulas
 * say, rows of zeros stay; classes that nobody learns from are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "memory_maker.h"
#include "tasks/nodes/show.h"

static const esp_nodes_data plain = {.of = ESP_NODES_DRAWN,
                                     .train = 50,
                                     .validation = 100,
                                     .classes = 8,
                                     .width = 6,
                                     .degree = 20,
                                     .reach = 0.02,
                                     .any = 0.2,
                                     .noise = 0.5,
                                     .seed = 5};

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static void refused(int rc, int code, const char *what) {
  if (rc != code || !strstr(esp_error_message(), what))
    fail_msg("code %d, not %d with '%s': %s", rc, code, what, esp_error_message());
  esp_error_clear();
}

static memory_maker make(esp_nodes_data data, esp_part part, int64_t n, int64_t number) {
  memory_maker made = memory_maker_new();
  const esp_backend backend = truth_backend();
  const esp_item item = {part, n, number, number};
  assert_ok(esp_nodes_making.make(&data, &backend, &item, &made.maker));
  assert_int_equal(made.count, 1);
  assert_ok(esp_set_check(esp_comm_self(), &made.set[0], "made"));
  return made;
}

static int class_of(const esp_set *set, int64_t i) {
  int found = -1;
  for (int c = 0; c < set->width[ESP_NODES_CLASS]; c++)
    if (set->value[ESP_NODES_CLASS][i * set->width[ESP_NODES_CLASS] + c] == 1) found = c;
  return found;
}

static int hears(const esp_csr *csr, int64_t i, int64_t j) {
  for (int64_t e = csr->start[i]; e < csr->start[i + 1]; e++)
    if (csr->index[e] == j) return 1;
  return 0;
}

static void drawn(void **state) {
  (void)state;
  static const int64_t sizes[] = {1, 2, 3, 4, 7, 64, 1000};
  for (int s = 0; s < 7; s++)
    for (int any = 0; any < 3; any++) {
      esp_nodes_data data = plain;
      esp_set set;
      data.any = any / 2.0, data.classes = s < 5 ? 1 : 8;
      assert_ok(esp_nodes_draw(&data, esp_comm_self(), sizes[s], 0, &set));
      assert_ok(esp_set_check(esp_comm_self(), &set, "drawn"));
      const esp_csr *edges = &set.csr[ESP_NODES_EDGES];
      int same = 0, size[8] = {0};
      for (int64_t i = 0; i < sizes[s]; i++) {
        size[class_of(&set, i)]++;
        for (int64_t e = edges->start[i]; e < edges->start[i + 1]; e++) {
          const int64_t j = edges->index[e];
          assert_true(j != i && hears(edges, j, i));
          same += class_of(&set, i) == class_of(&set, j);
        }
      }
      const double all = (double)edges->start[sizes[s]], degree = all / (double)sizes[s];
      for (int c = 0; c < data.classes; c++) assert_true(llabs(size[c] - sizes[s] / data.classes) <= 1);
      if (s == 6) {
        assert_true(fabs(degree - 20) < 1);
        const double share = same / all, wanted = any == 0 ? 0.92 : any == 1 ? 0.5 : 0.1;
        if (fabs(share - wanted) > 0.08) fail_msg("any %g: %g of the edges are within a class", data.any, share);
      }
      esp_set_free(&set);
    }
}

static void sets_differ(void **state) {
  (void)state;
  memory_maker a = make(plain, ESP_PART_TRAIN, 1000, 0), b = make(plain, ESP_PART_TEST, 1000, 0);
  memory_maker c = make(plain, ESP_PART_TRAIN, 1000, 1);
  same_rows(&a.set[0], ESP_NODES_X, b.set[0].value[ESP_NODES_X]);
  same_rows(&a.set[0], ESP_NODES_SPLIT, b.set[0].value[ESP_NODES_SPLIT]);
  const int64_t *ab[] = {a.set[0].csr[ESP_NODES_EDGES].index, b.set[0].csr[ESP_NODES_EDGES].index};
  assert_memory_equal(ab[0], ab[1], (size_t)a.set[0].csr[ESP_NODES_EDGES].start[1000] * sizeof **ab);
  assert_true(memcmp(a.set[0].value[ESP_NODES_X], c.set[0].value[ESP_NODES_X], 6000 * sizeof(double)) != 0);
  int count[2][4] = {{0}}, of[8] = {0};
  for (int i = 0; i < 1000; i++) {
    const int split = (int)a.set[0].value[ESP_NODES_SPLIT][i];
    count[0][split] += a.set[0].value[ESP_NODES_WEIGHT][i] == 1;
    count[1][split] += b.set[0].value[ESP_NODES_WEIGHT][i] == 1;
    assert_true(a.set[0].value[ESP_NODES_VALIDATION][i] == (split == 2));
    of[class_of(&a.set[0], i)] += split == 1;
  }
  assert_true(count[0][1] == 50 && count[0][2] == 0 && count[0][3] == 0);
  assert_true(count[1][3] == 850 && count[1][1] == 0 && count[1][2] == 0);
  for (int c8 = 0; c8 < 8; c8++) assert_in_range(of[c8], 6, 7);
  memory_maker_free(&a);
  memory_maker_free(&b);
  memory_maker_free(&c);
}

/* ---- splits ---- */

/* n nodes of classes by `of`, -1: none. */
static esp_set labelled(int n, int K, const int *of) {
  esp_set set = {.n = n, .n_home = n, .layout = &esp_nodes_layout, .width = {[ESP_NODES_X] = 1}};
  set.width[ESP_NODES_CLASS] = K;
  assert_ok(esp_set_create(&set));
  for (int i = 0; i < n; i++) {
    set.id[i] = i;
    if (of[i] >= 0) set.value[ESP_NODES_CLASS][i * K + of[i]] = 1;
  }
  return set;
}

static void splits(void **state) {
  (void)state;
  enum { N = 100 };
  int of[N], first[2][N];
  for (int i = 0; i < N; i++) of[i] = i < 5 ? -1 : i < 7 ? 2 : i < 40 ? 1 : 0; /* 60, 33, 2, and 5 of none */
  for (int seed = 0; seed < 2; seed++) {
    esp_set set = labelled(N, 3, of);
    int count[4][3] = {{0}};
    assert_ok(esp_nodes_split(esp_comm_self(), &set, 10, 30, (uint64_t)seed));
    for (int i = 0; i < N; i++) {
      const int split = (int)set.value[ESP_NODES_SPLIT][i];
      if (of[i] < 0) assert_true(split == 0);
      if (of[i] >= 0) assert_true(split > 0), count[split][of[i]]++;
      first[seed][i] = split;
    }
    /* shares of 10: 6.3, 3.5, 0.2; of 30 among the 54, 30, 1 left: 19.06, 10.6, 0.35 */
    assert_true(count[1][0] == 6 && count[1][1] == 3 && count[1][2] == 1);
    assert_true(count[2][0] == 19 && count[2][1] == 11 && count[2][2] == 0);
    assert_ok(esp_nodes_weigh(esp_comm_self(), &set, ESP_PART_TEST));
    for (int i = 0; i < N; i++) assert_true(set.value[ESP_NODES_WEIGHT][i] == (first[seed][i] == 3));
    refused(esp_nodes_split(esp_comm_self(), &set, 65, 30, 1), ESP_ERR_CONFIG,
            "data_nodes_train 65 and data_nodes_validation 30 of 95 nodes with a class");
    esp_set few = labelled(4, 4, (const int[]){0, 1, 2, 3}); /* each class takes one to learn from */
    refused(esp_nodes_split(esp_comm_self(), &few, 1, 0, 1), ESP_ERR_CONFIG, "which leaves 0");
    esp_set_free(&few);
    for (int i = 0; i < N; i++)
      if (of[i] == 2) set.value[ESP_NODES_SPLIT][i] = 3;
    refused(esp_nodes_weigh(esp_comm_self(), &set, ESP_PART_TRAIN), ESP_ERR_VALUE,
            "class 2, of 0 to 2: none of the nodes that are learned from has it");
    refused(esp_nodes_weigh(esp_comm_self(), &set, ESP_PART_TRAIN), ESP_ERR_VALUE, "of all nodes 2 have");
    set.value[ESP_NODES_SPLIT][0] = 1; /* of no class */
    refused(esp_nodes_weigh(esp_comm_self(), &set, ESP_PART_TRAIN), ESP_ERR_VALUE, "class 2");
    assert_true(set.value[ESP_NODES_SPLIT][0] == 0 && set.value[ESP_NODES_WEIGHT][0] == 0);
    esp_set_free(&set);
  }
  assert_true(memcmp(first[0], first[1], sizeof first[0]) != 0);
}

/* ---- features ---- */

static void words(void **state) {
  (void)state;
  const int64_t row[] = {0, 0, 1, 2, 2, 2}, word[] = {0, 1, 0, 0, 1, 2};
  const double count[] = {1, 3, 1, 2, 1, 1};
  const double ln2 = log(2), ln4 = log(4), in0 = log(4.0 / 3);
  for (int ones = 0; ones < 2; ones++) {
    int64_t twice;
    esp_set set = {.n = 4, .n_home = 4, .layout = &esp_nodes_layout, .width = {[ESP_NODES_WORDS] = 3}};
    set.width[ESP_NODES_CLASS] = 1;
    assert_ok(esp_set_create(&set));
    esp_csr *csr = &set.csr[ESP_NODES_WORDS];
    esp_csr_free(csr);
    assert_ok(esp_csr_of(4, 3, 6, row, word, ones ? NULL : count, csr, &twice));
    assert_ok(esp_nodes_normalise(esp_comm_self(), ESP_NODES_FEATURES_AUTO, &set));
    const double a = in0, b = (ones ? 1 : 3) * ln2, norm = sqrt(a * a + b * b);
    assert_true(fabs(csr->value[0] - a / norm) < 1e-15 && fabs(csr->value[1] - b / norm) < 1e-15);
    assert_true(csr->value[2] == 1);
    const double c = (ones ? 1 : 2) * in0, other = sqrt(c * c + ln2 * ln2 + ln4 * ln4);
    assert_true(fabs(csr->value[5] - ln4 / other) < 1e-15 && csr->start[4] == csr->start[3]);
    refused(esp_nodes_normalise(esp_comm_self(), ESP_NODES_FEATURES_STANDARD, &set), ESP_ERR_CONFIG, "standard");
    csr->value[4] = -1;
    refused(esp_nodes_normalise(esp_comm_self(), ESP_NODES_FEATURES_AUTO, &set), ESP_ERR_VALUE,
            "node 0: word 1 is there -1 times");
    esp_set_free(&set);
  }
}

static void numbers(void **state) {
  (void)state;
  enum { N = 70, D = 3 };
  esp_set set = {.n = N, .n_home = N, .layout = &esp_nodes_layout, .width = {[ESP_NODES_X] = D}};
  set.width[ESP_NODES_CLASS] = 1;
  assert_ok(esp_set_create(&set));
  double *x = set.value[ESP_NODES_X];
  for (int i = 0; i < N; i++) x[D * i] = i, x[D * i + 1] = 0.1, x[D * i + 2] = i % 7 == 3 ? 1e9 : 0;
  assert_ok(esp_nodes_normalise(esp_comm_self(), ESP_NODES_FEATURES_AS_IS, &set));
  assert_true(x[D * 5] == 5);
  assert_ok(esp_nodes_normalise(esp_comm_self(), ESP_NODES_FEATURES_AUTO, &set));
  for (int c = 0; c < D; c++) {
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) sum += x[D * i + c], square += x[D * i + c] * x[D * i + c];
    assert_true(fabs(sum) < 1e-12 * N && fabs(square / N - (c != 1)) < 1e-12);
  }
  refused(esp_nodes_normalise(esp_comm_self(), ESP_NODES_FEATURES_TFIDF, &set), ESP_ERR_CONFIG, "dense");
  esp_set_free(&set);
}

/* ---- the nearest in raw features ---- */

static double cosine_of(const double *a, const double *b, int width) {
  double ab = 0, aa = 0, bb = 0;
  for (int c = 0; c < width; c++) ab += a[c] * b[c], aa += a[c] * a[c], bb += b[c] * b[c];
  return aa * bb > 0 ? ab / (sqrt(aa) * sqrt(bb)) : 0;
}

/* Does fewer than k others lie nearer to i than j does, lower numbers first? */
static int is_near(int n, int width, const double *x, int k, int i, int j) {
  int before = 0;
  const double own = cosine_of(x + i * width, x + j * width, width);
  for (int o = 0; o < n; o++) {
    const double other = cosine_of(x + i * width, x + o * width, width);
    before += o != i && (other > own || (other == own && o < j));
  }
  return own > 0 && before < k;
}

/* By all pairs: dense features; sparse rows, of which it counts alone where they are, without and with entries of 0, which are not
 * there; some without any, some alike. */
static void nearest_nodes(void **state) {
  (void)state;
  enum { N = 40, D = 5 };
  double x[N * D] = {0}, has[N * D];
  for (int i = 0; i < N; i++)
    for (int c = 0; c < D && i % 11; c++) x[i * D + c] = (i * (c + 3) + c * c) % 4 == 0 ? 1 + (i + c) % 3 : 0;
  for (int e = 0; e < N * D; e++) has[e] = x[e] != 0;
  for (int sparse = 0; sparse < 3; sparse++)
    for (int k = 1; k < 6; k += 2) {
      esp_set set = {.n = N, .n_home = N, .layout = &esp_nodes_layout};
      set.width[sparse ? ESP_NODES_WORDS : ESP_NODES_X] = D, set.width[ESP_NODES_CLASS] = 1;
      int64_t row[N * D], word[N * D], count = 0, twice;
      const double *seen = sparse ? has : x;
      double value[N * D];
      esp_csr edges;
      assert_ok(esp_set_create(&set));
      for (int e = 0; e < N * D; e++)
        if (x[e] != 0 || sparse == 2) row[count] = e / D, word[count] = e % D, value[count++] = x[e];
      if (sparse) {
        esp_csr_free(&set.csr[ESP_NODES_WORDS]);
        assert_ok(esp_csr_of(N, D, count, row, word, value, &set.csr[ESP_NODES_WORDS], &twice));
      } else {
        memcpy(set.value[ESP_NODES_X], x, sizeof x);
      }
      assert_ok(esp_nodes_nearest(esp_comm_self(), &set, k, &edges));
      for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
          assert_true(hears(&edges, i, j) ==
                      (i != j && (is_near(N, D, seen, k, i, j) || is_near(N, D, seen, k, j, i))));
      esp_csr_free(&edges);
      esp_set_free(&set);
    }
  esp_set large = {.n = ESP_NODES_NEAREST + 1};
  esp_csr edges;
  refused(esp_nodes_nearest(esp_comm_self(), &large, 1, &edges), ESP_ERR_LIMIT, "at most 16384");
}

/* ---- plans ---- */

static void plans(void **state) {
  (void)state;
  esp_nodes_data data = plain;
  const esp_backend backend = truth_backend();
  esp_plan plan = {.n = 100, .items = 1, .sets = 1};
  assert_ok(esp_nodes_making.plan(&data, &plan));
  assert_true(plan.shared == 1 && plan.width[ESP_NODES_X] == 6 && plan.width[ESP_NODES_CLASS] == 8);
  assert_true(esp_nodes_making.record(&data) == 0);
  esp_set set = labelled(1, 1, (const int[]){0});
  refused(esp_nodes_making.adopt(&data, &backend, ESP_ADOPT_TRAINING, &set), ESP_ERR_CONFIG, "data_nodes_of is drawn");
  data.of = ESP_NODES_FILE;
  assert_true(esp_nodes_making.record(&data) == 1);
  refused(esp_nodes_making.plan(&data, &plan), ESP_ERR_CONFIG, "set -input FILE, or data_nodes_of drawn");
  esp_set_free(&set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(drawn),   cmocka_unit_test(sets_differ),   cmocka_unit_test(splits), cmocka_unit_test(words),
      cmocka_unit_test(numbers), cmocka_unit_test(nearest_nodes), cmocka_unit_test(plans)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

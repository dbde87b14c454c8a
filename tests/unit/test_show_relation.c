/* Proves that the classical methods of a learned relation find relations of their own kind, on sets of any size, that the
 * trained network's variants are what they say, and that the learned shift is found where there is one. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "net/stack.h"
#include "tasks/relation/show.h"

#define OK(expr)                                                          \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

enum { D = 3, F = 1, T = 1, SETS = 3, N = 300 };

static const char *law(int k) {
  static const char *const names[] = {"subspace", "upstream", "twice", NULL};
  return names[k];
}

static const esp_column columns[] = {{"x", ESP_INPUT, .min = -INFINITY},
                                     {"v", ESP_SENT, .min = -INFINITY},
                                     {"y", ESP_TARGET, .optional = 1, .min = -INFINITY},
                                     {"z", ESP_HIDDEN, .optional = 1, .min = -INFINITY},
                                     {0}};
static const esp_number numbers[] = {{"h", .count = 1}, {"law", .whole = 1, .count = 1, .names = law}, {0}};
static const esp_layout layout = {columns, numbers, ""};

typedef enum { CONSTANT, LINEAR, KERNEL } kind;

static double draw(int set, int i, uint32_t which) {
  return esp_rng_normal((uint64_t)set + 1, (uint64_t)i, ESP_RNG_TEST, which);
}

/* h: width of the kernel, if the targets are sums over one. */
static esp_set make(int number, int n, kind k, double h) {
  esp_set set = {.layout = &layout, .n = n, .n_home = n, .width = {D, F, T, 2}};
  OK(esp_set_create(&set));
  for (int i = 0; i < n; i++) {
    set.id[i] = i;
    for (uint32_t a = 0; a < D; a++) set.value[0][D * i + (int)a] = draw(number, i, a);
    set.value[1][i] = draw(number, i, D);
    for (int a = 0; a < 2; a++) set.value[3][2 * i + a] = set.value[0][D * i + a];
  }
  for (int i = 0; i < n; i++) {
    const double *x = set.value[0] + D * i;
    double y = 0.5;
    if (k == LINEAR) y = 2 * x[0] - x[2] + 3 * set.value[1][i] - 1;
    for (int j = 0; j < n && k == KERNEL; j++) {
      double d2 = 0;
      for (int a = 0; a < D; a++) d2 += (set.value[0][D * j + a] - x[a]) * (set.value[0][D * j + a] - x[a]);
      if (j != i) y += 0.7 * exp(-d2 / (2 * h * h)) * set.value[1][j];
    }
    set.value[2][i] = y;
  }
  return set;
}

static int get(void *context, int s, const esp_set **set) {
  *set = (const esp_set *)context + s;
  return ESP_OK;
}

/* Squared error of a method's prediction over the targets' squares about their mean; -1: of no use. */
static double error(const esp_method *method, const void *param, const void *fitted, const esp_model *model,
                    const esp_set *set, int64_t pairs) {
  const esp_backend backend = esp_backend_self();
  double y[N * T], mean = 0, over = 0, under = 0;
  esp_cost cost = {0};
  int use = 1;
  OK(method->predict(param, fitted, model, &backend, set, y, &cost, &use));
  if (!use) return -1;
  assert_int_equal(cost.near_pairs, pairs);
  for (int i = 0; i < set->n_home; i++) mean += set->value[2][i] / set->n_home;
  for (int i = 0; i < set->n_home; i++) {
    over += (y[i] - set->value[2][i]) * (y[i] - set->value[2][i]);
    under += (set->value[2][i] - mean) * (set->value[2][i] - mean);
  }
  return over / (under > 1e-12 ? under : 1);
}

static void methods_find_their_own_kind(void **state) {
  (void)state;
  const esp_method *method = esp_relation_methods; /* mean, linear, kernel, nearest */
  esp_stack_param network = {0};
  const esp_model model = {.param = &network, .sizes = {{[ESP_INPUT] = D, [ESP_SENT] = F, [ESP_TARGET] = T}}};
  const esp_relation_show_param param = {.neighbours = 8, .samples = 16, .seed = 1};
  const esp_backend backend = esp_backend_self();
  for (kind k = CONSTANT; k <= KERNEL; k++) {
    esp_set set[SETS];
    void *fitted = NULL;
    /* the width is one of the ladder's, up to the features' spread, which is about 1 */
    for (int s = 0; s < SETS; s++) set[s] = make(s, N, k, 0.7);
    esp_sets training = {.sets = SETS - 1, .layout = &layout, .largest = N, .get = get, .context = set};
    memcpy(training.width, set[0].width, sizeof training.width);
    OK(esp_relation_fit(&param, &model, &backend, &training, &fitted));
    double e[4];
    for (int m = 0; m < 4; m++)
      e[m] = error(&method[m], &param, fitted, &model, &set[SETS - 1], m < 2 ? -1 : m == 2 ? N * (N - 1) : 8 * N);
    if (k == CONSTANT) assert_true(e[0] < 1e-24 && e[1] < 1e-20);
    if (k == LINEAR) assert_true(e[0] > 0.9 && e[1] < 1e-20);
    if (k == KERNEL) assert_true(e[0] > 0.9 && e[2] >= 0 && e[2] < 0.05 && e[3] >= 0 && e[3] > e[2]);
    esp_relation_unfit(&fitted);
    assert_null(fitted);
    for (int s = 0; s < SETS; s++) esp_set_free(&set[s]);
  }
}

/* No training set: nothing can be used. Sets of 0, 1 and 2 particles are fitted on and predicted. */
static void few_particles(void **state) {
  (void)state;
  esp_stack_param network = {0};
  const esp_model model = {.param = &network, .sizes = {{[ESP_INPUT] = D, [ESP_SENT] = F, [ESP_TARGET] = T}}};
  const esp_relation_show_param param = {.neighbours = 8, .samples = 16, .seed = 1};
  const esp_backend backend = esp_backend_self();
  for (int n = 0; n <= 2; n++)
    for (int sets = 0; sets <= 1; sets++) {
      esp_set set = make(0, n, LINEAR, 1);
      void *fitted = NULL;
      esp_sets training = {.sets = sets, .layout = &layout, .largest = n, .get = get, .context = &set};
      memcpy(training.width, set.width, sizeof training.width);
      OK(esp_relation_fit(&param, &model, &backend, &training, &fitted));
      for (int m = 0; m < 4; m++) {
        const int64_t pairs = m < 2 || n < 2 ? -1 : n * (n - 1);
        const double e = error(&esp_relation_methods[m], &param, fitted, &model, &set, pairs);
        assert_true(isfinite(e));
        if (!sets) assert_true(e == -1);
      }
      esp_relation_unfit(&fitted);
      esp_set_free(&set);
    }
}

static const esp_method *find(const char *name) {
  const esp_method *m = esp_relation_methods;
  while (m->name && strcmp(m->name, name)) m++;
  assert_non_null(m->name);
  return m;
}

static void variants(void **state) {
  (void)state;
  esp_set set = make(0, 10, LINEAR, 1);
  const esp_stack_param start = {
      .far = 1, .order = 2, .split = ESP_SPLIT_LEARNED, .tree_on = ESP_TREE_ON_LEARNED, .domain.lists.theta = 0.5};
  esp_stack_param p = start;
  int use = 1;
  OK(find("trained network: near pairs alone")->vary(&p, &set, 7, &use));
  assert_true(use && !p.far);
  OK(find("trained network: near pairs alone")->vary(&p, &set, 7, &use));
  assert_false(use); /* they are alone already */
  p = start, use = 1;
  OK(find("trained network: tree on raw features")->vary(&p, &set, 7, &use));
  assert_true(use && p.tree_on == ESP_TREE_ON_FEATURES && p.tree_features == D && p.split == ESP_SPLIT_WIDEST);
  assert_int_equal(p.domain.lists.pairs_per_particle, 7);
  p = start, use = 1, p.domain.lists.pairs_per_particle = 5, set.about[1].whole = 1;
  OK(find("trained network: tree on hidden space")->vary(&p, &set, 7, &use));
  assert_true(use && p.tree_on == ESP_TREE_ON_HIDDEN && p.hidden_halves == 1);
  assert_int_equal(p.domain.lists.pairs_per_particle, 5);
  p = start, use = 1, p.domain.lists.theta = 0; /* all pairs: another tree is no other lists */
  OK(find("trained network: tree on hidden space")->vary(&p, &set, 7, &use));
  assert_false(use);
  p = start, use = 1;
  OK(find("trained network: all pairs")->vary(&p, &set, 7, &use));
  assert_true(use && p.domain.lists.theta == 0 && p.order == 2 && p.far);
  esp_set_free(&set);
}

static void halves_by_law(void **state) {
  (void)state;
  esp_set set = make(0, 0, LINEAR, 1);
  const int wanted[] = {0, 1, 2};
  for (int k = 0; k < 3; k++) {
    set.about[1].whole = k;
    assert_int_equal(esp_relation_halves_of(&set), wanted[k]);
  }
  esp_set_free(&set);
}

static void shift(void **state) {
  (void)state;
  enum { d = 3 };
  const double K[4][d] = {{1, 0.2, 0}, {-0.3, 1, 0.5}, {0.4, 0, 1}, {0, 0.1, -1}};
  double x[N * 4], key[N * d], query[N * d], slope;
  for (int i = 0; i < N; i++) {
    for (uint32_t a = 0; a < 4; a++) x[4 * i + (int)a] = draw(9, i, a);
    for (int k = 0; k < d; k++) {
      key[d * i + k] = 0.1 * k, query[d * i + k] = 0.1 * k;
      for (int a = 0; a < 4; a++) key[d * i + k] += x[4 * i + a] * K[a][k];
      for (int a = 0; a < 2; a++) query[d * i + k] += (x[4 * i + a] - x[4 * i + 2 + a] + 5) * K[a][k];
    }
  }
  OK(esp_upstream_shift(esp_comm_self(), N, x, d, key, query, &slope));
  assert_true(fabs(slope + 1) < 1e-9);
  OK(esp_upstream_shift(esp_comm_self(), N, x, 1, key, query, &slope)); /* one dimension tells no plane apart */
  assert_true(isnan(slope));
  OK(esp_upstream_shift(esp_comm_self(), 0, x, d, key, query, &slope));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(methods_find_their_own_kind), cmocka_unit_test(few_particles),
                                     cmocka_unit_test(variants), cmocka_unit_test(halves_by_law),
                                     cmocka_unit_test(shift)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

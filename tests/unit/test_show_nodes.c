/* What is shown of nodes: accuracy, cross-entropy and F1 are those found by hand, over nodes that count alone; rivals are trained
 * on what they say, from start values of their own; variants of the trained network are what they say, and are left out where
 * there is no gate; a prediction is a probability. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "memory_maker.h"
#include "tasks/nodes/show.h"

static void assert_ok(int rc) {
  if (rc) fail_msg("%s", esp_error_message());
}

static const esp_showing *shown(void) {
  return esp_task_nodes.showing;
}

static const esp_method *method_of(const char *name) {
  const esp_method *method = shown()->method;
  while (strcmp(method->name, name)) assert_non_null((++method)->name);
  return method;
}

/* ---- figures ---- */

static void figures_of(const esp_set *set, const double *y, double value[3]) {
  const esp_backend backend = truth_backend();
  esp_tally tally;
  assert_ok(esp_tally_create(shown()->figure, &tally));
  assert_ok(shown()->judge(NULL, &backend, set, y, NAN, &tally));
  assert_ok(esp_tally_value(backend.comm, &tally, shown()->figure, value));
  esp_tally_free(&tally);
}

static void figures(void **state) {
  (void)state;
  enum { N = 6, K = 3 };
  /* of class 0: one right, one taken for 1; of class 1: right, and equal numbers, the first counts; 2 of no weight; none */
  static const double y[N * K] = {2, 0, 0, 0, 3, 0, -1, 5, 2, 4, 4, 1, 0, 0, 9, 7, 0, 0};
  static const int of[N] = {0, 0, 1, 1, 2, -1};
  double value[3], entropy = 0;
  esp_set set = {.n = N, .n_home = N, .layout = &esp_nodes_layout, .width = {[ESP_NODES_X] = 1}};
  set.width[ESP_NODES_CLASS] = K;
  assert_ok(esp_set_create(&set));
  for (int i = 0; i < N; i++) {
    set.id[i] = i, set.value[ESP_NODES_WEIGHT][i] = i != 4;
    if (of[i] >= 0) set.value[ESP_NODES_CLASS][K * i + of[i]] = 1;
  }
  for (int i = 0; i < 4; i++) {
    const double *row = y + K * i;
    entropy -= log(exp(row[of[i]]) / (exp(row[0]) + exp(row[1]) + exp(row[2]))) / 4;
  }
  figures_of(&set, y, value);
  assert_true(value[0] == 0.5 && fabs(value[1] - entropy) < 1e-14);
  assert_true(fabs(value[2] - 0.5) < 1e-15); /* 2 of (2 + 2) for class 0 and for class 1; class 2 is not there */
  for (int i = 0; i < N; i++) set.value[ESP_NODES_WEIGHT][i] = 0;
  figures_of(&set, y, value);
  assert_true(isnan(value[0]) && isnan(value[2])); /* there is nobody to judge */
  /* predictions are probabilities, of any numbers */
  static const double large[N * K] = {1e4, -1e4, 1e4, 1, 2, 3, 0, 0, 0, -7, -7, -7, 5, 0, 0, 0, 5, 0};
  double elapsed = 1;
  assert_ok(esp_task_nodes.output(NULL, large, K, &set, &elapsed));
  const double *p = set.value[ESP_NODES_CLASS];
  assert_true(elapsed == 0 && p[0] == 0.5 && p[1] == 0 && fabs(p[4] - exp(-1) * p[5]) < 1e-15 && p[6] == p[8]);
  for (int i = 0; i < N; i++) assert_true(fabs(p[3 * i] + p[3 * i + 1] + p[3 * i + 2] - 1) < 1e-15);
  assert_int_equal(esp_task_nodes.output(NULL, large, 2, &set, &elapsed), ESP_ERR_VALUE);
  esp_error_clear();
  esp_set_free(&set);
}

/* ---- rivals ---- */

enum { N = 320, CLASSES = 4, WIDTH = 16 };
static memory_maker made[ESP_PARTS];

static int get(void *context, int s, const esp_set **set) {
  (void)context;
  *set = &made[ESP_PART_TRAIN].set[s];
  return ESP_OK;
}

static esp_sets training_sets(void) {
  esp_sets sets = {.sets = 1, .shared = 1, .layout = &esp_nodes_layout, .largest = N, .get = get};
  memcpy(sets.width, made[ESP_PART_TRAIN].set[0].width, sizeof sets.width);
  return sets;
}

static void make_data(void) {
  esp_nodes_data data = {.of = ESP_NODES_DRAWN,
                         .train = 40,
                         .validation = 40,
                         .classes = CLASSES,
                         .width = WIDTH,
                         .degree = 12,
                         .reach = 0.1,
                         .any = 0,
                         .noise = 2,
                         .seed = 5};
  const esp_backend backend = truth_backend();
  for (int part = 0; part < ESP_PARTS; part++) {
    const esp_item item = {(esp_part)part, N, 0, 0};
    made[part] = memory_maker_new();
    assert_ok(esp_nodes_making.make(&data, &backend, &item, &made[part].maker));
  }
}

/* A network as the keys' defaults have it, but for its sizes. */
static esp_model network(void) {
  const esp_options *const tables[] = {&esp_convolution_options, NULL};
  const esp_sizes sizes = esp_sizes_of(&esp_nodes_layout, made[0].set[0].width);
  esp_convolution_param param;
  esp_config *config;
  esp_model model;
  assert_ok(esp_config_create(tables, &config));
  assert_ok(esp_config_set(config, "net_dim", "4"));
  assert_ok(esp_config_set(config, "net_update_hidden", "8"));
  assert_ok(esp_options_fill(&esp_convolution_options, config, &param));
  assert_ok(esp_model_create(&esp_network_convolution, &param, &sizes, &model));
  esp_config_free(&config);
  return model;
}

static void rivals(void **state) {
  (void)state;
  static const char *const names[] = {"shares of the classes", "multilayer perceptron",
                                      "graph convolution: given edges", "graph convolution: nearest features"};
  const esp_backend backend = truth_backend();
  const esp_nodes_show_param param = {.neighbours = 8,
                                      .train = {.steps = 40,
                                                .batch = 1,
                                                .rate = 0.02,
                                                .beta2 = 0.999,
                                                .seed = 1,
                                                .validate = 1,
                                                .schedule = ESP_SCHEDULE_HOLD}};
  double accuracy[4], *y, value[3];
  void *fitted = NULL;
  make_data();
  esp_sets sets = training_sets();
  esp_model model = network();
  const uint64_t before = esp_model_checksum(&model);
  assert_ok(ESP_ALLOC(y, N * CLASSES));
  for (int edges = 1; edges >= 0; edges--) {
    sets.width[ESP_NODES_EDGES] = edges;
    for (int part = 0; part < ESP_PARTS && !edges; part++) {
      esp_csr_free(&made[part].set[0].csr[ESP_NODES_EDGES]);
      made[part].set[0].width[ESP_NODES_EDGES] = 0;
    }
    assert_ok(shown()->fit(&param, &model, &backend, &sets, &fitted));
    for (int m = 0; m < 4; m++) {
      esp_cost cost = {0};
      int use = 1;
      assert_ok(
          method_of(names[m])->predict(&param, fitted, &model, &backend, &made[ESP_PART_TEST].set[0], y, &cost, &use));
      assert_true(use == (edges || m != 2) && (!use || cost.near_pairs == -1));
      if (!use) continue;
      figures_of(&made[ESP_PART_TEST].set[0], y, value);
      if (edges) accuracy[m] = value[0];
      assert_true(edges || m == 2 || value[0] == accuracy[m]); /* others do not look at the edges */
    }
    shown()->unfit(&fitted);
    assert_null(fitted);
  }
  if (!(accuracy[0] < 0.4 && accuracy[1] > accuracy[0] + 0.1 && accuracy[2] > accuracy[1] + 0.2))
    fail_msg("accuracies %g %g %g %g", accuracy[0], accuracy[1], accuracy[2], accuracy[3]);
  assert_true(esp_model_checksum(&model) == before);
  ESP_FREE(y);
  esp_model_free(&model);
  for (int part = 0; part < ESP_PARTS; part++) memory_maker_free(&made[part]);
}

/* ---- variants ---- */

static void variants(void **state) {
  (void)state;
  const esp_set set = {.layout = &esp_nodes_layout};
  for (int way = 0; way < 4; way++) { /* a gate, with far cells and without; none, of two kinds */
    esp_convolution_param p = {.far = way != 1, .share = way == 2, .stay = way == 3, .error = 0.1};
    p.domain.lists.theta = 0.5, p.domain.lists.pairs_per_particle = 9;
    esp_convolution_param alone = p, all = p;
    int use = 1, every = 1;
    assert_ok(method_of("trained network: near pairs alone")->vary(&alone, &set, 3, &use));
    assert_ok(method_of("trained network: all pairs")->vary(&all, &set, 3, &every));
    assert_true(use == (way == 0) && every == (way < 2));
    assert_true(alone.far == 0 && alone.domain.lists.pairs_per_particle == 9);
    assert_true(all.far == 1 && all.domain.lists.theta == 0 && all.domain.lists.pairs_per_particle == 0 &&
                all.error == 0);
  }
  assert_true(shown()->larger == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(figures), cmocka_unit_test(rivals), cmocka_unit_test(variants)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that the learned relation is what it says: its table, its start, one layer against plain loops, and its
 * gradient in every group of parameters against central differences, through stacks of both messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/gate.h"
#include "net//dense.h"
#include "relation_train_case.h"

static esp_backend backend64(void) {
  esp_backend b = esp_backend_self();
  b.device = &esp_device_cpu64;
  return b;
}

/* ---- table and start ---- */

static void table_has_no_gaps(void **state) {
  (void)state;
  for (int which = 0; which < RELATION_CASES; which++)
    for (int kind = 0; kind < 3; kind++) {
      esp_stack_param p = relation_case_param(which, 0.5);
      esp_stack r;
      p.embedding = (esp_embed_kind)kind, p.embed_hidden = 5;
      if (kind == ESP_EMBED_COORDINATES) p.separate = 0;
      p.split = ESP_SPLIT_LEARNED, p.split_levels = 3;
      OK(esp_stack_create(&p, &r));
      int at = 0;
      for (int e = 0; e < r.block.entries; e++) {
        assert_int_equal(r.block.entry[e].offset, at);
        at += r.block.entry[e].rows * r.block.entry[e].columns;
        for (int f = 0; f < e; f++) assert_string_not_equal(r.block.entry[e].name, r.block.entry[f].name);
      }
      assert_int_equal(at, r.block.count);
      for (int l = 0; l < p.layers; l++) {
        const esp_stack_slot *s = &r.slot[l];
        const size_t size = sizeof(double) * (size_t)esp_embed_count(&s->embed);
        if (p.separate) assert_memory_equal(r.block.value + s->key, r.block.value + s->query, size);
        for (int node = 0; node < 7; node++) {
          const double *w = r.block.value + s->normal + 3 * node;
          assert_true(fabs(w[0] * w[0] + w[1] * w[1] + w[2] * w[2] - 1) < 1e-14);
        }
      }
      esp_stack_free(&r);
    }
}

static void refuses(void **state) {
  (void)state;
  const esp_stack_param good = relation_case_param(RELATION_DEEP, 0.5);
  for (int k = 0; k < 13; k++) {
    esp_stack_param p = good;
    esp_stack r;
    if (k == 0) p.layers = 0;
    if (k == 1) p.layers = ESP_STACK_MAX_LAYERS + 1;
    if (k == 2) p.values = ESP_GATE_MAX_CHANNELS + 1;
    if (k == 3) p.dim = ESP_MAX_DIM + 1;
    if (k == 4) p.embedding = ESP_EMBED_COORDINATES, p.dim = 6;
    if (k == 5) p.embedding = ESP_EMBED_COORDINATES, p.separate = 1;
    if (k == 6) p.split = ESP_SPLIT_LEARNED, p.split_levels = 2, p.tree_on = ESP_TREE_ON_HIDDEN;
    if (k == 7) p.gate_tolerance = 1;
    if (k == 8) p.domain.leaf = 0;
    if (k == 9) p.tree_on = ESP_TREE_ON_FEATURES, p.features = ESP_MAX_DIM + 1;
    if (k == 10) p.width = 0;
    if (k == 11) p.domain.lists.theta = -1;
    if (k == 12) p.tree_on = ESP_TREE_ON_FEATURES, p.tree_features = 6;
    assert_int_equal(esp_stack_create(&p, &r), ESP_ERR_CONFIG);
    esp_error_clear();
  }
}

/* ---- one layer against plain loops ---- */

static void one_layer_is_the_formula(void **state) {
  (void)state;
  enum { N = 70, D = 5, d = 3, h = 7 };
  esp_feature_set set = relation_case_set(N, D, 2, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0);
  esp_stack r = relation_case_network(&p);
  esp_backend b = backend64();
  esp_stack_pass pass;
  OK(esp_stack_forward(&r, &b, &set, 0, NULL, &pass));
  assert_null(pass.layer);
  const esp_stack_slot *at = &r.slot[0];
  double z[N][d], s = exp(r.block.value[at->message]), a = r.block.value[at->a];
  OK(esp_stack_place(&r, &set, &z[0][0], NULL));
  for (int i = 0; i < N; i++) {
    double A[2] = {0}, y[2] = {r.block.value[at->c], r.block.value[at->c + 1]};
    for (int k = 0; k < d; k++) {
      double sum = 0;
      for (int f = 0; f < D; f++) sum += r.block.value[at->key + k * D + f] * set.x[i * D + f];
      assert_true(fabs(sum - z[i][k]) < 1e-13);
    }
    for (int j = 0; j < N; j++) {
      double q = 0;
      for (int k = 0; k < d; k++) q += (z[i][k] - z[j][k]) * (z[i][k] - z[j][k]);
      for (int c = 0; c < 2 && j != i; c++) A[c] += exp(-q / (2 * s * s)) * set.v[j * 2 + c];
    }
    for (int u = 0; u < h; u++) {
      const double *R1 = r.block.value + at->R1 + u * (2 + D);
      double t = r.block.value[at->b1 + u] + R1[0] * a * A[0] + R1[1] * a * A[1];
      for (int f = 0; f < D; f++) t += R1[2 + f] * set.x[i * D + f];
      for (int c = 0; c < 2; c++) y[c] += r.block.value[at->R2 + c * h + u] * t / (1 + exp(-t));
    }
    for (int c = 0; c < 2; c++) assert_true(fabs(y[c] - pass.y[i * 2 + c]) < 1e-12);
  }
  assert_int_equal(pass.cost.near_pairs, N * (N - 1));
  esp_stack_pass_free(&pass);
  esp_stack_free(&r);
  esp_feature_set_free(&set);
}

/* A kept pass gives what a passing one gives; few and no particles are fine; the wrong set is not. */
static void passes_agree(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0.7);
    esp_stack r = relation_case_network(&p);
    const int sizes[] = {0, 1, 2, 65, 130};
    for (int k = 0; k < 5; k++) {
      esp_feature_set set = relation_case_set(sizes[k], 5, 2, 0.5, 0, 8);
      esp_stack_pass kept, passing;
      OK(esp_stack_forward(&r, &b, &set, 1, NULL, &kept));
      OK(esp_stack_forward(&r, &b, &set, 0, NULL, &passing));
      assert_memory_equal(kept.y, passing.y, sizeof(double) * 2 * (size_t)sizes[k]);
      assert_non_null(kept.layer[p.layers - 1].dom);
      esp_stack_pass_free(&kept);
      esp_stack_pass_free(&passing);
      set.values = 1;
      assert_int_equal(esp_stack_forward(&r, &b, &set, 1, NULL, &kept), ESP_ERR_ARG);
      set.values = 2;
      esp_error_clear();
      esp_feature_set_free(&set);
    }
    esp_stack_free(&r);
  }
}

/* Where the last theta was changes nothing. */
static void budget_forgets(void **state) {
  (void)state;
  esp_backend b = esp_backend_self();
  esp_feature_set set = relation_case_set(200, 5, 2, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_DEEP, 0.7);
  p.domain.lists.pairs_per_particle = 40;
  esp_stack r = relation_case_network(&p);
  esp_stack_pass first, again;
  OK(esp_stack_forward(&r, &b, &set, 1, NULL, &first));
  assert_in_range(first.cost.near_pairs, 1, 3 * 200 * 40);
  for (int k = 0; k < 3; k++) {
    for (int l = 0; l < 3; l++) r.theta[l] = k == 0 ? first.layer[l].dom->param.lists.theta : k == 1 ? 0.1 : 5;
    OK(esp_stack_forward(&r, &b, &set, 1, NULL, &again));
    assert_memory_equal(first.y, again.y, sizeof(double) * 400);
    for (int l = 0; l < 3; l++)
      assert_true(first.layer[l].dom->param.lists.theta == again.layer[l].dom->param.lists.theta);
    esp_stack_pass_free(&again);
  }
  esp_stack_pass_free(&first);
  esp_stack_free(&r);
  esp_feature_set_free(&set);
}

/* Where far cells are left out, what is not near is not heard. */
static void near_only_drops(void **state) {
  (void)state;
  esp_backend b = backend64();
  esp_feature_set set = relation_case_set(200, 5, 2, 0.5, 0, 8);
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 1);
  double y[2][400];
  for (int far = 0; far < 2; far++) {
    p.far = far;
    esp_stack r = relation_case_network(&p);
    esp_stack_pass pass;
    OK(esp_stack_forward(&r, &b, &set, 0, NULL, &pass));
    assert_true(far ? pass.cost.far_pairs > 0 : pass.cost.far_pairs == 0);
    memcpy(y[far], pass.y, sizeof y[far]);
    esp_stack_pass_free(&pass);
    esp_stack_free(&r);
  }
  assert_memory_not_equal(y[0], y[1], sizeof y[0]);
  esp_feature_set_free(&set);
}

/* ---- loss ---- */

static void loss_is_the_formula(void **state) {
  (void)state;
  enum { N = 100 };
  for (int holes = 0; holes < 2; holes++) {
    esp_feature_set set = relation_case_set(N, 5, 2, 0.5, holes, 8);
    double y[2 * N], gy[2 * N], nmse, mean[2] = {0}, whole = 0, up = 0, down = 0, moved;
    for (int i = 0; i < 2 * N; i++) y[i] = esp_rng_normal(1, (uint64_t)i, ESP_RNG_TEST, 0);
    OK(relation_case_loss(esp_comm_self(), &set, y, 3, gy, &nmse));
    for (int i = 0; i < N; i++) whole += holes ? set.weight[i] : 1;
    for (int i = 0; i < 2 * N; i++) mean[i % 2] += (holes ? set.weight[i / 2] : 1) * set.y[i] / whole;
    for (int i = 0; i < 2 * N; i++) {
      const double w = holes ? set.weight[i / 2] : 1;
      up += w * (y[i] - set.y[i]) * (y[i] - set.y[i]);
      down += w * (set.y[i] - mean[i % 2]) * (set.y[i] - mean[i % 2]);
    }
    assert_true(fabs(nmse - up / down) < 1e-13 * nmse);
    for (int i = 0; i < 20; i++) {
      y[i] += 1e-4;
      OK(relation_case_loss(esp_comm_self(), &set, y, 1, NULL, &moved));
      y[i] -= 2e-4;
      double back;
      OK(relation_case_loss(esp_comm_self(), &set, y, 1, NULL, &back));
      y[i] += 1e-4;
      assert_true(fabs(3 * (moved - back) / 2e-4 - gy[i]) < 1e-9);
    }
    const int targets = set.targets;
    set.targets = 0;
    assert_int_equal(relation_case_loss(esp_comm_self(), &set, y, 1, NULL, &nmse), ESP_ERR_ARG);
    esp_error_clear();
    set.targets = targets;
    memset(set.y, 0, sizeof(double) * 2 * N);
    OK(relation_case_loss(esp_comm_self(), &set, y, 1, NULL, &nmse));
    assert_true(nmse > 1);
    for (int i = 0; i < 2 * N; i++) set.y[i] = 123.456, y[i] = 123.5; /* their mean is not exact */
    OK(relation_case_loss(esp_comm_self(), &set, y, 1, NULL, &nmse));
    assert_true(nmse < 1);
    esp_feature_set_free(&set);
  }
}

/* ---- gradient ---- */

/* Order, lists and angle of every layer's tree: central differences hold where it does not change. */
static int note_support(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  (void)l, (void)key, (void)query;
  uint64_t *hash = context;
  *hash = *hash * 31 + esp_lists_hash(&dom->tree, &dom->lists);
  for (int i = 0; i < dom->n_own; i++) *hash = (*hash ^ (uint64_t)dom->id[i]) * UINT64_C(0x100000001b3);
  return ESP_OK;
}

static double loss_of(const esp_stack *r, const esp_backend *b, const esp_feature_set *set, uint64_t *support) {
  esp_stack_pass pass;
  const esp_visit visit = {note_support, support};
  double nmse;
  *support = 7;
  OK(esp_stack_forward(r, b, set, 0, &visit, &pass));
  OK(relation_case_loss(b->comm, set, pass.y, 1, NULL, &nmse));
  esp_stack_pass_free(&pass);
  return nmse;
}

static double *gradient_of(const esp_stack *r, const esp_backend *b, const esp_feature_set *set) {
  esp_stack_pass pass;
  double nmse, *gy = calloc((size_t)set->n * 2 + 1, sizeof *gy), *g = calloc((size_t)r->block.count, sizeof *g);
  int64_t *acc = calloc((size_t)r->block.count * ESP_EXACT_FULL_WORDS, sizeof *acc);
  OK(esp_stack_forward(r, b, set, 1, NULL, &pass));
  OK(relation_case_loss(b->comm, set, pass.y, 1, gy, &nmse));
  OK(esp_stack_backward(r, b, set, &pass, gy, acc));
  for (int i = 0; i < r->block.count; i++) g[i] = esp_exact_value(&ESP_EXACT_FULL, acc + i * ESP_EXACT_FULL_WORDS);
  esp_stack_pass_free(&pass);
  free(gy), free(acc);
  return g;
}

/* Fourth-order difference of parameter i; 0 if the tree changed on the way and the loss is not that of all pairs. */
static int difference(esp_stack *r, const esp_backend *b, const esp_feature_set *set, int i, double *slope) {
  const double h = 2e-4, keep = r->block.value[i];
  double value[4];
  uint64_t support[4];
  for (int k = 0; k < 4; k++) {
    r->block.value[i] = keep + (k < 2 ? k - 2 : k - 1) * h;
    value[k] = loss_of(r, b, set, &support[k]);
  }
  r->block.value[i] = keep;
  *slope = (8 * (value[2] - value[1]) - (value[3] - value[0])) / (12 * h);
  if (r->param.domain.lists.theta == 0) return 1;
  return support[0] == support[1] && support[1] == support[2] && support[2] == support[3];
}

static void check_gradient(const esp_stack_param *p, int n, const char *what, int frozen) {
  esp_backend b = backend64();
  esp_feature_set set = relation_case_set(n, 5, 2, 0.6, 1, 8);
  esp_stack r = relation_case_network(p);
  double *g = gradient_of(&r, &b, &set);
  int held = 0, probes = 0;
  for (int e = 0; e < r.block.entries; e++) {
    const int size = r.block.entry[e].rows * r.block.entry[e].columns;
    double most = 0;
    for (int i = 0; i < size; i++) most = fmax(most, fabs(g[r.block.entry[e].offset + i]));
    if (strstr(r.block.entry[e].name, "normal")) continue;
    assert_true(most > 1e-8);
    for (int probe = 0; probe < 5 && probe < size; probe++) {
      const int drawn = (int)esp_rng_below(6, (uint64_t)probe, ESP_RNG_TEST, (uint32_t)e, (uint64_t)size);
      const int i = r.block.entry[e].offset + (size <= 5 ? probe : drawn);
      double slope;
      probes++;
      if (!difference(&r, &b, &set, i, &slope)) continue;
      held++;
      if (!(fabs(slope - g[i]) <= 1e-6 * most))
        fail_msg("%s, %s[%d]: gradient %.12g, difference %.12g", what, r.block.entry[e].name,
                 i - r.block.entry[e].offset, g[i], slope);
    }
  }
  assert_true(frozen ? held == probes : held > probes / 4);
  free(g);
  esp_stack_free(&r);
  esp_feature_set_free(&set);
}

static void gradient_over_all_pairs(void **state) {
  (void)state;
  static const char *const name[] = {"plain", "separate", "message", "deep", "deep message"};
  for (int which = 0; which < RELATION_CASES; which++)
    for (int self = 0; self < 2; self++) {
      esp_stack_param p = relation_case_param(which, 0);
      p.include_self = self;
      check_gradient(&p, 70, name[which], 1);
    }
}

/* The tree on features or hidden coordinates does not move with the parameters. Learned values have more channels than
 * there are poles: with poles the loss has a kink where a value changes sign. */
static void gradient_over_a_fixed_tree(void **state) {
  (void)state;
  static const char *const name[] = {"plain, tree", "separate, tree", "message, tree", "deep, tree",
                                     "deep message, tree"};
  for (int which = 0; which < RELATION_CASES; which++) {
    esp_stack_param p = relation_case_param(which, 0.9);
    p.tree_on = which % 2 ? ESP_TREE_ON_HIDDEN : ESP_TREE_ON_FEATURES;
    p.hidden_halves = which == RELATION_SEPARATE;
    if (which == RELATION_MESSAGE) p.tree_features = 2;
    if (which == RELATION_DEEP) p.channels = ESP_GATE_POLES + 1;
    check_gradient(&p, 100, name[which], 1);
  }
}

static void gradient_over_the_learned_tree(void **state) {
  (void)state;
  esp_stack_param p = relation_case_param(RELATION_PLAIN, 0.9);
  check_gradient(&p, 40, "learned tree", 0);
  p.embedding = ESP_EMBED_COORDINATES;
  check_gradient(&p, 100, "tree on coordinates", 1);
  p = relation_case_param(RELATION_DEEP, 0.9);
  p.embedding = ESP_EMBED_COORDINATES, p.channels = ESP_GATE_POLES + 1;
  check_gradient(&p, 100, "deep tree on coordinates", 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(table_has_no_gaps),
                                     cmocka_unit_test(refuses),
                                     cmocka_unit_test(one_layer_is_the_formula),
                                     cmocka_unit_test(passes_agree),
                                     cmocka_unit_test(budget_forgets),
                                     cmocka_unit_test(near_only_drops),
                                     cmocka_unit_test(loss_is_the_formula),
                                     cmocka_unit_test(gradient_over_all_pairs),
                                     cmocka_unit_test(gradient_over_a_fixed_tree),
                                     cmocka_unit_test(gradient_over_the_learned_tree)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

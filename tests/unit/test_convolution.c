/* Proves that graph convolution is what its header writes down, by plain loops over all pairs, for every share of its terms, in float32
 * and float64; and what it refuses. Gradients: test_convolution_gradient.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../convolution_case.h"

enum { N = 200 };

static double M[N][N], x[N][FEATURES];

static void features(const esp_set *set) {
  const esp_csr *words = &set->csr[AT_WORDS];
  memset(x, 0, sizeof x);
  for (int i = 0; i < N; i++) {
    for (int a = 0; a < DENSE - 1; a++) x[i][a] = set->value[AT_X][i * (DENSE - 1) + a];
    x[i][DENSE - 1] = set->value[AT_MORE][i];
    for (int64_t e = words->start[i]; e < words->start[i + 1]; e++) x[i][DENSE + words->index[e]] = words->value[e];
  }
}

static void add_given(double share) {
  double degree[N];
  for (int i = 0; i < N; i++) {
    degree[i] = 1;
    for (int j = 0; j < N; j++) degree[i] += convolution_case_edge(N, i, j);
  }
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++)
      M[i][j] += share * ((i == j) + convolution_case_edge(N, i, j)) / sqrt(degree[i] * degree[j]);
}

static void add_gate(const esp_model *m, double share) {
  const esp_convolution_param *p = m->param;
  const esp_convolution_places at = esp_convolution_places_of(m);
  static double z[N][2];
  const double t = exp(2 * m->block.value[at.scale]);
  for (int i = 0; i < N; i++)
    for (int a = 0; a < 2; a++) {
      z[i][a] = 0;
      for (int f = 0; f < FEATURES; f++) z[i][a] += x[i][f] * m->block.value[at.E + f * p->dim + a];
    }
  for (int i = 0; i < N; i++) {
    double weight[N], sum = 0;
    for (int j = 0; j < N; j++) {
      const double d = pow(z[i][0] - z[j][0], 2) + pow(z[i][1] - z[j][1], 2);
      weight[j] = i == j ? 0 : exp(-d / (2 * t));
      sum += weight[j];
    }
    assert_true(sum > 1e-2);
    for (int j = 0; j < N; j++) M[i][j] += share * weight[j] / sum;
  }
}

/* y [N][CLASSES]. */
static void plain_loops(const esp_model *m, double *y) {
  const esp_convolution_param *p = m->param;
  const esp_convolution_places at = esp_convolution_places_of(m);
  const double *v = m->block.value, r = p->share;
  static double product[N][8], hidden[N][8], second[N][CLASSES];
  memset(M, 0, sizeof M);
  for (int i = 0; i < N; i++) M[i][i] = (1 - r) * p->stay;
  if (r < 1 && p->stay < 1) add_gate(m, (1 - r) * (1 - p->stay));
  if (r > 0) add_given(r);
  memset(product, 0, sizeof product);
  memset(second, 0, sizeof second);
  for (int i = 0; i < N; i++)
    for (int f = 0; f < FEATURES; f++)
      for (int u = 0; u < p->hidden; u++) product[i][u] += x[i][f] * v[at.W1 + f * p->hidden + u];
  for (int i = 0; i < N; i++)
    for (int u = 0; u < p->hidden; u++) {
      hidden[i][u] = v[at.b1 + u];
      for (int j = 0; j < N; j++) hidden[i][u] += M[i][j] * product[j][u];
      if (hidden[i][u] < 0) hidden[i][u] = 0;
      for (int c = 0; c < CLASSES; c++) second[i][c] += hidden[i][u] * v[at.W2 + u * CLASSES + c];
    }
  for (int i = 0; i < N; i++)
    for (int c = 0; c < CLASSES; c++) {
      y[i * CLASSES + c] = v[at.b2 + c];
      for (int j = 0; j < N; j++) y[i * CLASSES + c] += M[i][j] * second[j][c];
    }
}

static void compare(const esp_device *device, double share, double stay, double theta, double most) {
  static double y[N * CLASSES], want[N * CLASSES];
  const esp_convolution_param p = convolution_case_param(share, stay, theta);
  esp_backend backend = esp_backend_self();
  esp_model m = convolution_case_moved(&p);
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  esp_cost cost = {0};
  double worst = 0, size = 0;
  backend.device = device;
  features(&set);
  OK(esp_model_predict(&m, &backend, &set, NULL, y, &cost));
  plain_loops(&m, want);
  for (int k = 0; k < N * CLASSES; k++) {
    worst = fmax(worst, fabs(y[k] - want[k]));
    size = fmax(size, fabs(want[k]));
  }
  if (!(worst < most * size))
    fail_msg("%s, share %g, stay %g: off by %g of %g", device->name, share, stay, worst, size);
  assert_int_equal(cost.layers, share < 1 && stay < 1 ? 2 : 0);
  assert_true(theta == 0 || cost.far_pairs > 0);
  esp_set_free(&set);
  esp_model_free(&m);
}

static void all_pairs(void **state) {
  (void)state;
  const double share[] = {1, 0, 0, 0, 0.85, 0.4}, stay[] = {0, 1, 0, 0.05, 0.05, 1};
  for (int k = 0; k < 6; k++) {
    compare(&esp_device_cpu32, share[k], stay[k], 0, 1e-5);
    compare(&esp_device_cpu64, share[k], stay[k], 0, 1e-12);
  }
  compare(&esp_device_cpu64, 0.4, 0.05, 0.4, 0.05); /* far cells are near it */
}

/* The same set again takes the edges that are there; another, of as many particles, its own. */
static void edges_are_kept(void **state) {
  (void)state;
  static double y[3][N * CLASSES];
  const esp_convolution_param p = convolution_case_param(1, 0, 0);
  const esp_backend backend = esp_backend_self();
  esp_model m = convolution_case_moved(&p);
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  OK(esp_model_predict(&m, &backend, &set, NULL, y[0], NULL));
  OK(esp_model_predict(&m, &backend, &set, NULL, y[1], NULL));
  assert_memory_equal(y[0], y[1], sizeof y[0]);
  int64_t *index = set.csr[AT_EDGES].index; /* the first edge goes elsewhere */
  index[0] = index[1] > index[0] + 1 ? index[0] + 1 : 0;
  OK(esp_model_predict(&m, &backend, &set, NULL, y[2], NULL));
  assert_memory_not_equal(y[0], y[2], sizeof y[0]);
  esp_set_free(&set);
  esp_model_free(&m);
}

/* A pass of training has masks of its own; a prediction drops nothing. */
static void dropout(void **state) {
  (void)state;
  static double y[4][N * CLASSES];
  esp_convolution_param p = convolution_case_param(0.5, 0.5, 0);
  const esp_backend backend = esp_backend_self();
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  for (int k = 0; k < 4; k++) {
    p.dropout = k > 0 ? 0.5 : 0;
    esp_model m = convolution_case_moved(&p);
    m.draw = k > 1 ? (uint64_t)k : 0;
    OK(esp_model_predict(&m, &backend, &set, NULL, y[k], NULL));
    esp_model_free(&m);
  }
  assert_memory_equal(y[0], y[1], sizeof y[0]);
  assert_memory_not_equal(y[1], y[2], sizeof y[0]);
  assert_memory_not_equal(y[2], y[3], sizeof y[0]);
  esp_set_free(&set);
}

/* Keys are what the network's trees stand on. */
static void places(void **state) {
  (void)state;
  const esp_convolution_param p = convolution_case_param(0, 0.05, 0.5), none = convolution_case_param(1, 0, 0.5);
  esp_model m = convolution_case_moved(&p), flat = convolution_case_moved(&none);
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  esp_place place;
  double *key = NULL, *query = NULL;
  OK(esp_model_places(&m, esp_comm_self(), &set, &place, &key, &query));
  assert_true(place.domain.dim == 2 && place.domain.lists.rule == &esp_rule_size);
  assert_true(fabs(place.domain.lists.rule_number - 0.7) < 1e-15 && !query);
  features(&set);
  const double *E = m.block.value + esp_convolution_places_of(&m).E;
  for (int i = 0; i < N; i++)
    for (int a = 0; a < 2; a++) {
      double z = 0;
      for (int f = 0; f < FEATURES; f++) z += x[i][f] * E[f * 2 + a];
      assert_true(fabs(key[i * 2 + a] - z) < 1e-14);
    }
  assert_int_equal(flat.network->place(&flat, NULL, &set, &place, NULL, NULL), ESP_ERR_CONFIG);
  esp_error_clear();
  ESP_FREE(key);
  esp_set_free(&set);
  esp_model_free(&m);
  esp_model_free(&flat);
}

static void refused(esp_convolution_param p, int features_of, int classes, const char *says) {
  const esp_sizes sizes = {.width = {[ESP_INPUT] = features_of, [ESP_TARGET] = classes}};
  esp_model m;
  assert_int_equal(esp_model_create(&esp_network_convolution, &p, &sizes, &m), ESP_ERR_CONFIG);
  if (!strstr(esp_error_message(), says)) fail_msg("'%s' does not say '%s'", esp_error_message(), says);
  esp_error_clear();
}

static void refuses(void **state) {
  (void)state;
  static double y[N * CLASSES];
  const esp_backend backend = esp_backend_self();
  esp_convolution_param p = convolution_case_param(0.5, 0.05, 0);
  refused(p, 0, 3, "features 0: allowed are 1 to");
  refused(p, 5, 1, "classes 1: allowed are 2 to");
  p.share = 1.5;
  refused(p, 5, 3, "net_share 1.5");
  p.share = 0.5, p.stay = NAN;
  refused(p, 5, 3, "net_stay nan");
  p.stay = 0, p.dropout = 1;
  refused(p, 5, 3, "net_dropout 1");
  p.dropout = 0, p.hidden = 200;
  refused(p, 5, 3, "net_update_hidden 200");
  p.hidden = 6, p.dim = 65;
  refused(p, 5, 3, "net_dim 65");
  p.dim = 2, p.order = 99;
  refused(p, 5, 3, "tree_order");
  p.order = 2;
  esp_model m = convolution_case_model(&p);
  esp_set set = convolution_case_part(N, 0, N, 0.5);
  esp_csr_free(&set.csr[AT_EDGES]);
  assert_int_equal(esp_model_predict(&m, &backend, &set, NULL, y, NULL), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "net_share 0.5 with data that have no edges"));
  esp_error_clear();
  esp_csr_free(&set.csr[AT_WORDS]);
  assert_int_equal(esp_model_predict(&m, &backend, &set, NULL, y, NULL), ESP_ERR_ARG);
  assert_non_null(strstr(esp_error_message(), "a set of 4 features for a network of 34"));
  esp_error_clear();
  esp_set_free(&set);
  esp_model_free(&m);
}

/* No particle, and one, that hears nobody. */
static void few(void **state) {
  (void)state;
  const esp_convolution_param p = convolution_case_param(0.3, 0.05, 0.5);
  const esp_backend backend = esp_backend_self();
  esp_model m = convolution_case_moved(&p);
  for (int n = 0; n < 2; n++) {
    double y[CLASSES] = {NAN, NAN, NAN}, gradient[1024], loss;
    esp_set set = convolution_case_part(n, 0, n, 0.5);
    OK(model_loss(&m, &backend, &esp_loss_cross_entropy, NULL, &set, NULL, y, NULL, &loss, gradient));
    for (int c = 0; c < CLASSES && n; c++) assert_true(isfinite(y[c]));
    esp_set_free(&set);
  }
  esp_model_free(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(all_pairs), cmocka_unit_test(edges_are_kept),
                                     cmocka_unit_test(dropout),   cmocka_unit_test(places),
                                     cmocka_unit_test(refuses),   cmocka_unit_test(few)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

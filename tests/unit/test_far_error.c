/* Proves that the bound on the far cells' error is above what they err with values of random signs, in any dimension and
 * order, with a denominator, with receivers elsewhere and on a fixed tree, and not far above; that it grows with c, and
 * that the c that is chosen is the largest that keeps to a wanted error, wherever the search begins; that the error that
 * is measured on some receivers is that of a plain double loop, and rounding the device's; what keys mean together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/rng.h"
#include "message/gate.h"
#include "net/far_judge.h"
#include "net/stack.h"

enum { N = 1024, WIDE = 8, C = 3 };

static double key[N * WIDE], query[N * WIDE], value[N * C], place[N * 2], sum[N * (C + 1)];
static int64_t id[N];
static esp_gate_bound table[4];
static const double message[1] = {-2.0794415416798357}; /* s = 1/8 */

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

enum { ONE_TREE, TWO_TREES, FIXED_TREE, TREES };

/* Keys in a plane, a little thick in the other dimensions; values of random signs. */
static void fill(int n, int d) {
  for (int i = 0; i < n; i++) {
    id[i] = 7 * i + 1;
    for (int a = 0; a < d; a++) {
      key[i * d + a] = (a < 2 ? 1 : 0.02) * esp_rng_normal(3, (uint64_t)i, ESP_RNG_TEST, (uint32_t)a);
      query[i * d + a] = key[i * d + a] + 0.1 * esp_rng_normal(4, (uint64_t)i, ESP_RNG_TEST, (uint32_t)a);
    }
    for (int a = 0; a < 2; a++) place[i * 2 + a] = key[i * d + a] + 0.3 * key[i * d + 1 - a];
    for (int c = 0; c < C; c++) value[i * C + c] = (c + 1) * esp_rng_normal(5, (uint64_t)i, ESP_RNG_TEST, (uint32_t)c);
  }
}

typedef struct {
  esp_layer_input input;
  esp_layer layer;
  esp_far far;
} subject;

static void make(int n, int d, int order, int den, int trees, double theta, subject *s) {
  esp_backend backend = esp_backend_self();
  backend.device = &esp_device_cpu64;
  const esp_layer_param param = {
      .domain = {.leaf = n < 100 ? 4 : 8,
                 .block = n < 100 ? 8 : 32,
                 .dim = trees == FIXED_TREE ? 2 : d,
                 .lists = {.theta = theta}},
      .form = {.message = &esp_message_gate, .dim = d, .channels = C, .den = den, .order = order, .unit = 1},
      .include_self = 1};
  fill(n, d);
  s->input = (esp_layer_input){.id = id,
                               .key = key,
                               .query = trees == TWO_TREES ? query : NULL,
                               .value = value,
                               .tree_key = trees == FIXED_TREE ? place : NULL};
  MUST(esp_layer_forward(&backend, &param, n, &s->input, message, sum, &s->layer));
  s->far = (esp_far){esp_comm_self(), &s->layer, &table[order]};
}

/* Root mean square over receivers and channels of the sums' error, over S. */
static double measured(const subject *s, int n) {
  const int d = s->layer.param.form.dim, channels = C + s->layer.param.form.den;
  const double *q = s->input.query ? s->input.query : key, scale = exp(message[0]);
  double all = 0;
  for (int i = 0; i < n; i++) {
    double exact[C + 1] = {0}, S[C + 1] = {0};
    for (int j = 0; j < n; j++) {
      double square = 0;
      for (int a = 0; a < d; a++) square += (q[i * d + a] - key[j * d + a]) * (q[i * d + a] - key[j * d + a]);
      const double G = exp(-0.5 * square / (scale * scale));
      for (int c = 0; c < channels; c++) {
        const double v = c < C ? value[j * C + c] : 1;
        exact[c] += G * v, S[c] += G * fabs(v);
      }
    }
    for (int c = 0; c < channels; c++) all += pow((sum[i * channels + c] - exact[c]) / S[c], 2);
  }
  return sqrt(all / n / channels);
}

static void errors_are_below_the_bound(void **state) {
  (void)state;
  const double c[] = {0.3, 0.6, 1};
  const int dims[] = {2, 4, 8};
  for (int k = 0; k < 3 * 3 * TREES; k++) {
    const int d = dims[k % 3], trees = k / 9;
    const double theta = c[k / 3 % 3];
    subject s;
    double beta;
    make(N, d, 2, 0, trees, theta, &s);
    MUST(esp_far_bound(&s.far, theta, &beta));
    const double error = measured(&s, N);
    if (!(error <= beta && error > 0.01 * beta))
      fail_msg("d %d, c %g, trees %d: error %g, bound %g", d, theta, trees, error, beta);
    esp_layer_free(&s.layer);
  }
}

/* With a denominator, whose errors may add up: bounded for each receiver. */
static void any_order(void **state) {
  (void)state;
  double last = 1;
  for (int order = 0; order < 4; order++) {
    subject s;
    double beta, with;
    make(N, 2, order, 0, ONE_TREE, 0.4, &s);
    MUST(esp_far_bound(&s.far, 0.4, &beta));
    const double error = measured(&s, N);
    if (!(error <= beta && error > 0.01 * beta && beta < last))
      fail_msg("order %d: error %g, bound %g", order, error, beta);
    last = beta;
    esp_layer_free(&s.layer);
    make(N, 2, order, 1, ONE_TREE, 0.4, &s);
    MUST(esp_far_bound(&s.far, 0.4, &with));
    const double both = measured(&s, N);
    if (!(both <= with && both > 0.005 * with && with > beta))
      fail_msg("order %d with a denominator: error %g, bound %g", order, both, with);
    esp_layer_free(&s.layer);
  }
}

static void the_largest_that_fits(void **state) {
  (void)state;
  int count;
  const double *ladder = esp_lists_ladder(&count), wanted[] = {1e-4, 2e-3, 1};
  subject s;
  make(N, 2, 2, 0, ONE_TREE, 0.7, &s);
  for (int k = 0; k < 3; k++) {
    double first = 0, beta = 0, above;
    for (int from = 0; from < 4; from++) {
      const double begin[] = {0.7, 0.01, 1.2, 0};
      double c;
      MUST(esp_far_choose(&s.far, wanted[k], begin[from], &c, &beta));
      if (from == 0) first = c;
      if (!(c == first && beta <= wanted[k]))
        fail_msg("%g from %g: c %g, %g, bound %g", wanted[k], begin[from], c, first, beta);
    }
    for (int step = 0; step < count; step++)
      if (ladder[step] > first && ladder[step] < esp_rule_size.most) {
        MUST(esp_far_bound(&s.far, ladder[step], &above));
        assert_true(above > wanted[k]);
        break;
      }
  }
  esp_layer_free(&s.layer);
}

/* Of the particles [first, first + count) as a far cell, slots as they lie in the layer: its M^2 (of the denominator its W) and
 * lower bound. */
static void cell_by_hand(const subject *s, int c, int first, int count, const double *q, double *square,
                         double *lower) {
  const esp_layer *layer = &s->layer;
  const double *source = layer->host.source, scale = layer->param.form.unit;
  const int d = layer->param.form.dim;
  double K[WIDE] = {0}, u[WIDE], along = 0, rho = 0, tau = 0, Q0 = 0, trX = 0, uXu = 0, B0 = 0, B1 = 0, B2 = 0;
  for (int j = first; j < first + count; j++)
    for (int a = 0; a < d; a++) K[a] += source[j * (d + C) + a] / count;
  for (int a = 0; a < d; a++) u[a] = (q[a] - K[a]) / scale, rho += u[a] * u[a];
  for (int j = first; j < first + count; j++) {
    const double *k = source + j * (d + C), v = c < C ? fabs(k[d + c]) : 1;
    double h = 0;
    along = 0;
    for (int a = 0; a < d; a++) {
      const double t = (k[a] - K[a]) / scale;
      h += t * t, along += u[a] * t;
    }
    tau = fmax(tau, sqrt(h));
    Q0 += v * v, trX += v * v * h, uXu += v * v * along * along;
    B0 += v, B1 += v * along, B2 += v * h;
  }
  const double one = esp_gate_bound_square(&table[2], esp_gate_bound_column(tau), sqrt(rho), tau, Q0, trX, uXu);
  *square += c < C ? one : sqrt(count * one);
  *lower += B0 * exp(-0.5 * (rho - 2 * B1 / B0 + B2 / B0));
}

/* (M / Slo)^2, of the denominator (W / Slo)^2, of a receiver, by the lists of its block: every particle is in one far cell, or near. */
static double receiver_by_hand(const subject *s, int b, const double *q, int c) {
  const esp_layer *layer = &s->layer;
  const esp_lists *lists = &layer->dom->lists;
  const esp_tree *tree = &layer->dom->tree;
  const double *source = layer->host.source, scale = layer->param.form.unit;
  const int d = layer->param.form.dim;
  char far[N] = {0};
  double square = 0, lower = 0;
  for (int64_t e = lists->far_start[b]; e < lists->far_start[b + 1]; e++) {
    const int first = tree->part_first[lists->far[e]], count = tree->part_count[lists->far[e]];
    cell_by_hand(s, c, first, count, q, &square, &lower);
    memset(far + first, 1, (size_t)count);
  }
  for (int j = 0; j < layer->dom->n_own; j++) {
    const double *k = source + j * (d + C);
    double away = 0;
    for (int a = 0; a < d; a++) away += (q[a] - k[a]) * (q[a] - k[a]);
    if (!far[j]) lower += exp(-0.5 * away / (scale * scale)) * (c < C ? fabs(k[d + c]) : 1);
  }
  return (c < C ? square : square * square) / lower / lower;
}

static void bound_as_by_hand(void **state) {
  (void)state;
  for (int k = 0; k < TREES * 2; k++) {
    subject s;
    double beta, mean = 0;
    make(300, k % 2 ? 3 : 2, 2, k % 2, k / 2, 0.9, &s);
    const int channels = C + k % 2;
    MUST(esp_far_bound(&s.far, 0.9, &beta));
    const esp_tree *tree = s.layer.dom->queries ? s.layer.dom->queries : &s.layer.dom->tree;
    const double *query = s.layer.host.query;
    assert_true(s.layer.dom->lists.far_pairs > 300);
    for (int b = 0; b < tree->n_block; b++) {
      const int row = esp_tree_block_row(tree, b), first = tree->part_first[row];
      for (int i = first; i < first + tree->part_count[row]; i++)
        for (int c = 0; c < channels; c++)
          mean += receiver_by_hand(&s, b, query + i * s.layer.param.form.dim, c) / 300 / channels;
    }
    if (!(fabs(beta - sqrt(mean)) < 1e-9 * beta)) fail_msg("case %d: bound %.12g, by hand %.12g", k, beta, sqrt(mean));
    esp_layer_free(&s.layer);
  }
}

/* With so few all are looked at. */
static void measured_as_by_hand(void **state) {
  (void)state;
  for (int k = 0; k < TREES * 2; k++) {
    esp_far_record r;
    subject s;
    make(k % 2 ? 60 : N, 2, 2, k % 2, k / 2, 1, &s);
    MUST(esp_far_judge(&s.far, &r));
    const double error = measured(&s, k % 2 ? 60 : N);
    assert_true(r.receivers == (k % 2 ? 60 : 64) && r.rounding == 0);
    assert_true(k % 2 ? fabs(r.rms - error) < 1e-9 * error + 1e-15 : r.rms < 10 * error && r.rms > error / 10);
    if (!(r.p99 > 0.5 * r.rms && r.p99 < 10 * r.rms && r.of_sums > 0.1 * r.rms && r.of_sums < 30 * r.rms &&
          (k % 2 || r.rms < r.bound)))
      fail_msg("case %d: rms %g, 99 %% %g, of the sums %g, bound %g", k, r.rms, r.p99, r.of_sums, r.bound);
    s.layer.device = &esp_device_cpu32;
    MUST(esp_far_judge(&s.far, &r));
    assert_true(r.rounding > 1e-9 && r.rounding < 1e-6);
    s.layer.device = &esp_device_cpu64;
    esp_layer_free(&s.layer);
  }
}

static void few_particles(void **state) {
  (void)state;
  for (int n = 0; n < 3; n++) {
    subject s;
    double c, beta;
    make(n, 2, 2, 1, ONE_TREE, 0.7, &s);
    MUST(esp_far_choose(&s.far, 1e-3, 0.7, &c, &beta));
    esp_far_record r;
    MUST(esp_far_judge(&s.far, &r));
    assert_true(r.receivers == n && r.bound == 0 && r.rms < 1e-15 && r.p99 < 1e-15);
    assert_true(beta == 0 && c <= esp_rule_size.most && c > 0.9 * esp_rule_size.most);
    esp_layer_free(&s.layer);
  }
}

/* Keys and their values, NULL behind the last. */
static int take(const char *const *key, const esp_stack_param *had, esp_stack_param *p) {
  const esp_options *const tables[] = {&esp_stack_options, NULL};
  esp_config *config;
  MUST(esp_config_create(tables, &config));
  for (int k = 0; key[k]; k += 2) MUST(esp_config_set(config, key[k], key[k + 1]));
  if (had) *p = *had;
  const int rc =
      had ? esp_options_replace(&esp_stack_options, config, p) : esp_options_fill(&esp_stack_options, config, p);
  esp_config_free(&config);
  return rc;
}
#define TAKE(had, ...) take((const char *const[]){__VA_ARGS__, NULL}, had, &p)

static void keys(void **state) {
  (void)state;
  esp_stack_param p, had = {.layers = 1, .far = 1, .error = 2e-3};
  const esp_lists_param *lists = &p.domain.lists;
  had.domain.lists.theta = 0.3;
  MUST(TAKE(NULL, "tree_error", "1e-3"));
  assert_true(p.error == 1e-3 && lists->theta == 0.7);
  assert_int_equal(TAKE(NULL, "tree_error", "1e-3", "tree_pairs_per_particle", "9"), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "tree_error 0.001 and tree_pairs_per_particle 9"));
  assert_int_equal(TAKE(NULL, "tree_error", "1e-3", "tree_far", "false"), ESP_ERR_CONFIG);
  assert_int_equal(TAKE(NULL, "tree_error", "1e-3", "tree_theta", "0"), ESP_ERR_CONFIG);
  esp_error_clear();
  assert_int_equal(TAKE(NULL, "tree_error", "1e-3", "net_message", "gate_mlp"), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "tree_error 0.001 with net_message gate_mlp"));
  esp_error_clear();
  /* whoever uses a checkpoint */
  MUST(TAKE(&had, "tree_leaf", "5"));
  assert_true(p.error == 0 && lists->theta == 0.3);
  MUST(TAKE(&had, "tree_theta", "0.5"));
  assert_true(p.error == 0 && lists->theta == 0.5);
  MUST(TAKE(&had, "tree_error", "1e-4"));
  assert_true(p.error == 1e-4 && lists->theta == 0.3);
  MUST(TAKE(&had, "tree_pairs_per_particle", "9"));
  assert_true(p.error == 0 && lists->pairs_per_particle == 9);
  assert_int_equal(TAKE(NULL, "tree_theta_least", "0.35"), ESP_ERR_CONFIG);
  assert_non_null(strstr(esp_error_message(), "tree_theta_least 0.35 without a budget"));
  MUST(TAKE(&had, "tree_pairs_per_particle", "9", "tree_theta_least", "0.35"));
  assert_true(lists->theta_least == 0.35);
  had.error = 0, had.domain.lists.pairs_per_particle = 9;
  MUST(TAKE(&had, "tree_error", "1e-4"));
  assert_true(p.error == 1e-4 && lists->pairs_per_particle == 0);
  /* whoever goes on */
  had.error = p.error;
  MUST(TAKE(NULL, "tree_error", "1e-4"));
  MUST(esp_options_continue(&esp_stack_options, &had, &p));
  assert_true(p.error == 1e-4 && lists->theta == 0.3);
}

static int setup(void **state) {
  (void)state;
  for (int order = 0; order < 4; order++) MUST(esp_gate_bound_create(order, &table[order]));
  return 0;
}
static int teardown(void **state) {
  (void)state;
  for (int order = 0; order < 4; order++) esp_gate_bound_free(&table[order]);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(errors_are_below_the_bound),
                                     cmocka_unit_test(any_order),
                                     cmocka_unit_test(the_largest_that_fits),
                                     cmocka_unit_test(bound_as_by_hand),
                                     cmocka_unit_test(measured_as_by_hand),
                                     cmocka_unit_test(few_particles),
                                     cmocka_unit_test(keys)};
  return cmocka_run_group_tests(tests, setup, teardown);
}

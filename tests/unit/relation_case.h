/* Keys, queries and values for the tests of the learned relation's layer, and the specification they are held
 * against. */
#ifndef ESP_RELATION_CASE_H
#define ESP_RELATION_CASE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "message/gate.h"
#include "message/specification.h"
#include "net/layer_rows.h"

enum { MOST = 700, WIDE = 8, PARAMS = 1 + ESP_GATE_EDGE * WIDE, WORDS = ESP_EXACT_FULL_WORDS };

#define MUST(expr)                                                        \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

/* Which keys the trees are built on, and whose queries the messages take. */
typedef enum { ONE_SET, TWO_SETS, FIXED_ONE_SET, FIXED_TREE, FIXED_TREES, KEYS } key_kind;

typedef struct {
  int n;
  esp_layer_param param;
  key_kind keys;
  int64_t id[MOST];
  double key[MOST * WIDE], query[MOST * WIDE], value[MOST * WIDE], offset[MOST * WIDE];
  double tree_key[MOST * 2], tree_query[MOST * 2], g[MOST * (WIDE + 1)], message[PARAMS];
  /* results */
  double sum[MOST * (WIDE + 1)], dkey[MOST * WIDE], dquery[MOST * WIDE], dvalue[MOST * WIDE], doffset[MOST * WIDE];
  int64_t acc[PARAMS * WORDS];
  uint64_t support;  /* fingerprint of order and lists */
  int64_t near, far; /* pairs */
} problem;

static inline void draw(double *x, int count, double size, uint64_t seed) {
  for (int k = 0; k < count; k++) x[k] = size * esp_rng_normal(seed, (uint64_t)k, ESP_RNG_TEST, 0);
}

/* A fixed tree that knows most of where the keys are, or nothing would be far: their first two numbers, roughly; the others
 * are small. */
static inline void problem_lie_near(problem *p) {
  const int d = p->param.form.dim;
  for (int k = 0; k < p->n * d; k++) {
    if (k % d >= 2) p->key[k] *= 0.2, p->query[k] *= 0.2;
    if (k % d < 2) p->tree_key[k / d * 2 + k % d] += p->key[k], p->tree_query[k / d * 2 + k % d] += p->query[k];
  }
}

static inline void problem_fill(problem *p, int n, esp_form form, key_kind keys, double theta) {
  memset(p, 0, sizeof *p);
  p->n = n;
  p->keys = keys;
  p->param =
      (esp_layer_param){.domain = {.leaf = 4, .block = 10, .dim = keys < FIXED_ONE_SET ? form.dim : 2}, .form = form};
  p->param.domain.lists.theta = theta;
  for (int i = 0; i < n; i++) p->id[i] = 5000 - 3 * i;
  draw(p->key, n * form.dim, 1.5, 1);
  draw(p->query, n * form.dim, 0.4, 2);
  for (int k = 0; k < n * form.dim; k++) p->query[k] += p->key[k];
  draw(p->value, n * form.channels, 1, 3);
  draw(p->offset, n * form.channels, 1, 4);
  draw(p->tree_key, 2 * n, 0.2, 5);
  draw(p->tree_query, 2 * n, 0.2, 6);
  if (keys >= FIXED_ONE_SET) problem_lie_near(p);
  draw(p->g, n * esp_form_widths(&form).sum, 1, 7);
  draw(p->message, PARAMS, 0.5, 8);
  p->message[0] = 0.2;
}

static inline const double *problem_query(const problem *p) {
  return p->keys == ONE_SET || p->keys == FIXED_ONE_SET ? NULL : p->query;
}

static inline esp_layer_input problem_input(const problem *p) {
  return (esp_layer_input){.id = p->id,
                           .key = p->key,
                           .query = problem_query(p),
                           .value = p->value,
                           .offset = esp_message_has(p->param.form.message, ESP_MESSAGE_OFFSET) ? p->offset : NULL,
                           .tree_key = p->keys >= FIXED_ONE_SET ? p->tree_key : NULL,
                           .tree_query = p->keys == FIXED_TREES ? p->tree_query : NULL};
}

static inline uint64_t support_of(const esp_domain *dom) {
  uint64_t hash = esp_lists_hash(&dom->tree, &dom->lists) + 3 * esp_lists_sender_hash(&dom->tree, &dom->lists);
  for (int s = 0; s < dom->n_own; s++) hash = hash * 0x9e3779b97f4a7c15u + (uint64_t)dom->id[s];
  return hash;
}

static inline void problem_forward(problem *p, const esp_device *device, esp_layer *layer) {
  esp_backend backend = esp_backend_self();
  backend.device = device;
  const esp_layer_input input = problem_input(p);
  MUST(esp_layer_forward(&backend, &p->param, p->n, &input, p->message, p->sum, layer));
  p->support = support_of(layer->dom);
  p->near = layer->dom->lists.near_pairs, p->far = layer->dom->lists.far_pairs;
}

static inline esp_layer_gradient problem_gradient(problem *p, double *dkey) {
  return (esp_layer_gradient){
      .dkey = dkey,
      .dquery = problem_query(p) ? p->dquery : NULL,
      .dvalue = p->dvalue,
      .doffset = esp_message_has(p->param.form.message, ESP_MESSAGE_OFFSET) ? p->doffset : NULL};
}

static inline void problem_pass(problem *p, const esp_device *device) {
  esp_backend backend = esp_backend_self();
  esp_layer layer;
  backend.device = device;
  problem_forward(p, device, &layer);
  const esp_layer_gradient to = problem_gradient(p, p->dkey);
  MUST(esp_layer_backward(&backend, &layer, p->g, &to, p->acc, NULL));
  assert_true(layer.seconds_build >= 0 && layer.seconds_forward >= 0 && layer.seconds_backward >= 0);
  esp_layer_free(&layer);
  assert_null(layer.dom);
}

static inline double problem_loss(problem *p, const esp_device *device) {
  esp_layer layer;
  double loss = 0;
  problem_forward(p, device, &layer);
  for (int k = 0; k < p->n * esp_form_widths(&p->param.form).sum; k++) loss += p->g[k] * p->sum[k];
  esp_layer_free(&layer);
  return loss;
}

/* All pairs, one by one, by the specification: sum [n][sum]. */
static inline void problem_direct(const problem *p, double *sum) {
  static double query[MOST * 2 * WIDE], source[MOST * 2 * WIDE];
  const esp_form *f = &p->param.form;
  const esp_widths w = esp_form_widths(f);
  const double *key = problem_query(p) ? p->query : p->key;
  esp_rows_join(&esp_rows_cpu, p->n, f->dim, p->key, f->channels, p->value, source);
  esp_rows_join(&esp_rows_cpu, p->n, f->dim, key, f->channels,
                esp_message_has(f->message, ESP_MESSAGE_OFFSET) ? p->offset : NULL, query);
  esp_specification_forward(f, p->message, 1, p->n, query, p->n, source, sum);
  for (int i = 0; i < p->n && !p->param.include_self; i++) {
    double own[WIDE + 1];
    esp_specification_forward(f, p->message, 1, 1, query + i * w.query, 1, source + i * w.source, own);
    for (int c = 0; c < w.sum; c++) sum[i * w.sum + c] -= own[c];
  }
}

/* |a - b| / |b| in the 2-norm. */
static inline double distance(const double *a, const double *b, int count) {
  double diff = 0, norm = 0;
  for (int k = 0; k < count; k++) {
    diff += (a[k] - b[k]) * (a[k] - b[k]);
    norm += b[k] * b[k];
  }
  return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}

#endif

/* Training on made relations, whole on one rank: what the gates' test (tests/unit/test_relation_gates.c) and benchmark
 * (tests/bench/bench_relation.c) share. A set-up is data, network and training; running it with a seed trains on a pool of
 * draws, one draw a step, and judges on draws never seen. */
#ifndef RELATION_GATES_CASE_H
#define RELATION_GATES_CASE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feature_columns.h"
#include "net/recall.h"
#include "net/stack.h"
#include "net/train.h"
#include "train_views.h"

enum { POOL = 32, UNSEEN_DRAW = 1000, NEIGHBOURS = 16, SAMPLES = 512 };

typedef struct {
  esp_relation_start data; /* seed and draw are set by the run */
  esp_stack_param net;     /* seed likewise */
  esp_train_param train;
  double near;      /* near pairs a particle over n; sets net.domain.lists.pairs_per_particle */
  int64_t test_n;   /* size of the unseen draws; 0: that of the training draws */
  double test_near; /* their near pairs a particle over n; 0: near */
  int unseen;       /* draws to judge on */
  int pool;         /* draws to train on; 0: POOL */
} setup;

typedef struct {
  double nmse, recall, recall_before; /* over the unseen draws: means */
  double near, far, theta, last_loss; /* near pairs, far cells a particle; angle at the end */
  double step_seconds;
  double shift; /* upstream: the learned shift, see learned_shift */
} outcome;

static int check(int rc, const char *what) {
  if (rc) {
    fprintf(stderr, "%s: %s\n", what, esp_error_message());
    exit(2);
  }
  return rc;
}
#define MUST(expr) check((expr), #expr)

/* subspace, 512 particles: D 8, r 2, h 0.25. */
static inline setup unit_setup(void) {
  setup s = {.data = {.kind = ESP_RELATION_SUBSPACE,
                      .n = 512,
                      .features = 8,
                      .hidden = 2,
                      .values = 1,
                      .h = 0.25,
                      .truth = ESP_TRUTH_BY_SIZE},
             .net = {.layers = 1,
                     .embedding = ESP_EMBED_LINEAR,
                     .dim = 4,
                     .embed_hidden = 32,
                     .channels = 1,
                     .hidden = 32,
                     .width = 32,
                     .far = 1,
                     .order = 2,
                     .domain = {.leaf = 4, .block = 8, .dim = 4, .lists = {.theta = 1}}},
             .train = {.steps = 400,
                       .batch = 1,
                       .rate = 0.02,
                       .schedule = ESP_SCHEDULE_HOLD,
                       .warmup = 60,
                       .beta2 = 0.99,
                       .clip = 1},
             .near = 0.125,
             .unseen = 16};
  return s;
}

/* subspace, 2048 particles: D 32, h 0.125, a tenth of the pairs near. */
static inline setup hard_setup(void) {
  setup s = unit_setup();
  s.data.n = 2048, s.data.features = 32, s.data.h = 0.125;
  s.net.domain.leaf = 8, s.net.domain.block = 16;
  s.near = 0.1, s.unseen = 4;
  return s;
}

/* upstream. */
static inline setup upstream_setup(void) {
  setup s = unit_setup();
  s.data = (esp_relation_start){.kind = ESP_RELATION_UPSTREAM,
                                .n = 1024,
                                .features = 4,
                                .hidden = 2,
                                .values = 1,
                                .h = 0.055,
                                .average = 1,
                                .truth = ESP_TRUTH_BY_SIZE};
  s.net.aggregate = s.net.include_self = s.net.separate = s.net.hidden_halves = 1;
  s.net.domain.leaf = 8, s.net.domain.block = 16;
  s.unseen = 4;
  return s;
}

/* Radii in two hidden planes: no linear embedding will do. */
static inline setup circles_setup(void) {
  setup s = unit_setup();
  s.data.kind = ESP_RELATION_CIRCLES, s.data.n = 1024;
  s.net.embedding = ESP_EMBED_MLP, s.net.embed_hidden = 64;
  s.train.steps = 1600, s.unseen = 4;
  return s;
}

/* Two hops: two layers or more. Its targets have few degrees of freedom a draw: 32 draws would be learned by heart. Cells of
 * 16 are few enough that the budget is not kept: near pairs are what the rule's largest theta leaves. */
static inline setup twice_setup(void) {
  setup s = unit_setup();
  s.data.kind = ESP_RELATION_TWICE, s.data.n = 256, s.data.features = 6;
  s.net.layers = 2, s.net.channels = 8, s.net.domain.leaf = s.net.domain.block = 16;
  s.near = 0.5, s.pool = 512, s.unseen = 8;
  s.train.steps = 1500, s.train.rate = 0.01;
  return s;
}

/* Messages that depend on both sides: mlp messages. Far cells know one mean sender each, so many pairs are near. */
static inline setup compare_setup(void) {
  setup s = unit_setup();
  s.data.kind = ESP_RELATION_COMPARE, s.data.n = 256, s.data.features = 4;
  s.data.values = 2;
  s.net.message = 1, s.net.channels = 16, s.net.domain.leaf = s.net.domain.block = 16;
  s.near = 0.5, s.pool = 512, s.unseen = 8;
  s.train.steps = 500;
  return s;
}

static inline esp_set draw_set(const setup *s, uint64_t seed, int64_t draw, int64_t n) {
  esp_relation_start start = s->data;
  esp_set set;
  start.seed = seed, start.draw = draw, start.n = n;
  MUST(esp_relation_make(esp_comm_self(), &start, &set));
  return set;
}

static inline int64_t budget(double near, int64_t n) {
  return near > 0 ? (int64_t)(near * (double)n) : 0;
}

/* ---- judging ---- */

typedef struct {
  const esp_set *set;
  double recall, theta;
  double hop[2]; /* twice: of the first hop's space and of the second's, by the layer that finds it best */
} judge;

static inline int judge_recall(void *context, int l, esp_domain *dom, const double *key, const double *query) {
  judge *j = context;
  const esp_set *set = j->set;
  (void)key, (void)query;
  if (l == 0) j->theta = dom->param.lists.theta;
  const int halves = set->width[X] == 4 && set->width[Z] == 4, hops = !halves && set->width[Z] == 4;
  const int r = halves || hops ? 2 : set->width[Z];
  double *from = malloc(sizeof(double) * (size_t)(set->n_home * r)),
         *to = malloc(sizeof(double) * (size_t)(set->n_home * r));
  int rc = ESP_OK;
  for (int hop = 0; hop <= hops && !rc; hop++) {
    double recall = 0;
    for (int i = 0; i < set->n_home; i++)
      for (int a = 0; a < r; a++) {
        from[i * r + a] = set->value[Z][i * set->width[Z] + hop * r + a];
        to[i * r + a] = set->value[Z][i * set->width[Z] + (halves ? r : hop * r) + a];
      }
    rc = esp_recall(esp_comm_self(), dom, set->n_home, set->id, set->value[W], r, from, halves ? to : NULL, NEIGHBOURS,
                    SAMPLES, 1, &recall);
    j->hop[hop] = fmax(j->hop[hop], recall);
    j->recall = hops ? (j->hop[0] + j->hop[1]) / 2 : j->hop[0];
  }
  free(from), free(to);
  return rc;
}

/* One unseen draw: adds to the means. */
static inline void judge_draw(const esp_model *net, const esp_backend *backend, const esp_set *set, int unseen,
                              outcome *o) {
  judge j = {.set = set};
  const esp_visit visit = {.layer = judge_recall, .context = &j};
  esp_cost cost = {0};
  double nmse, *y = malloc(sizeof *y * (size_t)(set->n_home * set->width[Y]));
  MUST(model_loss(net, backend, &esp_loss_nmse, NULL, set, &visit, y, &cost, &nmse, NULL));
  o->nmse += nmse / unseen;
  o->recall += j.recall / unseen;
  o->near += (double)cost.near_pairs / (double)set->n / unseen;
  o->far += (double)cost.far_pairs / (double)set->n / unseen;
  o->theta = j.theta;
  free(y);
}

static inline double recall_of(const esp_model *net, const esp_backend *backend, const esp_set *set) {
  outcome o = {0};
  judge_draw(net, backend, set, 1, &o);
  return o.recall;
}

/* Where a linear query looks: the place c whose key k(c, u = 0) is nearest to q_i, by least squares; regression of c - p on
 * u over all particles. Truth: -1. */
static inline double learned_shift(const esp_model *net, const esp_set *set) {
  const int d = ((const esp_stack_param *)net->param)->dim, n = set->n_home;
  const double *K = model_group(net, "layer0.key.E"), *Q = model_group(net, "layer0.query.E");
  double m[2][2] = {{0}}, top = 0, bottom = 0, mean_c[2] = {0}, mean_u[2] = {0};
  double *c = malloc(sizeof(double) * 2 * (size_t)n);
  for (int r = 0; r < d; r++)
    for (int a = 0; a < 2; a++)
      for (int b = 0; b < 2; b++) m[a][b] += K[r * 4 + a] * K[r * 4 + b];
  const double det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
  for (int i = 0; i < n; i++) {
    const double *x = set->value[X] + 4 * i;
    double right[2] = {0};
    for (int r = 0; r < d; r++) {
      double q = 0;
      for (int f = 0; f < 4; f++) q += Q[r * 4 + f] * x[f];
      for (int a = 0; a < 2; a++) right[a] += K[r * 4 + a] * q;
    }
    c[2 * i] = (m[1][1] * right[0] - m[0][1] * right[1]) / det - x[0];
    c[2 * i + 1] = (m[0][0] * right[1] - m[1][0] * right[0]) / det - x[1];
    for (int a = 0; a < 2; a++) mean_c[a] += c[2 * i + a] / n, mean_u[a] += x[2 + a] / n;
  }
  for (int i = 0; i < n; i++)
    for (int a = 0; a < 2; a++) {
      const double u = set->value[X][4 * i + 2 + a] - mean_u[a];
      top += (c[2 * i + a] - mean_c[a]) * u;
      bottom += u * u;
    }
  free(c);
  return top / bottom;
}

/* ---- training ---- */

typedef struct {
  double loss, seconds;
  int64_t steps;
} watch;

static inline int watch_step(void *context, const esp_train_record *record) {
  watch *w = context;
  w->loss = record->loss;
  w->seconds += record->seconds;
  w->steps++;
  return ESP_OK;
}

/* The trained network goes to *kept unless NULL (the caller's). */
static inline outcome run_setup(const setup *s, uint64_t seed, esp_model *kept) {
  esp_backend backend = esp_backend_self();
  esp_stack_param param = s->net;
  esp_model net;
  outcome o = {0};
  watch w = {0};
  const int sets = s->pool > 0 ? s->pool : POOL;
  esp_set *set = malloc(sizeof *set * (size_t)sets);
  param.seed = seed;
  param.domain.lists.pairs_per_particle = budget(s->near, s->data.n);
  for (int c = 0; c < sets; c++) set[c] = draw_set(s, seed, c, s->data.n);
  esp_set first = draw_set(s, seed, UNSEEN_DRAW, s->data.n);
  const esp_sizes sizes = sizes_of(&first);
  MUST(esp_model_create(&esp_network_stack, &param, &sizes, &net));
  o.recall_before = recall_of(&net, &backend, &first);
  esp_train_param train = s->train;
  train.seed = seed;
  const esp_train_hooks hooks = {.step = watch_step, .context = &w};
  MUST(train_sets(&net, sets, set, &esp_loss_nmse, NULL, &train, &hooks));
  const int64_t n = s->test_n > 0 ? s->test_n : s->data.n;
  ((esp_stack_param *)net.param)->domain.lists.pairs_per_particle =
      budget(s->test_near > 0 ? s->test_near : s->near, n);
  for (int t = 0; t < s->unseen; t++) {
    esp_set unseen = draw_set(s, seed, UNSEEN_DRAW + t, n);
    judge_draw(&net, &backend, &unseen, s->unseen, &o);
    esp_set_free(&unseen);
  }
  if (s->data.kind == ESP_RELATION_UPSTREAM && s->net.separate && s->net.embedding == ESP_EMBED_LINEAR)
    o.shift = learned_shift(&net, &first);
  o.last_loss = w.loss;
  o.step_seconds = w.steps ? w.seconds / (double)w.steps : 0;
  for (int c = 0; c < sets; c++) esp_set_free(&set[c]);
  free(set);
  esp_set_free(&first);
  if (kept)
    *kept = net;
  else
    esp_model_free(&net);
  return o;
}

#endif

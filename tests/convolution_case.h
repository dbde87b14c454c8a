/* Sets of classes with dense and sparse features and edges, the same particle by particle however they are shared out, and networks
 * of graph convolution for them. For tests at any number of ranks; needs cmocka. */
#ifndef CONVOLUTION_CASE_H
#define CONVOLUTION_CASE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "net/convolution.h"
#include "net/loss.h"
#include "net/train.h"
#include "set_views.h"

#define OK(expr)                                                          \
  do {                                                                    \
    if ((expr) != ESP_OK) fail_msg("%s: %s", #expr, esp_error_message()); \
  } while (0)

enum { CLASSES = 3, DENSE = 4, WORDS_WIDE = 30, FEATURES = DENSE + WORDS_WIDE };

enum { AT_X, AT_MORE, AT_WORDS, AT_EDGES, AT_CLASS, AT_WEIGHT, AT_VALIDATION, AT_COLUMNS };
static const esp_column convolution_case_column[AT_COLUMNS + 1] = {
    {.name = "x", .role = ESP_INPUT, .width = DENSE - 1, .min = -INFINITY},
    {.name = "more", .role = ESP_INPUT, .width = 1, .min = -INFINITY},
    {.name = "words", .role = ESP_INPUT, .width = WORDS_WIDE, .lying = ESP_SPARSE, .optional = 1},
    {.name = "edges", .role = ESP_EXTRA, .width = 1, .lying = ESP_EDGES, .optional = 1},
    {.name = "class", .role = ESP_TARGET, .width = CLASSES},
    {.name = "weight", .role = ESP_WEIGHT, .width = 1},
    {.name = "validation", .role = ESP_VALIDATION, .width = 1},
    {0}};
static const esp_number convolution_case_number[] = {{0}};
static const esp_layout convolution_case_layout = {convolution_case_column, convolution_case_number, ""};

static inline double convolution_case_draw(uint64_t i, uint64_t j, uint32_t k) {
  return esp_rng_uniform(17, i << 32 | j, ESP_RNG_TEST, k);
}
static inline int convolution_case_class(int i) {
  return (int)(CLASSES * convolution_case_draw((uint64_t)i, 0, 1));
}
/* Each has some 10 edges, five out of six of them with its own class. */
static inline int convolution_case_edge(int n, int i, int j) {
  if (i > j && convolution_case_draw((uint64_t)j, (uint64_t)i, 5) < 0.3) return 0; /* of one direction alone */
  const int low = i < j ? i : j, high = i < j ? j : i, same = convolution_case_class(i) == convolution_case_class(j);
  return i != j && convolution_case_draw((uint64_t)low, (uint64_t)high, 2) < (same ? 25.0 : 2.5) / n;
}
/* Words of its class are three times as frequent. */
static inline int convolution_case_word(int i, int w) {
  const int own = w % CLASSES == convolution_case_class(i);
  return convolution_case_draw((uint64_t)i, (uint64_t)w, 3) < (own ? 0.15 : 0.05);
}

static inline esp_csr convolution_case_csr(int n, int first, int rows, int columns, int words) {
  esp_csr csr;
  for (int fill = 0; fill < 2; fill++) {
    int64_t entries = 0;
    for (int i = first; i < first + rows; i++) {
      for (int j = 0; j < columns; j++) {
        if (!(words ? convolution_case_word(i, j) : convolution_case_edge(n, i, j))) continue;
        if (fill) csr.index[entries] = j;
        if (fill && words) csr.value[entries] = 0.2 + convolution_case_draw((uint64_t)i, (uint64_t)j, 4);
        entries++;
      }
      if (fill) csr.start[i - first + 1] = entries;
    }
    if (!fill) OK(esp_csr_create(rows, columns, entries, words, &csr));
  }
  return csr;
}

/* Particles first .. first + rows - 1 of n. noise: how far dense features scatter about the class's. Every fourth weighs in the loss, every fourth validates;
 * every eleventh has no class. */
static inline esp_set convolution_case_part(int n, int first, int rows, double noise) {
  esp_set s = {.n = n, .first = first, .n_home = rows, .layout = &convolution_case_layout};
  for (int k = 0; k < AT_COLUMNS; k++) s.width[k] = convolution_case_column[k].width;
  OK(esp_set_create(&s));
  esp_csr_free(&s.csr[AT_WORDS]);
  esp_csr_free(&s.csr[AT_EDGES]);
  s.csr[AT_WORDS] = convolution_case_csr(n, first, rows, WORDS_WIDE, 1);
  s.csr[AT_EDGES] = convolution_case_csr(n, first, rows, n, 0);
  for (int i = 0; i < rows; i++) {
    const int number = first + i, class = convolution_case_class(number);
    s.id[i] = number;
    for (int a = 0; a < DENSE; a++) {
      const double x = (a == class) + noise * esp_rng_normal(18, (uint64_t)number, ESP_RNG_TEST, (uint32_t)a);
      if (a < DENSE - 1) s.value[AT_X][i * (DENSE - 1) + a] = x;
      if (a == DENSE - 1) s.value[AT_MORE][i] = x;
    }
    if (number % 11 != 5) s.value[AT_CLASS][i * CLASSES + class] = 1;
    s.value[AT_WEIGHT][i] = number % 4 == 1;
    s.value[AT_VALIDATION][i] = number % 4 == 2;
  }
  return s;
}

/* Those of a rank. */
static inline esp_set convolution_case_share(const esp_comm *comm, int n, double noise) {
  int64_t first, count;
  esp_set_share(n, comm->rank, comm->size, &first, &count);
  return convolution_case_part(n, (int)first, (int)count, noise);
}

static inline esp_convolution_param convolution_case_param(double share, double stay, double theta) {
  esp_convolution_param p = {.dim = 2, .hidden = 6, .share = share, .stay = stay, .far = 1, .order = 2, .seed = 5};
  p.domain = (esp_domain_param){.leaf = 4, .block = 8};
  p.domain.lists.theta = theta;
  p.domain.lists.pairs_limit = 65536;
  return p;
}

/* The same, whose keys are trained with the rest. */
static inline esp_convolution_param convolution_case_learning(double share, double stay, double theta) {
  esp_convolution_param p = convolution_case_param(share, stay, theta);
  p.learning = (esp_gate_learning){.steps = 3, .receivers = 40, .directions = 5, .perplexity = 20, .weight = 10};
  return p;
}

static inline esp_model convolution_case_model(const esp_convolution_param *param) {
  const esp_sizes sizes = {.width = {[ESP_INPUT] = FEATURES, [ESP_TARGET] = CLASSES}};
  esp_model model;
  OK(esp_model_create(&esp_network_convolution, param, &sizes, &model));
  return model;
}

/* Moved from the start: biases are not 0; keys lie some 1 apart, and the gate's scale is 0.7. */
static inline esp_model convolution_case_moved(const esp_convolution_param *param) {
  esp_model m = convolution_case_model(param);
  const esp_convolution_places at = esp_convolution_places_of(&m);
  for (int i = 0; i < param->hidden; i++) m.block.value[at.b1 + i] = 0.1 * (i % 3) - 0.05;
  for (int i = 0; i < CLASSES; i++) m.block.value[at.b2 + i] = 0.3 * i;
  for (int i = 0; at.E >= 0 && i < FEATURES * param->dim; i++) m.block.value[at.E + i] *= 2;
  if (at.scale >= 0) m.block.value[at.scale] = log(0.7);
  return m;
}

#endif

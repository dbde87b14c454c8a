#include <string.h>

#include "base/base.h"
#include "net/convolved.h"
#include "net/entropy.h"
#include "net/norm.h"
#include "net/rows.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* ---- sparse rows ---- */

static void sparse(int n, int width, const int64_t *start, const int64_t *index, const double *value, int add,
                   const double *x, double *y) {
  const size_t wide = (size_t)width;
  for (size_t i = 0; i < (size_t)n; i++) {
    double *sum = y + i * wide;
    if (!add) memset(sum, 0, wide * sizeof *sum);
    for (int64_t e = start[i]; e < start[i + 1]; e++) {
      const double *row = x + (size_t)index[e] * wide, weight = value ? value[e] : 1;
      for (size_t c = 0; c < wide; c++) sum[c] += weight * row[c];
    }
  }
}

static void sparse_terms(int n, int width, const int64_t *start, const int64_t *index, const double *value,
                         const double *dy, int64_t *acc) {
  enum { ONCE = 64 };
  const size_t wide = (size_t)width;
  double term[ONCE];
  for (size_t i = 0; i < (size_t)n; i++)
    for (int64_t e = start[i]; e < start[i + 1]; e++) {
      const double weight = value ? value[e] : 1;
      for (int c = 0; c < width; c += ONCE) {
        const int count = esp_imin(ONCE, width - c);
        int some = 0; /* terms of 0, as of what is dropped, change no word: they need not be fetched */
        for (int k = 0; k < count; k++) {
          term[k] = weight * dy[i * wide + (size_t)(c + k)];
          some |= term[k] != 0;
        }
        if (some) esp_exact_add_row(&ESP_EXACT_FULL, acc + ((size_t)index[e] * wide + (size_t)c) * WORDS, term, count);
      }
    }
}

static void sparse_drop(int n, const int64_t *start, const int64_t *index, const double *value, uint64_t seed,
                        const int64_t *id, uint32_t first, double p, double *dropped) {
  for (int i = 0; i < n; i++)
    for (int64_t e = start[i]; e < start[i + 1]; e++)
      dropped[e] = (value ? value[e] : 1) * esp_drop_of(seed, id[i], first + (uint32_t)index[e], p);
}

static void multiple(size_t count, double a, int more, const double *x, double *y) {
  for (size_t k = 0; k < count; k++) y[k] = more ? y[k] + a * x[k] : a * x[k];
}

/* ---- graph convolution ---- */

static void relu(size_t count, const double *t, double *y) {
  for (size_t k = 0; k < count; k++) y[k] = t[k] < 0 ? 0 : t[k];
}

static void relu_back(size_t count, const double *y, const double *dy, double *dt) {
  for (size_t k = 0; k < count; k++) dt[k] = y[k] > 0 ? dy[k] : 0;
}

static void average(int n, int channels, double a, double least, const double *sum, double *y) {
  const size_t C = (size_t)channels;
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *row = sum + i * (C + 1);
    for (size_t c = 0; c < C; c++) y[i * C + c] += esp_convolved(a, least, row[c], row[C]);
  }
}

static void average_back(int n, int channels, double a, double least, const double *sum, const double *dy,
                         double *dsum) {
  const size_t C = (size_t)channels;
  for (size_t i = 0; i < (size_t)n; i++) {
    const double den = sum[i * (C + 1) + C];
    double *to = dsum + i * (C + 1);
    for (size_t c = 0; c < C; c++) to[c] = esp_convolved(a, least, dy[i * C + c], den);
    to[C] = esp_convolved_weight(channels, a, least, sum + i * (C + 1), dy + i * C);
  }
}

/* ---- classes ---- */

static double weight_of(const esp_scored *s, size_t i) {
  return s->weight ? s->weight[i] : 1;
}

static void classes(const esp_scored *s, const double *y, int64_t *acc) {
  for (size_t i = 0; i < (size_t)s->n; i++) {
    const double *row = y + i * (size_t)s->row + (size_t)s->at, *t = s->targets + i * (size_t)s->width;
    const double weight = weight_of(s, i);
    if (weight == 0 || esp_class_weight(s->width, t) == 0) continue;
    const esp_softmax p = esp_softmax_of(s->width, row);
    esp_exact_add(&ESP_EXACT_FULL, acc, weight * esp_entropy_of(&p, s->width, row, t));
    esp_exact_add(&ESP_EXACT_FULL, acc + WORDS, weight);
    esp_exact_add(&ESP_EXACT_FULL, acc + 2 * WORDS, weight * t[p.first]);
  }
}

static void classes_slope(const esp_scored *s, const double *y, double a, double over, double *dy) {
  for (size_t i = 0; i < (size_t)s->n; i++) {
    const size_t at = i * (size_t)s->row + (size_t)s->at;
    const double *t = s->targets + i * (size_t)s->width;
    const double weight = weight_of(s, i), whole = esp_class_weight(s->width, t);
    if (weight == 0 || whole == 0) {
      memset(dy + at, 0, (size_t)s->width * sizeof *dy);
      continue;
    }
    const esp_softmax p = esp_softmax_of(s->width, y + at);
    const double scale = a * weight / over;
    for (size_t c = 0; c < (size_t)s->width; c++) dy[at + c] = scale * esp_entropy_slope(&p, y[at + c], t[c], whole);
  }
}

const esp_rows_graph esp_rows_graph_cpu = {.sparse = sparse,
                                           .sparse_terms = sparse_terms,
                                           .sparse_drop = sparse_drop,
                                           .multiple = multiple,
                                           .relu = relu,
                                           .relu_back = relu_back,
                                           .average = average,
                                           .average_back = average_back,
                                           .classes = classes,
                                           .classes_slope = classes_slope};

#include <math.h>

#include "base/set.h"
#include "net/heard.h"
#include "net/norm.h"
#include "net/rows.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

/* ---- fixed point ---- */

static void fixed_add(size_t count, int bits, double sign, const double *o, double limit, int64_t *x, int64_t *bad) {
  const double scale = ldexp(1, bits);
  if (bad) *bad = -1;
  for (size_t k = 0; k < count; k++) {
    int64_t after;
    if (esp_fixed_step(scale, sign, o[k], limit, x[k], &after))
      x[k] = after;
    else if (bad && *bad < 0)
      *bad = (int64_t)k;
  }
}

static void fixed_value(size_t count, int bits, const int64_t *x, int more, double *y) {
  const double unit = ldexp(1, -bits);
  for (size_t k = 0; k < count; k++) y[k] = more ? y[k] + (double)x[k] * unit : (double)x[k] * unit;
}

static void multiply(size_t count, double a, double *y) {
  for (size_t k = 0; k < count; k++) y[k] *= a;
}

/* ---- norm ---- */

static void norm(int n, int width, const double *gain, const double *bias, const double *s, double *y) {
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *row = s + i * (size_t)width;
    double mean, inverse;
    esp_norm_of(width, row, &mean, &inverse);
    for (size_t c = 0; c < (size_t)width; c++)
      y[i * (size_t)width + c] = gain[c] * ((row[c] - mean) * inverse) + bias[c];
  }
}

/* Terms of one group of rows. */
static void norm_terms(size_t rows, size_t width, const double *s, const double *dy, int64_t *gain_acc,
                       int64_t *bias_acc) {
  double mean[ESP_GROUP], inverse[ESP_GROUP];
  for (size_t i = 0; i < rows; i++) esp_norm_of((int)width, s + i * width, &mean[i], &inverse[i]);
  for (size_t c = 0; c < width; c++) {
    double gain = 0, bias = 0;
    for (size_t i = 0; i < rows; i++) {
      gain += dy[i * width + c] * ((s[i * width + c] - mean[i]) * inverse[i]);
      bias += dy[i * width + c];
    }
    esp_exact_add(&ESP_EXACT_FULL, gain_acc + c * WORDS, gain);
    esp_exact_add(&ESP_EXACT_FULL, bias_acc + c * WORDS, bias);
  }
}

static void norm_back(int n, int width, const double *gain, const double *s, const double *dy, double *ds,
                      int64_t *gain_acc, int64_t *bias_acc) {
  const size_t wide = (size_t)width, all = (size_t)n;
  for (size_t i = 0; i < all; i += ESP_GROUP) {
    const size_t rows = all - i < ESP_GROUP ? all - i : ESP_GROUP;
    norm_terms(rows, wide, s + i * wide, dy + i * wide, gain_acc, bias_acc);
  }
  for (size_t i = 0; i < all; i++) esp_norm_back_of(width, gain, s + i * wide, dy + i * wide, ds + i * wide);
}

/* ---- norms over particles ---- */

static void spread(int n, int width, const double *mean, const double *s, int64_t *acc) {
  const size_t wide = (size_t)width, all = (size_t)n;
  for (size_t c = 0; c < wide; c++) {
    const double middle = mean ? mean[c] : 0;
    double group = 0;
    for (size_t i = 0; i < all; i++) {
      const double d = s[i * wide + c] - middle;
      group += mean ? d * d : d;
      if ((i + 1) % ESP_GROUP && i + 1 < all) continue;
      esp_exact_add(&ESP_EXACT_FULL, acc + c * WORDS, group);
      group = 0;
    }
  }
}

static void scale(int n, int width, const double *mean, const double *inverse, const double *gain, const double *bias,
                  const double *s, double *y) {
  const size_t wide = (size_t)width;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t c = 0; c < wide; c++) y[i * wide + c] = gain[c] * ((s[i * wide + c] - mean[c]) * inverse[c]) + bias[c];
}

static void scale_terms(int n, int width, const double *mean, const double *inverse, const double *s, const double *dy,
                        int64_t *gain_acc, int64_t *bias_acc) {
  const size_t wide = (size_t)width, all = (size_t)n;
  for (size_t c = 0; c < wide; c++) {
    double gain = 0, bias = 0;
    for (size_t i = 0; i < all; i++) {
      const size_t at = i * wide + c;
      gain += dy[at] * ((s[at] - mean[c]) * inverse[c]);
      bias += dy[at];
      if ((i + 1) % ESP_GROUP && i + 1 < all) continue;
      esp_exact_add(&ESP_EXACT_FULL, gain_acc + c * WORDS, gain);
      esp_exact_add(&ESP_EXACT_FULL, bias_acc + c * WORDS, bias);
      gain = bias = 0;
    }
  }
}

static void scale_back(int n, int width, const double *mean, const double *inverse, const double *gain,
                       const double *first, const double *second, const double *s, const double *dy, double *ds) {
  const size_t wide = (size_t)width;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t c = 0; c < wide; c++) {
      const size_t at = i * wide + c;
      ds[at] += gain[c] * inverse[c] * (dy[at] - first[c] - (s[at] - mean[c]) * inverse[c] * second[c]);
    }
}

static void level(int n, int own, int state, const double *gain, double *joint) {
  const double a = *gain;
  for (size_t i = 0; i < (size_t)n; i++) {
    double *row = joint + i * (size_t)(own + state);
    const double by = a * (esp_length_of(state, row + own) / esp_length_of(own, row));
    for (int c = 0; c < own; c++) row[c] *= by;
  }
}

static void level_back(int n, int own, int state, int wide, const double *gain, const double *A, const double *s,
                       double *djoint, int64_t *gain_acc) {
  const double a = *gain;
  double group = 0;
  for (size_t i = 0; i < (size_t)n; i++) {
    const double *heard = A + i * (size_t)own, *seen = s + i * (size_t)state;
    group += esp_level_back_of(own, state, wide > own, a, heard, seen, djoint + i * (size_t)wide);
    if ((i + 1) % ESP_GROUP && i + 1 < (size_t)n) continue;
    esp_exact_add(&ESP_EXACT_FULL, gain_acc, group);
    group = 0;
  }
}

static void drop(int n, int width, uint64_t seed, const int64_t *id, uint32_t first, double p, double *mask) {
  const size_t wide = (size_t)width;
  for (size_t k = 0; k < (size_t)n * wide; k++)
    mask[k] = esp_drop_of(seed, id[k / wide], first + (uint32_t)(k % wide), p);
}

/* ---- weights that go with values ---- */

static void weigh(int n, int channels, const double *beta, const double *v, double *said) {
  const size_t C = (size_t)channels;
  double slope;
  for (size_t i = 0; i < (size_t)n; i++)
    for (size_t c = 0; c < C; c++) {
      const double value = v[i * C + c], weight = esp_softmax_weight(beta[c] * value, &slope);
      said[2 * i * C + c] = weight * value;
      said[(2 * i + 1) * C + c] = weight;
    }
}

static void weigh_back(int n, int channels, const double *beta, const double *v, const double *dsaid, double *dv,
                       int64_t *beta_acc) {
  const size_t C = (size_t)channels, all = (size_t)n;
  for (size_t c = 0; c < C; c++) {
    double group = 0;
    for (size_t i = 0; i < all; i++) {
      const double *d = dsaid + 2 * i * C;
      dv[i * C + c] = esp_softmax_back(beta[c], v[i * C + c], d[c], d[C + c], &group);
      if ((i + 1) % ESP_GROUP && i + 1 < all) continue;
      esp_exact_add(&ESP_EXACT_FULL, beta_acc + c * WORDS, group);
      group = 0;
    }
  }
}

const esp_rows_state esp_rows_state_cpu = {
    .fixed_add = fixed_add,
    .fixed_value = fixed_value,
    .multiply = multiply,
    .norm = norm,
    .norm_back = norm_back,
    .spread = spread,
    .scale = scale,
    .scale_terms = scale_terms,
    .scale_back = scale_back,
    .level = level,
    .level_back = level_back,
    .drop = drop,
    .weigh = weigh,
    .weigh_back = weigh_back,
};

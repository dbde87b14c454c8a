#include "net/dense.h"

#include <math.h>

#include "base/exact_sum.h"
#include "base/feature_set.h"

/* Lanes lie side by side over outputs or inputs and each lane's sum keeps its order: what a row gets depends neither on
 * its neighbours nor on the width of a vector. */
enum { LANES = 16, PANEL = 64 };

/* W^T of up to PANEL inputs and LANES outputs; missing outputs are 0. */
static void pack_panel(int in, int inputs, int outputs, const double *W, double panel[PANEL][LANES]) {
  for (int i = 0; i < inputs; i++)
    for (int l = 0; l < LANES; l++) panel[i][l] = l < outputs ? W[(size_t)l * (size_t)in + (size_t)i] : 0;
}

/* y [0..outputs) of one row += the panel's inputs. */
static inline void add_panel(int inputs, int outputs, double panel[PANEL][LANES], const double *x, double *y) {
  double sum[LANES];
  for (int l = 0; l < LANES; l++) sum[l] = l < outputs ? y[l] : 0;
  for (int i = 0; i < inputs; i++) {
    const double xi = x[i];
    for (int l = 0; l < LANES; l++) sum[l] += xi * panel[i][l];
  }
  for (int l = 0; l < outputs; l++) y[l] = sum[l];
}

void esp_dense_forward(int n, int in, int out, const double *W, const double *bias, int add, const double *x,
                       double *y) {
  const size_t wide_in = (size_t)in, wide_out = (size_t)out, rows = (size_t)n;
  double panel[PANEL][LANES];
  for (size_t r = 0; r < rows; r++)
    for (size_t o = 0; o < wide_out; o++) {
      const double begin = add ? y[r * wide_out + o] : 0;
      y[r * wide_out + o] = bias ? begin + bias[o] : begin;
    }
  for (int o = 0; o < out; o += LANES)
    for (int i = 0; i < in; i += PANEL) {
      const int outputs = out - o < LANES ? out - o : LANES, inputs = in - i < PANEL ? in - i : PANEL;
      pack_panel(in, inputs, outputs, W + (size_t)o * wide_in + (size_t)i, panel);
      const double *from = x + i;
      double *to = y + o;
      for (size_t r = 0; r < rows; r++) add_panel(inputs, outputs, panel, from + r * wide_in, to + r * wide_out);
    }
}

/* dx [0..lanes) of one row. */
static inline void back_lanes(int lanes, int in, int out, const double *W, const double *dy, double *dx) {
  double sum[LANES];
  for (int l = 0; l < lanes; l++) sum[l] = dx[l];
  for (int o = 0; o < out; o++)
    for (int l = 0; l < lanes; l++) sum[l] += dy[o] * W[(size_t)o * (size_t)in + (size_t)l];
  for (int l = 0; l < lanes; l++) dx[l] = sum[l];
}

void esp_dense_backward(int n, int in, int out, const double *W, const double *dy, double *dx) {
  for (int r = 0; r < n; r++) {
    const double *row = dy + (size_t)r * (size_t)out;
    double *to = dx + (size_t)r * (size_t)in;
    int i = 0;
    for (; i + LANES <= in; i += LANES) back_lanes(LANES, in, out, W + i, row, to + i);
    if (i < in) back_lanes(in - i, in, out, W + i, row, to + i);
  }
}

/* sum [0..lanes) of a group of rows: of weight [r * stride] x [r * in + l], rows in order. */
static inline void group_lanes(int lanes, int rows, int in, int stride, const double *x, const double *weight,
                               double *sum) {
  for (int l = 0; l < lanes; l++) sum[l] = 0;
  for (int r = 0; r < rows; r++) {
    const double w = weight[(size_t)r * (size_t)stride];
    for (int l = 0; l < lanes; l++) sum[l] += w * x[(size_t)r * (size_t)in + (size_t)l];
  }
}

static void group_gradient(int rows, int in, int out, const double *x, const double *dy, int64_t *acc) {
  double sum[LANES];
  for (int o = 0; o < out; o++)
    for (int i = 0; i < in; i += LANES) {
      const int lanes = in - i < LANES ? in - i : LANES;
      if (lanes == LANES)
        group_lanes(LANES, rows, in, out, x + i, dy + o, sum);
      else
        group_lanes(lanes, rows, in, out, x + i, dy + o, sum);
      int64_t *to = acc + ((size_t)o * (size_t)in + (size_t)i) * ESP_EXACT_FULL_WORDS;
      for (int l = 0; l < lanes; l++) esp_exact_add(&ESP_EXACT_FULL, to + (size_t)l * ESP_EXACT_FULL_WORDS, sum[l]);
    }
}

static void group_bias(int rows, int out, const double *dy, int64_t *acc) {
  for (int o = 0; o < out; o++) {
    double sum = 0;
    for (int r = 0; r < rows; r++) sum += dy[(size_t)r * (size_t)out + (size_t)o];
    esp_exact_add(&ESP_EXACT_FULL, acc + (size_t)o * ESP_EXACT_FULL_WORDS, sum);
  }
}

void esp_dense_gradient(int n, int in, int out, const double *x, const double *dy, int64_t *acc, int64_t *bias_acc) {
  for (int begin = 0; begin < n; begin += ESP_FEATURE_GROUP) {
    const int rows = n - begin < ESP_FEATURE_GROUP ? n - begin : ESP_FEATURE_GROUP;
    const double *from = x + (size_t)begin * (size_t)in, *by = dy + (size_t)begin * (size_t)out;
    group_gradient(rows, in, out, from, by, acc);
    if (bias_acc) group_bias(rows, out, by, bias_acc);
  }
}

void esp_silu_forward(int count, const double *t, double *y) {
  for (int k = 0; k < count; k++) y[k] = t[k] / (1 + exp(-t[k]));
}

void esp_silu_backward(int count, const double *t, const double *dy, double *dt) {
  for (int k = 0; k < count; k++) {
    const double s = 1 / (1 + exp(-t[k]));
    dt[k] = dy[k] * (s * (1 + t[k] * (1 - s)));
  }
}

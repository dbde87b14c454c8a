#include "net/dense.h"

#include <string.h>

#include "base/base.h"
#include "base/exact_sum.h"
#include "base/set.h"
#include "base/functions.h"

/* One kernel for all three products: a few rows, LANES columns, the sum over k in ascending order. A row is an
 * independent chain of additions, so ROWS of them fill the vector units while each waits for its last sum; a lane is one
 * number's sum, so neither a row's neighbours nor the width of a vector change a bit. The columns are HALVES vectors, each
 * no wider than a register: compilers keep wider ones in memory. */
enum { HALF = 4, HALVES = 2, LANES = HALVES * HALF, ROWS = 4, DEEP = 128, TILE = 256 };
typedef double half_t __attribute__((vector_size(HALF * sizeof(double))));
typedef union {
  half_t half[HALVES];
  double at[LANES];
} lanes_t;

/* Columns [0..lanes) of y (+)= x M for up to DEEP terms. */
typedef struct {
  lanes_t panel[DEEP]; /* M, missing columns 0 */
  lanes_t bias;
  int deep, lanes;
  int add, biased;
  size_t x_row, x_term, y_row; /* strides */
} piece;

/* panel [k][l] = M [k * term + l * column]. */
static void pack(piece *p, const double *M, size_t term, size_t column) {
  for (int k = 0; k < p->deep; k++) {
    const double *from = M + (size_t)k * term;
    if (p->lanes == LANES && column == 1)
      memcpy(&p->panel[k], from, sizeof p->panel[k]);
    else
      for (int l = 0; l < LANES; l++) p->panel[k].at[l] = l < p->lanes ? from[(size_t)l * column] : 0;
  }
}

static inline __attribute__((always_inline)) void some_rows(const int rows, const piece *p, const double *x,
                                                            double *y) {
  half_t sum[ROWS][HALVES];
  for (int r = 0; r < rows; r++) {
    const double *from = y + (size_t)r * p->y_row;
    lanes_t row = {.at = {0}};
    if (p->add && p->lanes == LANES)
      memcpy(row.at, from, sizeof row.at);
    else if (p->add)
      memcpy(row.at, from, (size_t)p->lanes * sizeof *row.at);
    for (int h = 0; h < HALVES; h++) sum[r][h] = p->biased ? row.half[h] + p->bias.half[h] : row.half[h];
  }
  for (int k = 0; k < p->deep; k++)
    for (int r = 0; r < rows; r++) {
      const double each = x[(size_t)r * p->x_row + (size_t)k * p->x_term];
      for (int h = 0; h < HALVES; h++) sum[r][h] += each * p->panel[k].half[h];
    }
  for (int r = 0; r < rows; r++) {
    double *to = y + (size_t)r * p->y_row;
    if (p->lanes == LANES)
      memcpy(to, sum[r], sizeof sum[r]);
    else
      memcpy(to, sum[r], (size_t)p->lanes * sizeof *to);
  }
}

static void all_rows(size_t n, const piece *p, const double *x, double *y) {
  size_t r = 0;
  for (; r + ROWS <= n; r += ROWS) some_rows(ROWS, p, x + r * p->x_row, y + r * p->y_row);
  for (; r < n; r++) some_rows(1, p, x + r * p->x_row, y + r * p->y_row);
}

/* y [n][wide] = x [n][deep] M (+ bias) (added to y if `add`), M [k * term + c * column], for up to TILE rows. */
static void product(size_t n, int deep, int wide, const double *M, size_t term, size_t column, const double *bias,
                    int add, const double *x, double *y) {
  piece p = {.x_row = (size_t)deep, .x_term = 1, .y_row = (size_t)wide};
  for (int c = 0; c < wide; c += LANES) {
    p.lanes = esp_imin(wide - c, LANES);
    p.add = add;
    p.biased = bias != NULL;
    for (int l = 0; bias && l < LANES; l++) p.bias.at[l] = l < p.lanes ? bias[c + l] : 0;
    int k = 0;
    do { /* once even where nothing is summed: y is set */
      p.deep = esp_imin(deep - k, DEEP);
      pack(&p, M + (size_t)k * term + (size_t)c * column, term, column);
      all_rows(n, &p, x + k, y + c);
      p.add = 1;
      p.biased = 0;
      k += DEEP;
    } while (k < deep);
  }
}

static void forward(int n, int in, int out, const double *W, const double *bias, int add, const double *x, double *y) {
  const size_t rows = (size_t)n, wide_in = (size_t)in, wide_out = (size_t)out;
  for (size_t r = 0; r < rows; r += TILE)
    product(rows - r < TILE ? rows - r : TILE, in, out, W, 1, wide_in, bias, add, x + r * wide_in, y + r * wide_out);
}

static void backward(int n, int in, int out, const double *W, int add, const double *dy, double *dx) {
  const size_t rows = (size_t)n, wide_in = (size_t)in, wide_out = (size_t)out;
  for (size_t r = 0; r < rows; r += TILE)
    product(rows - r < TILE ? rows - r : TILE, out, in, W, wide_in, 1, NULL, add, dy + r * wide_out, dx + r * wide_in);
}

/* The sum over a group's rows as a product with dy^T: a row of it is an output. */
static void group_gradient(int rows, int in, int out, const double *x, const double *dy, int64_t *acc) {
  double sum[ROWS][LANES];
  piece p = {.deep = rows, .x_row = 1, .x_term = (size_t)out, .y_row = LANES};
  for (int i = 0; i < in; i += LANES) {
    p.lanes = esp_imin(in - i, LANES);
    pack(&p, x + i, (size_t)in, 1);
    for (int o = 0; o < out; o += ROWS) {
      const int outputs = esp_imin(out - o, ROWS);
      all_rows((size_t)outputs, &p, dy + o, sum[0]);
      for (int r = 0; r < outputs; r++) {
        int64_t *to = acc + ((size_t)(o + r) * (size_t)in + (size_t)i) * ESP_EXACT_FULL_WORDS;
        esp_exact_add_row(&ESP_EXACT_FULL, to, sum[r], p.lanes);
      }
    }
  }
}

static void group_bias(int rows, int out, const double *dy, int64_t *acc) {
  for (int o = 0; o < out; o += DEEP) {
    double sum[DEEP] = {0};
    const int outputs = esp_imin(out - o, DEEP);
    for (int r = 0; r < rows; r++)
      for (int l = 0; l < outputs; l++) sum[l] += dy[(size_t)r * (size_t)out + (size_t)(o + l)];
    esp_exact_add_row(&ESP_EXACT_FULL, acc + (size_t)o * ESP_EXACT_FULL_WORDS, sum, outputs);
  }
}

_Static_assert((int)ESP_GROUP <= (int)DEEP, "a group is one piece");
static void gradient(int n, int in, int out, const double *x, const double *dy, int64_t *acc, int64_t *bias_acc) {
  for (int begin = 0; begin < n; begin += ESP_GROUP) {
    const int rows = n - begin < ESP_GROUP ? n - begin : ESP_GROUP;
    const double *from = x + (size_t)begin * (size_t)in, *by = dy + (size_t)begin * (size_t)out;
    group_gradient(rows, in, out, from, by, acc);
    if (bias_acc) group_bias(rows, out, by, bias_acc);
  }
}

static void silu(size_t count, const double *t, double *y) {
#pragma omp simd
  for (size_t k = 0; k < count; k++) y[k] = t[k] / (1 + esp_exp64(-t[k]));
}

static void silu_back(size_t count, const double *t, const double *dy, double *dt) {
#pragma omp simd
  for (size_t k = 0; k < count; k++) {
    const double s = 1 / (1 + esp_exp64(-t[k]));
    dt[k] = dy[k] * (s * (1 + t[k] * (1 - s)));
  }
}

static void silu_both(size_t count, const double *t, double *y, double *slope) {
#pragma omp simd
  for (size_t k = 0; k < count; k++) {
    const double x = t[k], below = 1 + esp_exp64(-x), s = 1 / below;
    y[k] = x / below;
    slope[k] = s * (1 + x * (1 - s));
  }
}

const esp_dense esp_dense_cpu = {.forward = forward,
                                 .backward = backward,
                                 .gradient = gradient,
                                 .silu = silu,
                                 .silu_back = silu_back,
                                 .silu_both = silu_both};

/* Proves: dense layers are the plain double loop, bit by bit, at any sizes; a row's bits do not depend on where it
 * lies; their gradients are those of central differences; sums over whole groups may be shared out; silu and its slope,
 * in a vector as alone; the exponential is as good as the C library's to 2 units in the last place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/set.h"
#include "base/rng.h"
#include "net/dense.h"
#include "base/functions.h"

enum { WORDS = ESP_EXACT_FULL_WORDS };

static double *draw(int count, uint64_t seed) {
  double *x = malloc(sizeof *x * (size_t)(count + 1));
  for (int k = 0; k < count; k++) x[k] = esp_rng_normal(seed, (uint64_t)k, ESP_RNG_TEST, 0);
  return x;
}

static int64_t *accumulators(int count) {
  return calloc((size_t)(count + 1) * WORDS, sizeof(int64_t));
}

static double value(const int64_t *acc, int k) {
  return esp_exact_value(&ESP_EXACT_FULL, acc + k * WORDS);
}

static void one_size(int n, int in, int out, int add, int biased) {
  double *W = draw(in * out, 1), *b = draw(out, 2), *x = draw(n * in, 3), *y = draw(n * out, 4), *dy = draw(n * out, 5);
  double *dx = draw(n * in, 6), *was = draw(n * out, 4), *dx_was = draw(n * in, 6);
  const double mark = y[n * out] = dx[n * in] = 77;
  esp_dense_cpu.forward(n, in, out, W, biased ? b : NULL, add, x, y);
  esp_dense_cpu.backward(n, in, out, W, add, dy, dx);
  for (int r = 0; r < n; r++) {
    for (int o = 0; o < out; o++) {
      double sum = (add ? was[r * out + o] : 0) + (biased ? b[o] : 0);
      for (int i = 0; i < in; i++) sum += x[r * in + i] * W[o * in + i];
      if (!(sum == y[r * out + o])) fail_msg("n %d in %d out %d: %.17g, not %.17g", n, in, out, y[r * out + o], sum);
    }
    for (int i = 0; i < in; i++) {
      double sum = add ? dx_was[r * in + i] : 0;
      for (int o = 0; o < out; o++) sum += dy[r * out + o] * W[o * in + i];
      assert_true(sum == dx[r * in + i]);
    }
  }
  assert_true(y[n * out] == mark && dx[n * in] == mark);
  int64_t *acc = accumulators(in * out), *bias_acc = accumulators(out);
  esp_dense_cpu.gradient(n, in, out, x, dy, acc, biased ? bias_acc : NULL);
  for (int o = 0; o < out; o++) {
    double slope = 0;
    for (int r = 0; r < n; r++) slope += dy[r * out + o];
    assert_true(fabs(value(bias_acc, o) - (biased ? slope : 0)) <= 1e-12 * n);
    for (int i = 0; i < in; i++) {
      double sum = 0;
      for (int r = 0; r < n; r++) sum += dy[r * out + o] * x[r * in + i];
      assert_true(fabs(value(acc, o * in + i) - sum) <= 1e-12 * n);
    }
  }
  free(W), free(b), free(x), free(y), free(dy), free(dx), free(was), free(dx_was), free(acc), free(bias_acc);
}

static void plain_loops(void **state) {
  (void)state;
  const int widths[] = {0, 1, 2, 7, 15, 16, 17, 33, 64, 65, 130}, rows[] = {0, 1, 63, 64, 65, 200};
  for (int i = 0; i < 11; i++)
    for (int o = 0; o < 11; o++) one_size(rows[(i + o) % 6], widths[i], widths[o], (i + o) % 2, i % 2);
}

/* 300 rows at once, or in two calls at odd places of memory. */
static void rows_alone(void **state) {
  (void)state;
  enum { n = 300, in = 19, out = 21 };
  double *W = draw(in * out, 1), *x = draw(n * in, 3), *y = draw(n * out, 4), *z = draw(n * out, 5);
  double *dx = calloc(n * in, sizeof *dx), *dz = calloc(n * in, sizeof *dz);
  esp_dense_cpu.forward(n, in, out, W, NULL, 0, x, y);
  esp_dense_cpu.backward(n, in, out, W, 1, y, dx);
  for (int cut = 0; cut <= n; cut += 37) {
    memset(dz, 0, n * in * sizeof *dz);
    esp_dense_cpu.forward(cut, in, out, W, NULL, 0, x, z);
    esp_dense_cpu.forward(n - cut, in, out, W, NULL, 0, x + cut * in, z + cut * out);
    esp_dense_cpu.backward(cut, in, out, W, 1, z, dz);
    esp_dense_cpu.backward(n - cut, in, out, W, 1, z + cut * out, dz + cut * in);
    assert_memory_equal(y, z, n * out * sizeof *y);
    assert_memory_equal(dx, dz, n * in * sizeof *dx);
  }
  free(W), free(x), free(y), free(z), free(dx), free(dz);
}

/* Rows shared out in whole groups give the same gradient; cut elsewhere, they would not. */
static void groups_shared(void **state) {
  (void)state;
  enum { n = 500, in = 9, out = 11 };
  double *x = draw(n * in, 3), *dy = draw(n * out, 4);
  for (int size = 1; size <= 8; size++) {
    int64_t *acc[2] = {accumulators(in * out), accumulators(in * out)},
            *bias[2] = {accumulators(out), accumulators(out)};
    int64_t *off = accumulators(in * out);
    int different = 0;
    esp_dense_cpu.gradient(n, in, out, x, dy, acc[0], bias[0]);
    for (int r = size - 1; r >= 0; r--) {
      int64_t first, count;
      esp_set_share(n, r, size, &first, &count);
      esp_dense_cpu.gradient((int)count, in, out, x + first * in, dy + first * out, acc[1], bias[1]);
    }
    esp_dense_cpu.gradient(30, in, out, x, dy, off, NULL);
    esp_dense_cpu.gradient(n - 30, in, out, x + 30 * in, dy + 30 * out, off, NULL);
    for (int k = 0; k < in * out; k++) {
      assert_true(value(acc[0], k) == value(acc[1], k));
      different += value(acc[0], k) != value(off, k);
    }
    for (int k = 0; k < out; k++) assert_true(value(bias[0], k) == value(bias[1], k));
    assert_true(different > 0);
    free(acc[0]), free(acc[1]), free(bias[0]), free(bias[1]), free(off);
  }
  free(x), free(dy);
}

/* L = sum g . (W2 silu(W1 x + b)). */
enum { ROWS = 70, IN = 5, MID = 18, OUT = 3 };
typedef struct {
  double W1[MID * IN], b[MID], W2[OUT * MID], x[ROWS * IN], g[ROWS * OUT];
  double t[ROWS * MID], h[ROWS * MID], y[ROWS * OUT];
} net;

static double net_loss(net *k) {
  double loss = 0;
  esp_dense_cpu.forward(ROWS, IN, MID, k->W1, k->b, 0, k->x, k->t);
  esp_dense_cpu.silu(ROWS * MID, k->t, k->h);
  esp_dense_cpu.forward(ROWS, MID, OUT, k->W2, NULL, 0, k->h, k->y);
  for (int c = 0; c < ROWS * OUT; c++) loss += k->g[c] * k->y[c];
  return loss;
}

static void compare(net *k, double *p, double slope) {
  const double kept = *p, h = 1e-5;
  *p = kept + h;
  const double above = net_loss(k);
  *p = kept - h;
  const double below = net_loss(k);
  *p = kept;
  const double quotient = (above - below) / (2 * h);
  if (!(fabs(slope - quotient) <= 1e-6 * fabs(quotient) + 1e-8)) fail_msg("%.12g, quotient %.12g", slope, quotient);
}

static void central_differences(void **state) {
  (void)state;
  static net k;
  static double dh[ROWS * MID], dx[ROWS * IN];
  for (size_t c = 0; c < sizeof k / sizeof(double); c++) ((double *)&k)[c] = esp_rng_normal(9, c, ESP_RNG_TEST, 0);
  int64_t *a1 = accumulators(MID * IN), *ab = accumulators(MID), *a2 = accumulators(OUT * MID);
  net_loss(&k);
  esp_dense_cpu.gradient(ROWS, MID, OUT, k.h, k.g, a2, NULL);
  esp_dense_cpu.backward(ROWS, MID, OUT, k.W2, 0, k.g, dh);
  esp_dense_cpu.silu_back(ROWS * MID, k.t, dh, dh);
  esp_dense_cpu.gradient(ROWS, IN, MID, k.x, dh, a1, ab);
  esp_dense_cpu.backward(ROWS, IN, MID, k.W1, 0, dh, dx);
  for (int p = 0; p < MID * IN; p++) compare(&k, &k.W1[p], value(a1, p));
  for (int p = 0; p < MID; p++) compare(&k, &k.b[p], value(ab, p));
  for (int p = 0; p < OUT * MID; p++) compare(&k, &k.W2[p], value(a2, p));
  for (int p = 0; p < ROWS * IN; p += 7) compare(&k, &k.x[p], dx[p]);
  free(a1), free(ab), free(a2);
}

/* The exponential beside the C library's, and the same bits in a vector as alone. */
static void exponential(void **state) {
  (void)state;
  enum { COUNT = 200003 };
  double *t = malloc(sizeof *t * COUNT), *y = malloc(sizeof *y * COUNT), worst = 0;
  for (int k = 0; k < COUNT; k++) {
    t[k] = (k % 2 ? 745 : 3) * (2.0 * k / (COUNT - 1) - 1);
    const double right = exp(t[k]), error = fabs(esp_exp64(t[k]) - right) / (right > 1e-300 ? right : 1e-300);
    if (right < INFINITY)
      worst = fmax(worst, error);
    else
      assert_true(esp_exp64(t[k]) == INFINITY);
  }
  if (worst > 4.5e-16) fail_msg("error %g", worst);
  assert_true(esp_exp64(0) == 1 && esp_exp64(-INFINITY) == 0 && esp_exp64(INFINITY) == INFINITY &&
              isnan(esp_exp64(NAN)));
  esp_dense_cpu.silu(COUNT, t, y);
  for (int k = 0; k < COUNT; k++) {
    double alone;
    esp_dense_cpu.silu(1, t + k, &alone);
    assert_memory_equal(&alone, y + k, sizeof alone);
  }
  esp_dense_cpu.silu_back(COUNT, t, y, y);
  for (int k = 0; k < COUNT; k++) {
    double in, alone;
    esp_dense_cpu.silu(1, t + k, &in);
    esp_dense_cpu.silu_back(1, t + k, &in, &alone);
    assert_memory_equal(&alone, y + k, sizeof alone);
  }
  esp_dense_cpu.silu(COUNT, t, y);
  double *slope = malloc(sizeof *slope * COUNT), *both = malloc(sizeof *both * COUNT),
         *one = malloc(sizeof *one * COUNT);
  for (int k = 0; k < COUNT; k++) one[k] = 1;
  esp_dense_cpu.silu_back(COUNT, t, one, slope);
  esp_dense_cpu.silu_both(COUNT, t, both, t);
  assert_memory_equal(both, y, sizeof *y * COUNT);
  assert_memory_equal(t, slope, sizeof *t * COUNT);
  free(t), free(y), free(slope), free(both), free(one);
}

static void silu_ends(void **state) {
  (void)state;
  const double t[] = {-1e300, -800, -30, 0, 1e-300, 30, 800, 1e300}, one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  double y[8], dt[8];
  esp_dense_cpu.silu(8, t, y);
  esp_dense_cpu.silu_back(8, t, one, dt);
  esp_dense_cpu.silu(0, NULL, NULL);
  for (int k = 0; k < 8; k++) assert_true(isfinite(y[k]) && isfinite(dt[k]));
  assert_true(y[0] == 0 && y[1] == 0 && dt[1] == 0 && y[3] == 0 && dt[3] == 0.5 && y[6] == 800 && dt[7] == 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(plain_loops),   cmocka_unit_test(rows_alone),
                                     cmocka_unit_test(groups_shared), cmocka_unit_test(central_differences),
                                     cmocka_unit_test(exponential),   cmocka_unit_test(silu_ends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

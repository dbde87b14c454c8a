/* Dense layers on home rows, as a table that a device fills: per-particle linear maps, silu, and the gradients of their
 * weights as exact sums over groups.
 *
 * Float64 without contraction, a row's sums in ascending order of inputs: the same bits wherever a row lies and however many
 * rows there are, which a BLAS call does not promise (its kernels differ between the inside and the edge of a matrix).
 * Everything is local and cannot fail. */
#ifndef ESP_DENSE_H
#define ESP_DENSE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  /* y [n][out] = x [n][in] W^T (+ bias) (added to y if `add`). W [out][in] row by row, bias [out] or NULL. x and y are
   * two arrays. */
  void (*forward)(int n, int in, int out, const double *W, const double *bias, int add, const double *x, double *y);
  /* dx [n][in] = dy [n][out] W (added to dx if `add`). dy and dx are two arrays. */
  void (*backward)(int n, int in, int out, const double *W, int add, const double *dy, double *dx);
  /* acc [out * in][ESP_EXACT_FULL_WORDS] += sum_i dy_i x_i^T; bias_acc [out][..] += sum_i dy_i, or NULL: one float64 term
   * a (group of ESP_GROUP rows, number). */
  void (*gradient)(int n, int in, int out, const double *x, const double *dy, int64_t *acc, int64_t *bias_acc);
  /* y = t / (1 + exp(-t)), elementwise, count numbers; and dt = dy * silu'(t). In place is fine. */
  void (*silu)(size_t count, const double *t, double *y);
  void (*silu_back)(size_t count, const double *t, const double *dy, double *dt);
  /* y = silu(t) and slope = silu'(t), the bits of the two above for dy = 1; slope may be t. */
  void (*silu_both)(size_t count, const double *t, double *y, double *slope);
} esp_dense;

extern const esp_dense esp_dense_cpu;

#endif

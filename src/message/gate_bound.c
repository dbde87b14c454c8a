#include "message/gate_bound.h"

#include <math.h>

/* Rows: rho = STEP i; columns: tau = FIRST GROWTH^j, each made of SUB steps. */
enum { ROWS = 402, COLUMNS = 216, SUB = 3, ORDERS = 4 };
static const double STEP = 0.05, FIRST = 0.02, GROWTH = 1.03;
static const double ROUNDING = 1 + 1e-6; /* of the differences below, in which up to 8 of 16 digits cancel */

/* sum_{n <= p} h^n He_n(x) / n!; sign 1: of the polynomials with the magnitudes of their coefficients. */
static double series(int p, int sign, double x, double h) {
  double last = 0, term = 1, sum = 1;
  for (int n = 1; n <= p; n++) {
    const double next = h * (x * term + sign * h * last) / n;
    last = term, term = next;
    sum += term;
  }
  return sum;
}

/* On x in [x0, x1], h in [h0, h1]: a bound on |g_p|. From g_{-1} = exp(x h - h^2 / 2), which is monotone, upward:
 * dg_p/dx = h g_{p-1}, dg_p/dh = x g_{p-1} - h g_{p-2}. */
static double bound_inside(int p, double x0, double x1, double h0, double h1) {
  const double top = x1 < h0 ? h0 : x1 > h1 ? h1 : x1, x = 0.5 * (x0 + x1), h = 0.5 * (h0 + h1);
  const double highest = exp(x1 * top - 0.5 * top * top);
  const double lowest = exp(fmin(x0 * h0 - 0.5 * h0 * h0, x0 * h1 - 0.5 * h1 * h1));
  const double widest = fmax(fabs(x0), fabs(x1)), centre = exp(x * h - 0.5 * h * h);
  double before = highest, now = fmax(highest - 1, 1 - lowest);
  for (int n = 1; n <= p; n++) {
    const double slope_x = h1 * now, slope_h = widest * now + h1 * before;
    before = now;
    now = fabs(centre - series(n, -1, x, h)) + 0.5 * (x1 - x0) * slope_x + 0.5 * (h1 - h0) * slope_h;
  }
  return now;
}

/* Members nearer than FIRST: the series of the rest with every coefficient's magnitude, which h and x only increase. */
static double bound_first(int p, double x) {
  return exp(x * FIRST + 0.5 * FIRST * FIRST) - series(p, 1, x, FIRST);
}

/* H_0 and H_1 of one column, from those of the column before. */
static void fill_column(int p, int column, const double *zero_before, const double *one_before, double *zero,
                        double *one) {
  const double begin = FIRST * pow(GROWTH, column - 1), growth = cbrt(GROWTH);
  for (int i = 1; i < ROWS; i++) {
    const double x0 = STEP * (i - 1), x1 = STEP * i;
    double z = fmax(zero[i - 1], zero_before ? zero_before[i] : bound_first(p, x1) * ROUNDING);
    double o = fmax(one[i - 1], one_before ? one_before[i] : bound_first(p, x1) / FIRST * ROUNDING);
    double h0 = begin;
    for (int k = 0; k < SUB && zero_before; k++) {
      const double h1 = k == SUB - 1 ? begin * GROWTH : h0 * growth;
      const double g = fmax(bound_inside(p, x0, x1, h0, h1), bound_inside(p, -x1, -x0, h0, h1)) * ROUNDING;
      z = fmax(z, g);
      o = fmax(o, g / h0);
      h0 = h1;
    }
    zero[i] = z, one[i] = o;
  }
}

/* A of one column's F = H_1^2, the end of the line at F of the next row, which is strictly above: for each step (k, k + 1)
 * of x, F(k + 1) <= A (1 - z) + F(i + 1) z, z = (k / i)^2. */
static void fill_least(const double *F, double *least) {
  for (int i = 1; i < ROWS - 1; i++) {
    const double end = F[i + 1], square = (double)i * i;
    double most = 0;
#pragma omp simd reduction(max : most)
    for (int k = 0; k < i; k++) {
      const double z = (double)k * k, A = (F[k + 1] * square - end * z) / (square - z);
      most = A > most ? A : most;
    }
    least[i] = most < end ? most : end;
  }
}

int esp_gate_bound_create(int order, esp_gate_bound *bound) {
  int rc = ESP_OK;
  *bound = (esp_gate_bound){.order = order};
  ESP_CHECK(order >= 0 && order < ORDERS, ESP_ERR_ARG, "bounds of order %d; allowed: 0 to %d", order, ORDERS - 1);
  ESP_TRY(ESP_ALLOC(bound->zero, ROWS * COLUMNS));
  ESP_TRY(ESP_ALLOC(bound->one, ROWS * COLUMNS));
  ESP_TRY(ESP_ALLOC(bound->least, ROWS * COLUMNS));
  for (int j = 0; j < COLUMNS; j++) {
    double *zero = bound->zero + j * ROWS, *one = bound->one + j * ROWS;
    fill_column(order, j, j ? zero - ROWS : NULL, j ? one - ROWS : NULL, zero, one);
  }
  for (int k = 0; k < ROWS * COLUMNS; k++) {
    bound->zero[k] *= bound->zero[k];
    bound->one[k] *= bound->one[k];
  }
  for (int j = 0; j < COLUMNS; j++) fill_least(bound->one + j * ROWS, bound->least + j * ROWS);
done:
  if (rc) esp_gate_bound_free(bound);
  return rc;
}

void esp_gate_bound_free(esp_gate_bound *bound) {
  ESP_FREE(bound->zero);
  ESP_FREE(bound->one);
  ESP_FREE(bound->least);
}

int esp_gate_bound_column(double tau) {
  if (!(tau > FIRST)) return 0;
  const double j = ceil(log(tau / FIRST) / log(GROWTH) + 1e-9);
  return j < COLUMNS ? (int)j : -1;
}

/* The nearest member that there may be, and all terms of the series with their magnitudes. */
static double bound_anywhere(int order, double rho, double tau) {
  const double gap = rho > tau ? rho - tau : 0, weight = exp(-0.5 * rho * rho);
  return exp(-0.5 * gap * gap) + (weight > 0 ? weight * series(order, 1, rho, tau) : 0);
}

double esp_gate_bound_square(const esp_gate_bound *bound, int column, double rho, double tau, double Q0, double trX,
                             double uXu) {
  const int inside = column >= 0 && rho < STEP * (ROWS - 2), row = inside ? 1 + (int)(rho / STEP) : 0;
  double most = INFINITY;
  if (!inside || tau > 2) { /* at the near edge of a large cell the tables' steps are large */
    const double remainder = bound_anywhere(bound->order, rho, tau);
    most = Q0 * remainder * remainder;
  }
  if (!inside) return most;
  const size_t at = (size_t)column * ROWS + (size_t)row;
  const double weight = exp(-rho * rho), A = bound->least[at], F = bound->one[at + 1];
  const double r = fmin(fmax(uXu / ((STEP * row) * (STEP * row)), 0), trX);
  return fmin(most, weight * fmin(A * (trX - r) + F * r, Q0 * bound->zero[at]));
}

#include "base/least_squares.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/set.h"

int esp_least_squares_create(int p, int t, esp_least_squares *fit) {
  const size_t count = (size_t)p * (size_t)(p + t);
  *fit = (esp_least_squares){.p = p, .t = t};
  int rc = ESP_ALLOC(fit->acc, count * ESP_EXACT_FULL_WORDS);
  if (!rc) rc = ESP_ALLOC(fit->sum, count);
  if (!rc) rc = ESP_ALLOC(fit->value, p * t);
  if (rc) esp_least_squares_free(fit);
  return rc;
}

void esp_least_squares_free(esp_least_squares *fit) {
  ESP_FREE(fit->acc);
  ESP_FREE(fit->sum);
  ESP_FREE(fit->value);
}

/* Sums of one group, in home order; only the upper triangle of X^T X. */
static void add_group(esp_least_squares *fit, int n, const double *X, const double *y, const double *weight) {
  const int p = fit->p, t = fit->t, width = p + t;
  memset(fit->sum, 0, (size_t)p * (size_t)width * sizeof *fit->sum);
  for (int i = 0; i < n; i++) {
    const double *row = X + (size_t)i * (size_t)p, *target = y + (size_t)i * (size_t)t;
    const double w = weight ? weight[i] : 1;
    for (int a = 0; a < p; a++) {
      double *sum = fit->sum + (size_t)a * (size_t)width;
      const double x = w * row[a];
      for (int b = a; b < p; b++) sum[b] += x * row[b];
      for (int c = 0; c < t; c++) sum[p + c] += x * target[c];
    }
  }
  for (int a = 0; a < p; a++)
    for (int b = a; b < width; b++) {
      const size_t at = (size_t)a * (size_t)width + (size_t)b;
      esp_exact_add(&ESP_EXACT_FULL, fit->acc + at * ESP_EXACT_FULL_WORDS, fit->sum[at]);
    }
}

void esp_least_squares_add(esp_least_squares *fit, int n, const double *X, const double *y, const double *weight) {
  for (int i = 0; i < n; i += ESP_GROUP)
    add_group(fit, esp_imin(ESP_GROUP, n - i), X + (size_t)i * (size_t)fit->p, y + (size_t)i * (size_t)fit->t,
              weight ? weight + i : NULL);
}

/* Of all ranks. */
static int add_up(const esp_comm *comm, esp_least_squares *fit) {
  const size_t count = (size_t)fit->p * (size_t)(fit->p + fit->t);
  esp_exact_carry(&ESP_EXACT_FULL, fit->acc, count);
  ESP_CALL(comm->sum_i64(comm, fit->acc, count * ESP_EXACT_FULL_WORDS));
  for (size_t e = 0; e < count; e++)
    fit->sum[e] = esp_exact_value(&ESP_EXACT_FULL, fit->acc + e * ESP_EXACT_FULL_WORDS);
  return ESP_OK;
}

/* A column's variance times its rows: X^T X without its mean, where column `ones` is 1 throughout. */
static double spread(const esp_least_squares *fit, int a, int ones) {
  const int width = fit->p + fit->t, low = a < ones ? a : ones, high = a < ones ? ones : a;
  const double mean = fit->sum[low * width + high], rows = fit->sum[ones * width + ones];
  return fmax(fit->sum[a * width + a] - (rows > 0 ? mean * mean / rows : 0), 0);
}

/* Cholesky in place (upper triangle U, X^T X + penalty = U^T U); a dependent column's pivot is left 0. */
static void factor(const esp_least_squares *fit, double lambda, int ones, double *U) {
  const int p = fit->p, width = p + fit->t;
  for (int a = 0; a < p; a++)
    for (int b = a; b < p; b++) {
      double s = fit->sum[a * width + b];
      if (a == b && lambda > 0) s += lambda * spread(fit, a, ones);
      for (int k = 0; k < a; k++) s -= U[k * p + a] * U[k * p + b];
      if (a == b)
        U[a * p + a] = s > 1e-10 * fit->sum[a * width + a] ? sqrt(s) : 0;
      else
        U[a * p + b] = U[a * p + a] > 0 ? s / U[a * p + a] : 0;
    }
}

static void solve_column(const esp_least_squares *fit, const double *U, int c) {
  const int p = fit->p, t = fit->t, width = p + t;
  for (int a = 0; a < p; a++) {
    double s = fit->sum[a * width + p + c];
    for (int k = 0; k < a; k++) s -= U[k * p + a] * fit->value[k * t + c];
    fit->value[a * t + c] = U[a * p + a] > 0 ? s / U[a * p + a] : 0;
  }
  for (int a = p - 1; a >= 0; a--) {
    double s = fit->value[a * t + c];
    for (int k = a + 1; k < p; k++) s -= U[a * p + k] * fit->value[k * t + c];
    fit->value[a * t + c] = U[a * p + a] > 0 ? s / U[a * p + a] : 0;
  }
}

int esp_least_squares_solve(const esp_comm *comm, esp_least_squares *fit) {
  double *U = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(U, fit->p * fit->p)));
  ESP_TRY(add_up(comm, fit));
  factor(fit, 0, 0, U);
  for (int c = 0; c < fit->t; c++) solve_column(fit, U, c);
done:
  ESP_FREE(U);
  return rc;
}

/* sum |y - X value|^2 of the rows of `held`, less sum |y|^2. */
static double error_on(const esp_least_squares *held, const esp_least_squares *fit, int c) {
  const int p = fit->p, t = fit->t, width = p + t;
  double error = 0;
  for (int a = 0; a < p; a++) {
    const double value = fit->value[a * t + c];
    error -= 2 * value * held->sum[a * width + p + c];
    for (int b = a; b < p; b++) error += (a == b ? 1 : 2) * value * held->sum[a * width + b] * fit->value[b * t + c];
  }
  return error;
}

enum { LAMBDAS = 8 };

int esp_least_squares_solve_ridge(const esp_comm *comm, esp_least_squares *fit, esp_least_squares *held, int ones) {
  static const double lambda[LAMBDAS] = {0, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10};
  const int count = fit->p * (fit->p + fit->t);
  double *U = NULL, *best = NULL;
  int *chosen = NULL, rc = ESP_ALLOC(U, fit->p * fit->p);
  if (!rc) rc = ESP_ALLOC(best, fit->t);
  if (!rc) rc = ESP_ALLOC(chosen, fit->t);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(add_up(comm, fit));
  ESP_TRY(add_up(comm, held));
  for (int k = 0; k < LAMBDAS; k++) {
    factor(fit, lambda[k], ones, U);
    for (int c = 0; c < fit->t; c++) {
      solve_column(fit, U, c);
      const double error = error_on(held, fit, c);
      if (k == 0 || error < best[c]) best[c] = error, chosen[c] = k;
    }
  }
  for (int e = 0; e < count; e++) fit->sum[e] += held->sum[e];
  for (int c = 0; c < fit->t; c++) {
    factor(fit, lambda[chosen[c]], ones, U);
    solve_column(fit, U, c);
  }
done:
  ESP_FREE(U);
  ESP_FREE(best);
  ESP_FREE(chosen);
  return rc;
}

void esp_least_squares_apply(const esp_least_squares *fit, int n, const double *X, double *y) {
  for (int i = 0; i < n; i++)
    for (int c = 0; c < fit->t; c++) {
      double s = 0;
      for (int a = 0; a < fit->p; a++) s += X[(size_t)i * (size_t)fit->p + (size_t)a] * fit->value[a * fit->t + c];
      y[(size_t)i * (size_t)fit->t + (size_t)c] = s;
    }
}

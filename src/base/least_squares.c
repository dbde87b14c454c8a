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

/* Cholesky in place (upper triangle U, X^T X = U^T U); a dependent column's pivot is left 0. */
static void factor(const esp_least_squares *fit, double *U) {
  const int p = fit->p, width = p + fit->t;
  for (int a = 0; a < p; a++)
    for (int b = a; b < p; b++) {
      double s = fit->sum[a * width + b];
      for (int k = 0; k < a; k++) s -= U[k * p + a] * U[k * p + b];
      if (a == b)
        U[a * p + a] = s > 1e-10 * fit->sum[a * width + a] ? sqrt(s) : 0;
      else
        U[a * p + b] = U[a * p + a] > 0 ? s / U[a * p + a] : 0;
    }
}

int esp_least_squares_solve(const esp_comm *comm, esp_least_squares *fit) {
  const int p = fit->p, t = fit->t, width = p + t;
  double *U = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(U, p * p)));
  esp_exact_carry(&ESP_EXACT_FULL, fit->acc, (size_t)p * (size_t)width);
  ESP_TRY(comm->sum_i64(comm, fit->acc, (size_t)p * (size_t)width * ESP_EXACT_FULL_WORDS));
  for (int e = 0; e < p * width; e++)
    fit->sum[e] = esp_exact_value(&ESP_EXACT_FULL, fit->acc + (size_t)e * ESP_EXACT_FULL_WORDS);
  factor(fit, U);
  for (int c = 0; c < t; c++) {
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
done:
  ESP_FREE(U);
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

#include "base/principal_axes.h"

#include <math.h>

enum { SWEEPS = 30 };

/* One turn of Jacobi's method in the plane of axes p, q: A = V^T A V stays, V collects the turns. */
static void turn(int d, double *A, double *V, int p, int q) {
  if (A[p * d + q] == 0) return;
  const double theta = (A[q * d + q] - A[p * d + p]) / (2 * A[p * d + q]);
  const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
  for (int k = 0; k < d; k++) {
    const double x = A[k * d + p], y = A[k * d + q];
    A[k * d + p] = c * x - s * y;
    A[k * d + q] = s * x + c * y;
  }
  for (int k = 0; k < d; k++) {
    const double x = A[p * d + k], y = A[q * d + k], v = V[p * d + k], w = V[q * d + k];
    A[p * d + k] = c * x - s * y;
    A[q * d + k] = s * x + c * y;
    V[p * d + k] = c * v - s * w;
    V[q * d + k] = s * v + c * w;
  }
}

static void moments(int n, int stride, const double *row, int d, double *mean, double *A) {
  for (int i = 0; i < n; i++)
    for (int a = 0; a < d; a++) mean[a] += row[(size_t)i * (size_t)stride + (size_t)a] / n;
  for (int i = 0; i < n; i++) {
    const double *z = row + (size_t)i * (size_t)stride;
    for (int a = 0; a < d; a++)
      for (int b = 0; b < d; b++) A[a * d + b] += (z[a] - mean[a]) * (z[b] - mean[b]);
  }
}

/* The two largest on the diagonal. */
static void choose(int d, const double *A, int axis[2]) {
  for (int k = 0; k < 2 && d > 1; k++) {
    axis[k] = k ? axis[0] == 0 : 0;
    for (int a = 0; a < d; a++)
      if ((k == 0 || a != axis[0]) && A[a * d + a] > A[axis[k] * d + axis[k]]) axis[k] = a;
  }
}

static void project(int n, int stride, const double *row, int d, const double *mean, const double *v, double *out) {
  int largest = 0;
  for (int a = 1; a < d; a++)
    if (fabs(v[a]) > fabs(v[largest])) largest = a;
  for (int i = 0; i < n; i++) {
    double s = 0;
    for (int a = 0; a < d; a++) s += v[a] * (row[(size_t)i * (size_t)stride + (size_t)a] - mean[a]);
    out[2 * (size_t)i] = v[largest] < 0 ? -s : s;
  }
}

int esp_principal_axes(int n, int stride, const double *row, int dim, double *out) {
  const int d = dim;
  double *A = NULL, *V = NULL, *mean = NULL;
  int axis[2] = {0, 0}, rc;
  ESP_CHECK(d >= 1, ESP_ERR_ARG, "principal axes of rows of %d numbers", d);
  ESP_TRY(ESP_ALLOC(A, d * d));
  ESP_TRY(ESP_ALLOC(V, d * d));
  ESP_TRY(ESP_ALLOC(mean, d));
  moments(n, stride, row, d, mean, A);
  for (int a = 0; a < d; a++) V[a * d + a] = 1;
  for (int sweep = 0; sweep < SWEEPS; sweep++)
    for (int p = 0; p < d; p++)
      for (int q = p + 1; q < d; q++) turn(d, A, V, p, q);
  choose(d, A, axis);
  project(n, stride, row, d, mean, V + axis[0] * d, out);
  if (d > 1)
    project(n, stride, row, d, mean, V + axis[1] * d, out + 1);
  else
    for (int i = 0; i < n; i++) out[2 * (size_t)i + 1] = 0;
done:
  ESP_FREE(A);
  ESP_FREE(V);
  ESP_FREE(mean);
  return rc;
}

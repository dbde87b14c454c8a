#include "base/principal_axes.h"

#include <math.h>

#include "base/jacobi.h"

enum { SWEEPS = 30 };

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
  esp_jacobi(d, SWEEPS, A, V);
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

#include "base/jacobi.h"

#include <math.h>

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

void esp_jacobi(int d, int sweeps, double *A, double *V) {
  for (int a = 0; a < d; a++)
    for (int b = 0; b < d; b++) V[a * d + b] = a == b;
  for (int sweep = 0; sweep < sweeps; sweep++)
    for (int p = 0; p < d; p++)
      for (int q = p + 1; q < d; q++) turn(d, A, V, p, q);
}

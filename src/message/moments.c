#include "message/moments.h"

int esp_moments_count(int d, int order) {
  int count = 1;
  for (int k = 1; k <= order; k++) count = count * (d + k) / k;
  return count;
}

/* Places: of y_a; of y_a y_b, a <= b; where degree 3 begins. */
static inline int one(int a) {
  return 1 + a;
}
static inline int two(int d, int a, int b) {
  return 1 + d + a * d - a * (a - 1) / 2 + b - a;
}
static inline int three(int d) {
  return 1 + d + d * (d + 1) / 2;
}

void esp_moments_add(int d, int order, double v, const double *y, double *V) {
  double *second = V + 1 + d, *third = V + three(d);
  V[0] += v;
  for (int a = 0; a < d && order >= 1; a++) {
    const double va = v * y[a];
    V[one(a)] += va;
    for (int b = a; b < d && order >= 2; b++) {
      const double vab = va * y[b];
      *second++ += vab;
      for (int c = b; c < d && order >= 3; c++) *third++ += vab * y[c];
    }
  }
}

void esp_moments_shift(int d, int order, const double *e, const double *V, double *to) {
  double *second = to + 1 + d, *third = to + three(d);
  const double *from = V + three(d);
  to[0] += V[0];
  for (int a = 0; a < d && order >= 1; a++) {
    to[one(a)] += V[one(a)] + e[a] * V[0];
    for (int b = a; b < d && order >= 2; b++) {
      *second++ += V[two(d, a, b)] + e[a] * V[one(b)] + e[b] * (V[one(a)] + e[a] * V[0]);
      for (int c = b; c < d && order >= 3; c++)
        *third++ += *from++ + e[a] * V[two(d, b, c)] + e[b] * (V[two(d, a, c)] + e[a] * V[one(c)]) +
                    e[c] * (V[two(d, a, b)] + e[a] * V[one(b)] + e[b] * (V[one(a)] + e[a] * V[0]));
    }
  }
}

void esp_moments_shift_back(int d, int order, const double *e, const double *dto, double *dV) {
  const double *second = dto + 1 + d, *third = dto + three(d);
  double *from = dV + three(d);
  dV[0] += dto[0];
  for (int a = 0; a < d && order >= 1; a++) {
    dV[one(a)] += dto[one(a)];
    dV[0] += e[a] * dto[one(a)];
    for (int b = a; b < d && order >= 2; b++) {
      const double g = *second++;
      dV[two(d, a, b)] += g;
      dV[one(b)] += e[a] * g;
      dV[one(a)] += e[b] * g;
      dV[0] += e[a] * e[b] * g;
      for (int c = b; c < d && order >= 3; c++) {
        const double h = *third++;
        *from++ += h;
        dV[two(d, b, c)] += e[a] * h;
        dV[two(d, a, c)] += e[b] * h;
        dV[two(d, a, b)] += e[c] * h;
        dV[one(c)] += e[a] * e[b] * h;
        dV[one(b)] += e[a] * e[c] * h;
        dV[one(a)] += e[b] * e[c] * h;
        dV[0] += e[a] * e[b] * e[c] * h;
      }
    }
  }
}

double esp_moments_value(int d, int order, const double *q, double v, const double *y, double *slope) {
  const double *second = q + 1 + d, *third = q + three(d);
  double value = q[0];
  for (int a = 0; a < d && order >= 1; a++) {
    value += q[one(a)] * y[a];
    slope[a] += v * q[one(a)];
    for (int b = a; b < d && order >= 2; b++) {
      const double g = *second++;
      value += g * y[a] * y[b];
      slope[a] += v * g * y[b];
      slope[b] += v * g * y[a];
      for (int c = b; c < d && order >= 3; c++) {
        const double h = *third++;
        value += h * y[a] * y[b] * y[c];
        slope[a] += v * h * y[b] * y[c];
        slope[b] += v * h * y[a] * y[c];
        slope[c] += v * h * y[a] * y[b];
      }
    }
  }
  return value;
}

void esp_moments_slope(int d, int order, const double *q, const double *V, double *sum) {
  const double *second = q + 1 + d, *third = q + three(d);
  for (int a = 0; a < d && order >= 1; a++) {
    sum[a] += q[one(a)] * V[0];
    for (int b = a; b < d && order >= 2; b++) {
      const double g = *second++;
      sum[a] += g * V[one(b)];
      sum[b] += g * V[one(a)];
      for (int c = b; c < d && order >= 3; c++) {
        const double h = *third++;
        sum[a] += h * V[two(d, b, c)];
        sum[b] += h * V[two(d, a, c)];
        sum[c] += h * V[two(d, a, b)];
      }
    }
  }
}

/* 1 / (how often each letter stands in a monomial)!: of a b, of a b c. */
static inline double share2(int a, int b) {
  return a == b ? 0.5 : 1;
}
static inline double share3(int a, int b, int c) {
  return a == b && b == c ? 1.0 / 6 : a == b || b == c ? 0.5 : 1;
}

void esp_moments_hermite(int d, int order, const double *V, double *P) {
  const double *second = V + 1 + d, *third = V + three(d);
  double *to2 = P + 1 + d, *to3 = P + three(d);
  P[0] = V[0];
  for (int a = 0; a < d && order >= 1; a++) P[one(a)] = V[one(a)];
  for (int a = 0; a < d && order >= 2; a++)
    for (int b = a; b < d; b++) {
      *to2++ = share2(a, b) * *second;
      if (a == b) P[0] -= 0.5 * *second;
      second++;
      for (int c = b; c < d && order >= 3; c++) {
        const double v = *third++;
        *to3++ = share3(a, b, c) * v;
        if (a == b) P[one(c)] -= 0.5 * v;
        if (b == c && a != b) P[one(a)] -= 0.5 * v;
      }
    }
}

void esp_moments_hermite_back(int d, int order, const double *dP, double *dV) {
  const double *second = dP + 1 + d, *third = dP + three(d);
  double *to2 = dV + 1 + d, *to3 = dV + three(d);
  dV[0] = dP[0];
  for (int a = 0; a < d && order >= 1; a++) dV[one(a)] = dP[one(a)];
  for (int a = 0; a < d && order >= 2; a++)
    for (int b = a; b < d; b++) {
      *to2++ = share2(a, b) * *second++ - (a == b ? 0.5 * dP[0] : 0);
      for (int c = b; c < d && order >= 3; c++)
        *to3++ =
            share3(a, b, c) * *third++ - (a == b ? 0.5 * dP[one(c)] : 0) - (b == c && a != b ? 0.5 * dP[one(a)] : 0);
    }
}

double esp_moments_trace(int d, const double *V) {
  double sum = 0;
  for (int a = 0; a < d; a++) sum += V[two(d, a, a)];
  return sum;
}

double esp_moments_along(int d, const double *V, const double *u) {
  const double *second = V + 1 + d;
  double sum = 0;
  for (int a = 0; a < d; a++) {
    sum += *second++ * u[a] * u[a];
    for (int b = a + 1; b < d; b++) sum += 2 * *second++ * u[a] * u[b];
  }
  return sum;
}

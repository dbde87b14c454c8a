/* What senders add to cells, and the way back: rows as net/gate.h orders them. */
#include "net/gate.h"

void esp_gate_moments(const esp_gate_form *form, const double *source, double *row) {
  const int d = form->dim, C = form->channels;
  const double *key = source, *value = source + d;
  if (esp_gate_poles(form)) {
    for (int c = 0; c < C; c++) {
      double *pole = row + (2 * c + (value[c] < 0)) * (1 + d);
      const double weight = value[c] < 0 ? -value[c] : value[c];
      pole[0] += weight;
      for (int a = 0; a < d; a++) pole[1 + a] += weight * key[a];
    }
    row += 2 * C * (1 + d);
  } else {
    for (int c = 0; c < C; c++) row[c] += value[c];
    row += C;
  }
  row[0] += 1;
  for (int a = 0; a < d; a++) row[1 + a] += key[a];
}

/* (weight, weight K) from derivatives by weight at fixed K, and by K. */
static void pole_adjoint(int d, const double *sums, double *adjoint) {
  if (!(sums[0] > 0)) {
    for (int a = 0; a <= d; a++) adjoint[a] = 0;
    return;
  }
  for (int a = 1; a <= d; a++) {
    adjoint[a] /= sums[0];
    adjoint[0] -= adjoint[a] * (sums[a] / sums[0]);
  }
}

void esp_gate_cell_adjoint(const esp_gate_form *form, const double *cell, double *adjoint) {
  const int d = form->dim, C = form->channels, tail = esp_gate_cell_width(form) - 1 - d;
  const double count = cell[tail];
  if (esp_gate_poles(form)) {
    for (int p = 0; p < 2 * C; p++) pole_adjoint(d, cell + p * (1 + d), adjoint + p * (1 + d));
  } else if (form->mlp) {
    for (int c = 0; c < C; c++) adjoint[c] = count > 0 ? adjoint[c] / count : 0;
  }
  /* how many members there are is nobody's variable */
  adjoint[tail] = 0;
  for (int a = 1; a <= d; a++) adjoint[tail + a] = count > 0 ? adjoint[tail + a] / count : 0;
}

/* dLoss/d|v| of a member of the pole, and its key's share. */
static double pole_pull(int d, const double *key, double weight, const double *adjoint, double *dkey) {
  double dweight = adjoint[0];
  for (int a = 0; a < d; a++) {
    dweight += adjoint[1 + a] * key[a];
    dkey[a] += adjoint[1 + a] * weight;
  }
  return dweight;
}

void esp_gate_moments_pull(const esp_gate_form *form, const double *source, const double *adjoint, double *dsource) {
  const int d = form->dim, C = form->channels;
  const double *key = source, *value = source + d;
  double *dkey = dsource, *dvalue = dsource + d;
  if (esp_gate_poles(form)) {
    for (int c = 0; c < C; c++) {
      const double *plus = adjoint + 2 * c * (1 + d), *minus = plus + 1 + d, v = value[c];
      /* a value of 0 is about to be in either pole: the mean of the two one-sided derivatives */
      const double share = v != 0 ? 1 : 0.5;
      if (v >= 0) dvalue[c] += share * pole_pull(d, key, v, plus, dkey);
      if (v <= 0) dvalue[c] -= share * pole_pull(d, key, -v, minus, dkey);
    }
    adjoint += 2 * C * (1 + d);
  } else {
    for (int c = 0; c < C; c++) dvalue[c] += adjoint[c];
    adjoint += C;
  }
  for (int a = 0; a < d; a++) dkey[a] += adjoint[1 + a];
}

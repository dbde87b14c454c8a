/* A particle and itself under the gate (message/gate.h), in float64: how far its query lies from its key, and what that and the
 * message's slopes move. */
#ifndef ESP_PAIRS_OWN_H
#define ESP_PAIRS_OWN_H

#include "base/functions.h"

/* Its rows: q, then u; k, then v or w. */
typedef struct {
  const double *q, *k;
  double rho, G;
} esp_gate_self;

/* s, of the message's ln s. */
ESP_INLINE double esp_gate_self_scale(double ln_s) {
  return esp_exp64(ln_s);
}

ESP_INLINE esp_gate_self esp_gate_self_of(int dim, double scale, const double *query, const double *source) {
  esp_gate_self p = {query, source, 0, 0};
  double square = 0;
  for (int a = 0; a < dim; a++) square += (p.q[a] - p.k[a]) * (p.q[a] - p.k[a]);
  p.rho = square > 0 ? square / (2 * scale * scale) : 0;
  p.G = esp_exp64(-p.rho);
  return p;
}

/* dquery, dsource: moved by drho = dLoss/drho of the term as if it were added; returns its dLoss/dln s. */
ESP_INLINE double esp_gate_self_move(int dim, const esp_gate_self *p, double scale, double drho, double *dquery,
                                     double *dsource) {
  for (int a = 0; a < dim; a++) {
    const double r = p->q[a] - p->k[a], pull = r != 0 ? drho * r / (scale * scale) : 0;
    dquery[a] -= pull;
    dsource[a] += pull;
  }
  return 2 * p->rho * drho;
}

/* Of the learned message, a channel whose place in both rows is `at`; w3: its two weights. What silu is taken of. */
ESP_INLINE double esp_gate_self_input(const esp_gate_self *p, int at, const double *w3) {
  return p->q[at] + p->k[at] + w3[0] * p->rho + w3[1] * p->G;
}

/* Of that input t and of a = dLoss/dsum: returns dLoss/dt; sets what is to be added to dLoss/dG and to dLoss/drho. */
ESP_INLINE double esp_gate_self_slope(const esp_gate_self *p, double t, const double *w3, double a, double *dG,
                                      double *drho) {
  const double s = 1 / (1 + esp_exp64(-t));
  const double dt = p->G * a * (s * (1 + t * (1 - s)));
  *dG = a * (t * s) + dt * w3[1];
  *drho = dt * w3[0];
  return dt;
}

#endif

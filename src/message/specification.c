#include "message/specification.h"

#include <math.h>

#include "message/gate.h"
#include "message/law.h"

/* One pair: from the sender's row s to the receiver's row q. sum += what is heard; and, unless dsum is NULL, the adjoint of
 * that: dq, ds, dparam +=. */
typedef struct {
  const esp_form *f;
  const double *param, *q, *s, *dsum;
  double *sum, *dq, *ds, *dparam;
} pair;

static double silu(double t) {
  return t / (1 + exp(-t));
}

static double silu_slope(double t) {
  const double s = 1 / (1 + exp(-t));
  return s * (1 + t * (1 - s));
}

/* ---- bodies ---- */

/* A += weight r, where dweight/dr = slope r. */
static void pull_along(const pair *p, const double *r, double weight, double slope) {
  double along = 0;
  for (int a = 0; a < 3; a++) p->sum[a] += weight * r[a];
  if (!p->dsum) return;
  for (int a = 0; a < 3; a++) along += p->dsum[a] * r[a];
  for (int a = 0; a < 3; a++) {
    const double dr = weight * p->dsum[a] + along * slope * r[a];
    p->dq[a] -= dr;
    p->ds[a] += dr;
  }
}

/* r = y_j - y_i in its minimum image; returns r^2. */
static double body_vector(const pair *p, double r[3]) {
  double r2 = 0;
  for (int a = 0; a < 3; a++) {
    const double period = p->f->period[a];
    r[a] = p->s[a] - p->q[a];
    if (period > 0) r[a] -= period * rint(r[a] / period);
    r2 += r[a] * r[a];
  }
  return r2;
}

/* mu_j q^(-3/2) r, q = r^2 + eps^2. */
static void newton(const pair *p) {
  double r[3];
  const double q = body_vector(p, r) + p->f->softening * p->f->softening, mu = p->s[ESP_BODY_MASS];
  if (q > 0) pull_along(p, r, mu / (q * sqrt(q)), -3 * mu / (q * q * sqrt(q)));
}

/* w phi r, phi = gain V . silu(W1 [1; s_i] + W2 s_j + W3 e(Q)), Q = r^2 + delta^2; w, dw/dr = dw r. */
static void learned(const pair *p, const double *r, double r2, double gain, double w, double dw) {
  const int H = p->f->channels;
  const double s_i = p->q[ESP_BODY_MASS] / p->f->mean, s_j = p->s[ESP_BODY_MASS] / p->f->mean;
  const double *W1 = p->param, *W2 = W1 + 2 * H, *W3 = W2 + H, *V = W3 + ESP_LAW_EDGE * H;
  const double Q = r2 + 1e-4, root = sqrt(Q), e[ESP_LAW_EDGE] = {log(Q), root, 1 / (1 + Q)};
  const double de[ESP_LAW_EDGE] = {2 / Q, 1 / root, -2 / ((1 + Q) * (1 + Q))}; /* de/dr = de r */
  double phi = 0, dphi = 0, along = 0;
  for (int a = 0; a < 3 && p->dsum; a++) along += p->dsum[a] * r[a];
  for (int h = 0; h < H; h++) {
    double t = W1[2 * h] + W1[2 * h + 1] * s_i + W2[h] * s_j, dt = 0;
    for (int k = 0; k < ESP_LAW_EDGE; k++) t += W3[ESP_LAW_EDGE * h + k] * e[k];
    for (int k = 0; k < ESP_LAW_EDGE; k++) dt += W3[ESP_LAW_EDGE * h + k] * de[k];
    phi += gain * V[h] * silu(t);
    dphi += gain * V[h] * silu_slope(t) * dt;
    if (!p->dsum) continue;
    double *d1 = p->dparam, *d2 = d1 + 2 * H, *d3 = d2 + H, *dV = d3 + ESP_LAW_EDGE * H;
    const double slope = w * along * gain * V[h] * silu_slope(t);
    d1[2 * h] += slope;
    d1[2 * h + 1] += slope * s_i;
    d2[h] += slope * s_j;
    for (int k = 0; k < ESP_LAW_EDGE; k++) d3[ESP_LAW_EDGE * h + k] += slope * e[k];
    dV[h] += w * along * gain * silu(t);
  }
  pull_along(p, r, w * phi, dw * phi + w * dphi);
}

static void correction(const pair *p) {
  double r[3];
  const double r2 = body_vector(p, r), q = r2 + p->f->softening * p->f->softening, mu = p->s[ESP_BODY_MASS];
  if (q > 0) learned(p, r, r2, 1, mu / (q * sqrt(q)), -3 * mu / (q * q * sqrt(q)));
}

static void newton_mlp(const pair *p) {
  newton(p);
  correction(p);
}

static void law(const pair *p) {
  double r[3];
  const double r2 = body_vector(p, r), Q = r2 + 1e-4, mu = p->s[ESP_BODY_MASS];
  learned(p, r, r2, ESP_LAW_GAIN, mu / sqrt(Q), -mu / (Q * sqrt(Q)));
}

/* ---- gates ---- */

/* rho = |q - k|^2 / 2 s^2. */
static double gate_rho(const pair *p) {
  double r2 = 0;
  for (int a = 0; a < p->f->dim; a++) r2 += (p->q[a] - p->s[a]) * (p->q[a] - p->s[a]);
  return r2 / (2 * exp(2 * p->param[0]));
}

static void gate_move(const pair *p, double rho, double drho) {
  for (int a = 0; a < p->f->dim; a++) {
    const double pull = drho * (p->q[a] - p->s[a]) / exp(2 * p->param[0]);
    p->dq[a] += pull;
    p->ds[a] -= pull;
  }
  p->dparam[0] -= 2 * rho * drho;
}

/* num += G v, den += G, G = exp(-rho). */
static void gate(const pair *p) {
  const int d = p->f->dim, C = p->f->channels;
  const double rho = gate_rho(p), G = exp(-rho), *v = p->s + d;
  for (int c = 0; c < C; c++) p->sum[c] += G * v[c];
  if (p->f->den) p->sum[C] += G;
  if (!p->dsum) return;
  double dG = p->f->den ? p->dsum[C] : 0;
  for (int c = 0; c < C; c++) dG += p->dsum[c] * v[c];
  for (int c = 0; c < C; c++) p->ds[d + c] += p->dsum[c] * G;
  gate_move(p, rho, -G * dG);
}

/* num += G silu(t), t = u + w + W3 [rho; G]. */
static void gate_mlp(const pair *p) {
  const int d = p->f->dim, C = p->f->channels;
  const double rho = gate_rho(p), G = exp(-rho), *W3 = p->param + 1;
  double dG = p->f->den && p->dsum ? p->dsum[C] : 0, drho = 0;
  if (p->f->den) p->sum[C] += G;
  for (int c = 0; c < C; c++) {
    const double *w = W3 + ESP_GATE_EDGE * c, t = p->q[d + c] + p->s[d + c] + w[0] * rho + w[1] * G;
    p->sum[c] += G * silu(t);
    if (!p->dsum) continue;
    const double dt = G * p->dsum[c] * silu_slope(t);
    dG += p->dsum[c] * silu(t) + dt * w[1];
    drho += dt * w[0];
    p->dq[d + c] += dt;
    p->ds[d + c] += dt;
    p->dparam[1 + ESP_GATE_EDGE * c] += dt * rho;
    p->dparam[2 + ESP_GATE_EDGE * c] += dt * G;
  }
  if (p->dsum) gate_move(p, rho, drho - G * dG);
}

/* ---- all pairs ---- */

static void all_pairs(const pair *p, int same, int receivers, int senders) {
  static const struct {
    const esp_message *message;
    void (*say)(const pair *p);
  } table[] = {{&esp_message_newton, newton},
               {&esp_message_newton_mlp, newton_mlp},
               {&esp_message_correction, correction},
               {&esp_message_law, law},
               {&esp_message_gate, gate},
               {&esp_message_gate_mlp, gate_mlp}};
  const esp_widths w = esp_form_widths(p->f);
  const int query = w.query ? w.query : w.source, dquery = w.query ? w.dquery : w.dsource;
  size_t m = 0;
  while (table[m].message != p->f->message) m++;
  for (int i = 0; i < receivers; i++)
    for (int j = 0; j < senders; j++) {
      double unheard[1 + ESP_GATE_MAX_CHANNELS] = {0};
      pair one = {.f = p->f, .param = p->param, .q = p->q + i * query, .s = p->s + j * w.source, .dparam = p->dparam};
      one.sum = p->sum ? p->sum + i * w.sum : unheard;
      if (p->dsum) one.dsum = p->dsum + i * w.sum, one.dq = p->dq + i * dquery, one.ds = p->ds + j * w.dsource;
      if (!same || i != j || p->f->message->own) table[m].say(&one);
    }
}

void esp_specification_forward(const esp_form *f, const double *param, int same, int receivers, const double *query,
                               int senders, const double *source, double *sum) {
  const pair p = {.f = f, .param = param, .q = query, .s = source, .sum = sum};
  for (int k = 0; k < receivers * esp_form_widths(f).sum; k++) sum[k] = 0;
  all_pairs(&p, same, receivers, senders);
}

void esp_specification_backward(const esp_form *f, const double *param, int same, int receivers, const double *query,
                                int senders, const double *source, const double *dsum, double *dquery, double *dsource,
                                double *dparam) {
  const pair p = {f, param, query, source, dsum, NULL, dquery, dsource, dparam};
  all_pairs(&p, same, receivers, senders);
}

/* ---- cells ---- */

/* S[2 + p] = sum of T_n up to n = p; S[0] = S[1] = 0; a, b as in the header. */
typedef struct {
  double G, u[ESP_MAX_DIM], t[ESP_MAX_DIM], u2, a, b, S[3 + ESP_MOMENTS_ORDER];
} series;

static void mean_key(const esp_form *f, int members, const double *source, double *K) {
  const int width = f->dim + f->channels;
  for (int x = 0; x < f->dim; x++) K[x] = 0;
  for (int j = 0; j < members; j++)
    for (int x = 0; x < f->dim; x++) K[x] += source[j * width + x] / members;
}

static series series_of(const esp_form *f, double s, const double *q, const double *k, const double *K) {
  series one = {0};
  double T[2] = {0, 1}; /* T_{n-1}, T_n */
  for (int x = 0; x < f->dim; x++) {
    one.u[x] = (q[x] - K[x]) / s, one.t[x] = (k[x] - K[x]) / s;
    one.u2 += one.u[x] * one.u[x], one.a += one.u[x] * one.t[x], one.b += one.t[x] * one.t[x];
  }
  one.G = exp(-one.u2 / 2);
  one.S[2] = 1;
  for (int n = 1; n <= f->order; n++) {
    const double next = (one.a * T[1] - one.b * T[0]) / n;
    T[0] = T[1], T[1] = next;
    one.S[2 + n] = one.S[1 + n] + next;
  }
  return one;
}

void esp_specification_cell(const esp_form *f, const double *param, int receivers, const double *query, int members,
                            const double *source, double *sum) {
  const int d = f->dim, C = f->channels, W = C + (f->den ? 1 : 0);
  double K[ESP_MAX_DIM];
  mean_key(f, members, source, K);
  for (int i = 0; i < receivers; i++)
    for (int j = 0; j < members; j++) {
      const double *k = source + j * (d + C);
      const series e = series_of(f, exp(param[0]), query + i * d, k, K);
      for (int c = 0; c < W; c++) sum[i * W + c] += (c < C ? k[d + c] : 1) * e.G * e.S[2 + f->order];
    }
}

/* dS_p/da = S_{p-1}, dS_p/db = -S_{p-2} / 2. */
void esp_specification_cell_back(const esp_form *f, const double *param, int receivers, const double *query,
                                 int members, const double *source, const double *dsum, double *dquery, double *dsource,
                                 double *dparam) {
  const int d = f->dim, C = f->channels, W = C + (f->den ? 1 : 0), p = 2 + f->order;
  const double s = exp(param[0]);
  double K[ESP_MAX_DIM];
  mean_key(f, members, source, K);
  for (int i = 0; i < receivers; i++)
    for (int j = 0; j < members; j++) {
      const double *k = source + j * (d + C), *g = dsum + i * W;
      const series e = series_of(f, s, query + i * d, k, K);
      double P = f->den ? e.G * g[C] : 0; /* G dLoss/dG of the member */
      for (int c = 0; c < C; c++) P += e.G * g[c] * k[d + c], dsource[j * (d + C) + d + c] += e.G * g[c] * e.S[p];
      for (int x = 0; x < d; x++) {
        const double du = P * (e.S[p - 1] * e.t[x] - e.S[p] * e.u[x]) / s;
        const double dt = P * (e.S[p - 1] * e.u[x] - e.S[p - 2] * e.t[x]) / s;
        dquery[i * d + x] += du;
        dsource[j * (d + C) + x] += dt;
        for (int m = 0; m < members; m++) dsource[m * (d + C) + x] -= (du + dt) / members;
      }
      dparam[0] += P * (e.u2 * e.S[p] - 2 * e.a * e.S[p - 1] + e.b * e.S[p - 2]);
    }
}

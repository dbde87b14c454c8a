#include "net/relation_self.h"

#include <math.h>

#include "base/feature_set.h"

enum { MOST_PARAM = 1 + ESP_GATE_EDGE * ESP_GATE_MAX_CHANNELS };

/* One particle: its rows, and how far its query lies from its key. */
typedef struct {
  const double *q, *k, *v, *u; /* q NULL: k */
  double rho, G;
} self;

static self self_of(const esp_gate_form *f, double scale, const esp_self_rows *rows, int i) {
  const size_t d = (size_t)i * (size_t)f->dim, c = (size_t)i * (size_t)f->channels;
  self p = {.q = rows->query ? rows->query + d : NULL,
            .k = rows->key + d,
            .v = rows->value + c,
            .u = f->mlp ? rows->offset + c : NULL,
            .rho = 0,
            .G = 1};
  if (!p.q) return p;
  double square = 0;
  for (int a = 0; a < f->dim; a++) square += (p.q[a] - p.k[a]) * (p.q[a] - p.k[a]);
  p.rho = square / (2 * scale * scale);
  p.G = exp(-p.rho);
  return p;
}

static double before_silu(const self *p, const double *W3, int c) {
  return p->u[c] + p->v[c] + W3[ESP_GATE_EDGE * c] * p->rho + W3[ESP_GATE_EDGE * c + 1] * p->G;
}

void esp_relation_self_forward(const esp_gate_form *form, const double *param, int n, const esp_self_rows *rows,
                               double *sum) {
  const double scale = exp(param[0]), *W3 = param + 1;
  for (int i = 0; i < n; i++) {
    const self p = self_of(form, scale, rows, i);
    double *to = sum + (size_t)i * (size_t)esp_gate_sum_width(form);
    for (int c = 0; c < form->channels; c++) {
      const double t = form->mlp ? before_silu(&p, W3, c) : 0;
      to[c] -= p.G * (form->mlp ? t / (1 + exp(-t)) : p.v[c]);
    }
    if (form->average) to[form->channels] -= p.G;
  }
}

/* Here and below: dG, drho += dLoss/dG, dLoss/drho of the term as if it were added; the others are taken from. */
static void gate_slope(const esp_gate_form *f, const self *p, const double *a, double *dv, double *dG) {
  for (int c = 0; c < f->channels; c++) {
    *dG += a[c] * p->v[c];
    dv[c] -= p->G * a[c];
  }
}

static void mlp_slope(const esp_gate_form *f, const self *p, const double *W3, const double *a, double *dw, double *du,
                      double *dW3, double *dG, double *drho) {
  for (int c = 0; c < f->channels; c++) {
    const double t = before_silu(p, W3, c), s = 1 / (1 + exp(-t));
    const double dt = p->G * a[c] * (s * (1 + t * (1 - s)));
    *dG += a[c] * (t * s) + dt * W3[ESP_GATE_EDGE * c + 1];
    *drho += dt * W3[ESP_GATE_EDGE * c];
    dw[c] -= dt;
    du[c] -= dt;
    dW3[ESP_GATE_EDGE * c] -= dt * p->rho;
    dW3[ESP_GATE_EDGE * c + 1] -= dt * p->G;
  }
}

void esp_relation_self_backward(const esp_gate_form *form, const double *param, int n, const esp_self_rows *rows,
                                const double *gradient, double *dkey, double *dquery, double *dvalue, double *doffset,
                                int64_t *param_acc) {
  const double scale = exp(param[0]), s2 = scale * scale;
  const size_t dim = (size_t)form->dim, channels = (size_t)form->channels;
  const int count = esp_gate_param_count(form);
  for (int begin = 0; begin < n; begin += ESP_FEATURE_GROUP) {
    double dparam[MOST_PARAM] = {0};
    for (int i = begin; i < n && i < begin + ESP_FEATURE_GROUP; i++) {
      const self p = self_of(form, scale, rows, i);
      const double *a = gradient + (size_t)i * (size_t)esp_gate_sum_width(form);
      const size_t d = (size_t)i * dim, c = (size_t)i * channels;
      double dG = form->average ? a[form->channels] : 0, drho = 0;
      if (form->mlp)
        mlp_slope(form, &p, param + 1, a, dvalue + c, doffset + c, dparam + 1, &dG, &drho);
      else
        gate_slope(form, &p, a, dvalue + c, &dG);
      drho -= p.G * dG;
      dparam[0] += 2 * p.rho * drho;
      for (size_t x = 0; x < dim && p.q; x++) {
        const double pull = drho * (p.q[x] - p.k[x]) / s2;
        dquery[d + x] -= pull;
        dkey[d + x] += pull;
      }
    }
    for (int k = 0; k < count; k++)
      esp_exact_add(&ESP_EXACT_FULL, param_acc + (size_t)k * ESP_EXACT_FULL_WORDS, dparam[k]);
  }
}

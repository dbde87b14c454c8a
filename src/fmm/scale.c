#include "fmm/scale.h"

#include <math.h>

static int check(const esp_fmm_param *p, const esp_fmm_bodies *b) {
  ESP_CHECK(p->order >= ESP_FMM_ORDER_MIN && p->order <= ESP_FMM_ORDER_MAX, ESP_ERR_ARG,
            "order of expansions %d; %d to %d are allowed", p->order, ESP_FMM_ORDER_MIN, ESP_FMM_ORDER_MAX);
  ESP_CHECK(p->tolerance > 0 && p->tolerance < INFINITY, ESP_ERR_ARG, "tolerance %g; it must be finite and > 0",
            p->tolerance);
  ESP_CHECK(p->softening >= 0 && p->softening < INFINITY, ESP_ERR_ARG, "softening %g; it must be finite and >= 0",
            p->softening);
  ESP_CHECK(b->n >= 0, ESP_ERR_ARG, "%d bodies", b->n);
  for (int i = 0; i < b->n; i++) {
    const double *x = b->position[i], m = b->mass[i];
    ESP_CHECK(isfinite(x[0]) && isfinite(x[1]) && isfinite(x[2]), ESP_ERR_VALUE,
              "body %d: position (%g, %g, %g); it must be finite", i, x[0], x[1], x[2]);
    ESP_CHECK(m >= 0 && m < INFINITY, ESP_ERR_VALUE, "body %d: mass %g; it must be finite and >= 0", i, m);
    ESP_CHECK(!b->previous || (b->previous[i] >= 0 && b->previous[i] < INFINITY), ESP_ERR_VALUE,
              "body %d: |a| of before %g; it must be finite and >= 0", i, b->previous[i]);
  }
  return ESP_OK;
}

/* e such that x 2^-e lies in [1/2, 1). */
static int exponent(double x) {
  int e = 0;
  if (x > 0) frexp(x, &e);
  return e;
}

int esp_fmm_scale_make(const esp_fmm_param *param, const esp_fmm_bodies *b, esp_fmm_scale *scale) {
  ESP_CALL(check(param, b));
  double longest = 0, mass = 0;
  for (int a = 0; a < 3; a++) {
    double lo = INFINITY, hi = -INFINITY;
    for (int i = 0; i < b->n; i++) {
      lo = fmin(lo, b->position[i][a]);
      hi = fmax(hi, b->position[i][a]);
    }
    if (b->n) longest = fmax(longest, hi - lo);
  }
  ESP_CHECK(longest < INFINITY, ESP_ERR_VALUE, "bodies farther apart than a number can tell");
  for (int i = 0; i < b->n; i++) mass = fmax(mass, b->mass[i]);
  mass *= b->n;
  ESP_CHECK(mass < INFINITY, ESP_ERR_VALUE, "masses whose sum no number can tell");
  *scale = (esp_fmm_scale){.length = exponent(longest), .mass = exponent(mass)};
  scale->softening = ldexp(param->softening, -scale->length);
  return ESP_OK;
}

int esp_fmm_scale_admit(const esp_fmm_scale *s, double radius, int body) {
  ESP_CHECK(radius == 0 || radius >= 0x1p-80, ESP_ERR_VALUE,
            "body %d: those next to it are within %g of it, less than 2^-80 of the extent of all; bodies may be at one "
            "place, "
            "or farther apart",
            body, 2 * ldexp(radius, s->length));
  return ESP_OK;
}

void esp_fmm_scale_factor(int exponent, double factor[2]) {
  factor[0] = ldexp(1, -exponent / 2);
  factor[1] = ldexp(1, -exponent + exponent / 2);
}

double esp_fmm_scale_acceleration(const esp_fmm_scale *s) {
  return ldexp(1, s->mass - 2 * s->length);
}

double esp_fmm_scale_potential(const esp_fmm_scale *s) {
  return ldexp(1, s->mass - s->length);
}

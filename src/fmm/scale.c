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

/* fmax, which is a call, of numbers alone. */
static double greater(double x, double y) {
  return x > y ? x : y;
}

/* e such that x 2^-e lies in [1/2, 1). */
static int exponent(double x) {
  int e = 0;
  if (x > 0) frexp(x, &e);
  return e;
}

int esp_fmm_scale_make(const esp_comm *comm, const esp_fmm_param *param, const esp_fmm_bodies *b,
                       esp_fmm_scale *scale) {
  enum { HIGH, LOW = 3, MASS = 6, ALL };
  double most[ALL] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, -INFINITY, 0}, longest = 0;
  ESP_AGREE(comm, check(param, b));
  int64_t n = b->n;
  for (int i = 0; i < b->n; i++) {
    for (int a = 0; a < 3; a++) {
      most[HIGH + a] = greater(most[HIGH + a], b->position[i][a]);
      most[LOW + a] = greater(most[LOW + a], -b->position[i][a]);
    }
    most[MASS] = greater(most[MASS], b->mass[i]);
  }
  ESP_CALL(comm->max_f64(comm, most, ALL));
  ESP_CALL(comm->sum_i64(comm, &n, 1));
  for (int a = 0; a < 3 && n; a++) longest = fmax(longest, most[HIGH + a] + most[LOW + a]);
  ESP_CHECK(longest < INFINITY, ESP_ERR_VALUE, "bodies farther apart than a number can tell");
  const double mass = most[MASS] * (double)n;
  ESP_CHECK(mass < INFINITY, ESP_ERR_VALUE, "masses whose sum no number can tell");
  *scale = (esp_fmm_scale){.length = exponent(longest), .mass = exponent(mass), .n = n};
  scale->softening = ldexp(param->softening, -scale->length);
  return ESP_OK;
}

int esp_fmm_scale_admit(const esp_fmm_scale *s, double radius, const double *at) {
  ESP_CHECK(
      radius == 0 || radius >= 0x1p-80, ESP_ERR_VALUE,
      "bodies at (%g, %g, %g) are within %g of each other, less than 2^-80 of the extent of all; bodies may be at "
      "one place, or farther apart",
      at[0], at[1], at[2], 2 * ldexp(radius, s->length));
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

/* Proves that no far cell errs more than its bound says, whatever its members, receiver and order, and that the bound is
 * not idle: some come near to it, also of small cells. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "cloud.h"
#include "message/gate_bound.h"
#include "message/moments.h"

enum { MEMBERS = 12, MOST = 8, RECEIVERS = 40, CELLS = 60 };

static double normal(uint64_t k) {
  return sqrt(-2 * log(1e-300 + cloud_uniform(2 * k))) * cos(6.283185307179586 * cloud_uniform(2 * k + 1));
}

typedef struct {
  int d, members;
  double t[MEMBERS][MOST], v[MEMBERS], tau, Q0, X[MOST][MOST], trX;
} cell;

/* One member, members on a line, or any; tau from 0.003 to 10. Members before the cell's last two places are nearer. */
static cell make(int d, int which) {
  cell c = {.d = d, .members = 1 + which % MEMBERS};
  const double size = 0.003 * pow(3300, cloud_uniform((uint64_t)which + 77));
  for (int j = 0; j < c.members; j++) {
    double h = 0;
    c.v[j] = normal((uint64_t)(which * 100 + j));
    for (int a = 0; a < d; a++) {
      const int line = which % 3 == 1;
      c.t[j][a] = line ? (j % 2 ? 1 : -0.7) * normal((uint64_t)(which + a) * 31)
                       : normal((uint64_t)(which * 1000 + j * 10 + a));
      h += c.t[j][a] * c.t[j][a];
    }
    h = sqrt(h) / (size * (j < c.members - 2 ? cloud_uniform((uint64_t)j + 5) : 1));
    for (int a = 0; a < d; a++) c.t[j][a] /= h;
    c.Q0 += c.v[j] * c.v[j];
    for (int a = 0; a < d; a++)
      for (int b = 0; b < d; b++) c.X[a][b] += c.v[j] * c.v[j] * c.t[j][a] * c.t[j][b];
  }
  for (int a = 0; a < d; a++) c.trX += c.X[a][a];
  c.tau = size * (1 + 1e-12);
  return c;
}

/* Sum of squares of the remainders, as they are defined. */
static double direct(const cell *c, int order, const double *u) {
  double sum = 0, square = 0;
  for (int a = 0; a < c->d; a++) square += u[a] * u[a];
  for (int j = 0; j < c->members; j++) {
    double V[165] = {0}, P[165] = {0}, slope[MOST], far = 0;
    esp_moments_add(c->d, order, 1, c->t[j], V);
    esp_moments_hermite(c->d, order, V, P);
    for (int a = 0; a < c->d; a++) far += (u[a] - c->t[j][a]) * (u[a] - c->t[j][a]);
    const double rest =
        c->v[j] * (exp(-0.5 * far) - exp(-0.5 * square) * esp_moments_value(c->d, order, P, 0, u, slope));
    sum += rest * rest;
  }
  return sum;
}

static double worst_of(const esp_gate_bound *bound, const cell *c, int which) {
  double worst = 0;
  for (int i = 0; i < RECEIVERS; i++) {
    double u[MOST], rho = 0, uXu = 0;
    const double reach = c->tau + 6 * cloud_uniform((uint64_t)(i + which * RECEIVERS));
    for (int a = 0; a < c->d; a++) u[a] = i % 2 ? c->t[0][a] : normal((uint64_t)(i * 50 + a + which));
    for (int a = 0; a < c->d; a++) rho += u[a] * u[a];
    for (int a = 0; a < c->d; a++) u[a] *= reach / sqrt(rho);
    rho = 0;
    for (int a = 0; a < c->d; a++) rho += u[a] * u[a];
    for (int a = 0; a < c->d; a++)
      for (int b = 0; b < c->d; b++) uXu += u[a] * c->X[a][b] * u[b];
    const double most =
        esp_gate_bound_square(bound, esp_gate_bound_column(c->tau), sqrt(rho), c->tau, c->Q0, c->trX, uXu);
    const double error = direct(c, bound->order, u),
                 rounding = 1e-30 * c->Q0 * (1 + pow(rho * c->tau, 2 * bound->order) * exp(-rho));
    if (!(error <= most + rounding))
      fail_msg("order %d, d %d, cell %d of tau %g, receiver at %g: %g, bound %g", bound->order, c->d, which, c->tau,
               sqrt(rho), error, most);
    if (error > 1e3 * rounding && c->tau < 1) worst = fmax(worst, sqrt(error / most));
  }
  return worst;
}

static void bounds_hold(void **state) {
  (void)state;
  for (int order = 0; order <= ESP_MOMENTS_ORDER; order++) {
    esp_gate_bound bound;
    double worst = 0;
    assert_int_equal(esp_gate_bound_create(order, &bound), ESP_OK);
    for (int d = 1; d <= MOST; d++)
      for (int which = 0; which < CELLS; which++) {
        const cell c = make(d, which + 1000 * d);
        worst = fmax(worst, worst_of(&bound, &c, which));
      }
    esp_gate_bound_free(&bound);
    if (!(worst > 0.3)) fail_msg("order %d: the largest error is %g of its bound", order, worst);
  }
}

static void cells_of_one_place_are_exact(void **state) {
  (void)state;
  esp_gate_bound bound;
  assert_int_equal(esp_gate_bound_create(2, &bound), ESP_OK);
  for (int k = 0; k < 20; k++) assert_true(esp_gate_bound_square(&bound, esp_gate_bound_column(0), k, 0, 3, 0, 0) == 0);
  assert_int_equal(esp_gate_bound_column(1e3), -1);
  assert_true(esp_gate_bound_square(&bound, -1, 1e3, 0.5e3, 3, 1, 1) < 1e-300);
  esp_gate_bound_free(&bound);
  assert_int_equal(esp_gate_bound_create(4, &bound), ESP_ERR_ARG);
  esp_error_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_hold), cmocka_unit_test(cells_of_one_place_are_exact)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Proves that a cell of the gate message says what the specification's says of its members, and that its adjoint, closed,
 * passed on to children and pulled by members, is the specification's: any dimension and order, values of both signs, one
 * member, members that coincide, the sum of weights heard or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "message/gate.h"
#include "message/specification.h"

enum {
  MEMBERS = 9,
  RECEIVERS = 5,
  WIDE = 16,
  SAID = 3,
  HEARD = SAID + 1,
  ROW = WIDE + SAID,
  MOMENTS = 165,
  ALL = HEARD * MOMENTS
};

static const double SCALE = 0.7;

static double drawn(uint32_t what, int i) {
  return esp_rng_normal(4, (uint64_t)i, ESP_RNG_TEST, what);
}

static void near(const char *what, const esp_form *f, const double *got, const double *wanted, int count) {
  double most = 1e-300;
  for (int k = 0; k < count; k++) most = fmax(most, fabs(wanted[k]));
  for (int k = 0; k < count; k++)
    if (!(fabs(got[k] - wanted[k]) <= 1e-12 * most))
      fail_msg("%s[%d], d %d, order %d, den %d: %.16g, not %.16g", what, k, f->dim, f->order, f->den, got[k],
               wanted[k]);
}

/* Monomials of y in the order of moments.h, and their degrees. */
static int monomials(int d, int order, const double *y, double *m, int *degree) {
  int k = 0;
  m[k] = 1, degree[k++] = 0;
  for (int a = 0; a < d && order >= 1; a++) m[k] = y[a], degree[k++] = 1;
  for (int a = 0; a < d && order >= 2; a++)
    for (int b = a; b < d; b++) m[k] = y[a] * y[b], degree[k++] = 2;
  for (int a = 0; a < d && order >= 3; a++)
    for (int b = a; b < d; b++)
      for (int c = b; c < d; c++) m[k] = y[a] * y[b] * y[c], degree[k++] = 3;
  assert_int_equal(k, esp_moments_count(d, order));
  return k;
}

/* ---- a case ---- */

typedef struct {
  esp_form form;
  int members;
  double param[1], source[MEMBERS * ROW], query[RECEIVERS * WIDE], g[RECEIVERS * HEARD];
} cell_case;

static int heard(const cell_case *c) {
  return c->form.channels + c->form.den;
}

/* Members about a place that is not the origin; together: at one point. */
static cell_case make(int d, int order, int members, int den, int together) {
  cell_case c = {
      .form = {.message = &esp_message_gate, .dim = d, .channels = 1 + d % SAID, .den = den, .order = order}};
  const int width = d + c.form.channels;
  c.members = members;
  c.param[0] = log(SCALE);
  c.form.unit = SCALE;
  for (int j = 0; j < members; j++)
    for (int a = 0; a < width; a++) {
      const int of = together && a < d ? 0 : j;
      c.source[j * width + a] = a < d ? 3 + 0.3 * drawn(1, of * ROW + a) : drawn(2, j * ROW + a);
    }
  for (int i = 0; i < RECEIVERS; i++)
    for (int a = 0; a < d; a++) c.query[i * d + a] = 3 + 0.5 * drawn(3, i * WIDE + a);
  for (int k = 0; k < RECEIVERS * HEARD; k++) c.g[k] = drawn(4, k);
  return c;
}

/* The cell's row of members from .. from + count - 1, as leaf makes it. */
static void leaf_of(const cell_case *c, int from, int count, double *cell) {
  esp_gate_cells.leaf(&c->form, count, c->source + from * (c->form.dim + c->form.channels), cell);
}

/* ---- the sums ---- */

static void check_row(const cell_case *c, const double *cell) {
  const int d = c->form.dim, C = c->form.channels, M = esp_moments_count(d, c->form.order);
  double K[WIDE] = {0}, V[ALL] = {0}, count = c->members;
  for (int j = 0; j < c->members; j++)
    for (int a = 0; a < d; a++) K[a] += c->source[j * (d + C) + a] / c->members;
  for (int j = 0; j < c->members; j++) {
    double y[WIDE], m[MOMENTS];
    int degree[MOMENTS];
    const double *row = c->source + j * (d + C);
    for (int a = 0; a < d; a++) y[a] = (row[a] - K[a]) / SCALE;
    monomials(d, c->form.order, y, m, degree);
    for (int k = 0; k < heard(c) * M; k++) V[k] += (k / M < C ? row[d + k / M] : 1) * m[k % M];
  }
  near("mean key", &c->form, cell, K, d);
  near("count", &c->form, cell + d, &count, 1);
  near("moments", &c->form, cell + d + 1, V, heard(c) * M);
}

/* What the row says to receivers, and dLoss/d of what says it, receiver by receiver: adjoint as the kernels leave it; dLoss/dq;
 * dLoss/du.u. */
static void evaluate(const cell_case *c, const double *cell, double *sum, double *adjoint, double *dquery,
                     double *spread) {
  const int d = c->form.dim, order = c->form.order, M = esp_moments_count(d, order), W = heard(c);
  *spread = 0;
  memset(adjoint, 0, sizeof *adjoint * (size_t)(d + W * M));
  for (int i = 0; i < RECEIVERS; i++) {
    double u[WIDE], m[MOMENTS], square = 0;
    int degree[MOMENTS];
    for (int a = 0; a < d; a++) u[a] = (c->query[i * d + a] - cell[a]) / SCALE, square += u[a] * u[a];
    monomials(d, order, u, m, degree);
    for (int k = 0; k < W; k++) {
      double P[MOMENTS], slope[WIDE] = {0}, plain = 0;
      const double G = exp(-square / 2), g = c->g[i * W + k];
      esp_moments_hermite(d, order, cell + d + 1 + k * M, P);
      const double p = esp_moments_value(d, order, P, 1, u, slope);
      for (int n = 0; n < M; n++) plain += P[n] * m[n];
      near("polynomial", &c->form, &p, &plain, 1);
      sum[i * W + k] = G * p;
      for (int n = 0; n < M; n++) adjoint[d + k * M + n] += g * G * m[n];
      for (int a = 0; a < d; a++) {
        const double du = g * G * (slope[a] - u[a] * p);
        adjoint[a] -= du;
        dquery[i * d + a] += du / SCALE;
        *spread += du * u[a];
      }
    }
  }
}

/* dLoss/dln s: places of receivers and members shrink as s grows. adjoint: closed. */
static double by_scale(const cell_case *c, const double *cell, const double *adjoint, double spread) {
  const int d = c->form.dim, M = esp_moments_count(d, c->form.order);
  double nothing[WIDE] = {0}, m[MOMENTS], sum = -spread;
  int degree[MOMENTS];
  monomials(d, c->form.order, nothing, m, degree);
  for (int k = 0; k < heard(c) * M; k++) sum -= degree[k % M] * adjoint[d + k] * cell[d + 1 + k];
  return sum;
}

static void check_adjoint(const cell_case *c) {
  const int d = c->form.dim, width = d + c->form.channels, W = heard(c), M = esp_moments_count(d, c->form.order);
  const int half = c->members / 2;
  double whole[WIDE + 1 + ALL], left[WIDE + 1 + ALL], right[WIDE + 1 + ALL], cell[WIDE + 1 + ALL];
  double adjoint[WIDE + ALL], to_left[WIDE + ALL] = {0}, to_right[WIDE + ALL] = {0}, spread;
  double sum[RECEIVERS * HEARD], wanted_sum[RECEIVERS * HEARD] = {0}, dq[RECEIVERS * WIDE] = {0};
  double wanted_dq[RECEIVERS * WIDE] = {0}, ds[MEMBERS * ROW] = {0}, through[MEMBERS * ROW] = {0};
  double wanted_ds[MEMBERS * ROW] = {0}, dparam = 0;
  leaf_of(c, 0, c->members, whole);
  leaf_of(c, 0, half, left);
  leaf_of(c, half, c->members - half, right);
  esp_gate_cells.join(&c->form, half, left, c->members - half, right, cell);
  check_row(c, whole);
  check_row(c, cell);
  evaluate(c, cell, sum, adjoint, dq, &spread);
  esp_specification_cell(&c->form, c->param, RECEIVERS, c->query, c->members, c->source, wanted_sum);
  esp_specification_cell_back(&c->form, c->param, RECEIVERS, c->query, c->members, c->source, c->g, wanted_dq,
                              wanted_ds, &dparam);
  near("sum", &c->form, sum, wanted_sum, RECEIVERS * W);
  near("dquery", &c->form, dq, wanted_dq, RECEIVERS * d);
  esp_gate_cells.close(&c->form, cell, adjoint);
  const double scale = by_scale(c, cell, adjoint, spread);
  near("dln s", &c->form, &scale, &dparam, 1);
  esp_gate_cells.pull(&c->form, cell, adjoint, c->members, c->source, ds);
  near("pull", &c->form, ds, wanted_ds, c->members * width);
  esp_gate_cells.pass(&c->form, cell, adjoint, left, to_left);
  esp_gate_cells.pass(&c->form, cell, adjoint, right, to_right);
  if (half == 0)
    for (int k = 0; k < d + W * M; k++) assert_true(to_left[k] == 0); /* nobody is there */
  esp_gate_cells.pull(&c->form, left, to_left, half, c->source, through);
  esp_gate_cells.pull(&c->form, right, to_right, c->members - half, c->source + half * width, through + half * width);
  near("pass and pull", &c->form, through, wanted_ds, c->members * width);
}

static void cells(void **state) {
  (void)state;
  const int dims[] = {1, 2, 3, 4, 5, 6, 7, 8, 16};
  for (int k = 0; k < 9; k++)
    for (int order = 0; order <= (dims[k] < 9 ? ESP_MOMENTS_ORDER : 2); order++)
      for (int den = 0; den < 2; den++) {
        cell_case c[] = {make(dims[k], order, MEMBERS, den, 0), make(dims[k], order, 1, den, 0),
                         make(dims[k], order, 4, den, 1)};
        for (int which = 0; which < 3; which++) check_adjoint(&c[which]);
      }
}

/* An empty cell says nothing and owes nothing; joined with another it is that. */
static void empty(void **state) {
  (void)state;
  const cell_case c = make(3, 3, MEMBERS, 1, 0);
  const int width = esp_form_widths(&c.form).cell;
  double none[WIDE + 1 + ALL], all[WIDE + 1 + ALL], both[WIDE + 1 + ALL], adjoint[WIDE + ALL];
  leaf_of(&c, 0, 0, none);
  leaf_of(&c, 0, MEMBERS, all);
  for (int k = 0; k < width; k++) assert_true(none[k] == 0);
  for (int side = 0; side < 2; side++) {
    esp_gate_cells.join(&c.form, side ? MEMBERS : 0, side ? all : none, side ? 0 : MEMBERS, side ? none : all, both);
    near("joined with nothing", &c.form, both, all, width);
  }
  esp_gate_cells.join(&c.form, 0, none, 0, none, both);
  for (int k = 0; k < width; k++) assert_true(both[k] == 0);
  for (int k = 0; k < width - 1; k++) adjoint[k] = drawn(5, k);
  esp_gate_cells.close(&c.form, none, adjoint);
  for (int a = 0; a < c.form.dim; a++) assert_true(adjoint[a] == 0);
}

/* ---- pairs of adjoints ---- */

static double product(int count, const double *a, const double *b) {
  double sum = 0;
  for (int k = 0; k < count; k++) sum += a[k] * b[k];
  return sum;
}

static void adjoints(void **state) {
  (void)state;
  for (int d = 1; d <= WIDE; d += d < 8 ? 1 : 8)
    for (int order = 0; order <= (d < 9 ? ESP_MOMENTS_ORDER : 2); order++) {
      const esp_form f = {.dim = d, .order = order};
      const int M = esp_moments_count(d, order);
      double V[MOMENTS], q[MOMENTS], e[WIDE], to[MOMENTS] = {0}, back[MOMENTS] = {0}, slope[WIDE] = {0},
                                              sum[WIDE] = {0};
      double y[2][WIDE], of[MOMENTS] = {0};
      for (int k = 0; k < M; k++) V[k] = drawn(6, k), q[k] = drawn(7, k);
      for (int a = 0; a < d; a++) e[a] = drawn(8, a), y[0][a] = drawn(9, a), y[1][a] = drawn(10, a);
      esp_moments_shift(d, order, e, V, to);
      esp_moments_shift_back(d, order, e, q, back);
      double one = product(M, to, q), other = product(M, V, back);
      near("shift", &f, &one, &other, 1);
      esp_moments_hermite(d, order, V, to);
      esp_moments_hermite_back(d, order, q, back);
      one = product(M, to, q), other = product(M, V, back);
      near("hermite", &f, &one, &other, 1);
      for (int j = 0; j < 2; j++) {
        esp_moments_add(d, order, j ? -2 : 1.5, y[j], of);
        (void)esp_moments_value(d, order, q, j ? -2 : 1.5, y[j], slope);
      }
      esp_moments_slope(d, order, q, of, sum);
      near("slope", &f, sum, slope, d);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(cells), cmocka_unit_test(empty), cmocka_unit_test(adjoints)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "message/newton.h"

#include <math.h>
#include <string.h>

/* Stored second moment: xx xy xz yy yz zz. */
static const int axis1[6] = {0, 0, 0, 1, 1, 2}, axis2[6] = {0, 1, 2, 1, 2, 2};

/* C += weight u u^T */
static inline void add_square(double weight, const double *u, double *C) {
  for (int e = 0; e < 6; e++) C[e] += weight * (u[axis1[e]] * u[axis2[e]]);
}

static void leaf(const esp_form *f, int count, const double *source, double *cell) {
  (void)f;
  double M = 0, sum[3] = {0, 0, 0}, mean[3] = {0, 0, 0}, *X = cell + ESP_MASS_CELL_X;
  memset(cell, 0, ESP_MASS_CELL * sizeof *cell);
  if (count == 0) return;
  for (int i = 0; i < count; i++) {
    const double *y = source + (size_t)i * ESP_BODY, mu = y[ESP_BODY_MASS];
    M += mu;
    for (int a = 0; a < 3; a++) {
      sum[a] += mu * y[a];
      mean[a] += y[a];
    }
  }
  cell[0] = M;
  for (int a = 0; a < 3; a++) X[a] = M > 0 ? sum[a] / M : mean[a] / count;
  if (M <= 0) return;
  for (int i = 0; i < count; i++) {
    const double *y = source + (size_t)i * ESP_BODY;
    double u[3];
    for (int a = 0; a < 3; a++) u[a] = y[a] - X[a];
    add_square(y[ESP_BODY_MASS] / M, u, cell + ESP_MASS_CELL_C);
  }
}

static void join(const esp_form *f, double n1, const double *c1, double n2, const double *c2, double *cell) {
  (void)f;
  double M = c1[0] + c2[0], w1 = c1[0], w2 = c2[0], sum = M, *X = cell + ESP_MASS_CELL_X, *C = cell + ESP_MASS_CELL_C;
  memset(cell, 0, ESP_MASS_CELL * sizeof *cell);
  cell[0] = M;
  if (M <= 0) {
    w1 = n1;
    w2 = n2;
    sum = n1 + n2;
  }
  if (sum <= 0) return;
  for (int a = 0; a < 3; a++) X[a] = (w1 * c1[ESP_MASS_CELL_X + a] + w2 * c2[ESP_MASS_CELL_X + a]) / sum;
  if (M <= 0) return;
  const double *child[2] = {c1, c2};
  for (int k = 0; k < 2; k++) {
    double weight = child[k][0] / M, u[3];
    for (int a = 0; a < 3; a++) u[a] = child[k][ESP_MASS_CELL_X + a] - X[a];
    for (int e = 0; e < 6; e++) C[e] += weight * child[k][ESP_MASS_CELL_C + e];
    add_square(weight, u, C);
  }
}

/* g += weight (dX + 2 dC u). The off-diagonal numbers already count both halves. */
static inline void add_shift(double weight, const double *adjoint, const double *u, double *g) {
  const double *dX = adjoint, *d = adjoint + 3;
  g[0] += weight * (dX[0] + (2 * d[0] * u[0] + d[1] * u[1] + d[2] * u[2]));
  g[1] += weight * (dX[1] + (d[1] * u[0] + 2 * d[3] * u[1] + d[4] * u[2]));
  g[2] += weight * (dX[2] + (d[2] * u[0] + d[4] * u[1] + 2 * d[5] * u[2]));
}

static void pass(const esp_form *f, const double *cell, const double *adjoint, const double *child, double *to) {
  (void)f;
  if (cell[0] <= 0 || child[0] <= 0) return;
  double weight = child[0] / cell[0], u[3];
  for (int a = 0; a < 3; a++) u[a] = child[ESP_MASS_CELL_X + a] - cell[ESP_MASS_CELL_X + a];
  add_shift(weight, adjoint, u, to);
  for (int e = 3; e < ESP_MASS_ADJOINT; e++) to[e] += weight * adjoint[e];
}

static void pull(const esp_form *f, const double *cell, const double *adjoint, int count, const double *source,
                 double *dsource) {
  (void)f;
  if (cell[0] <= 0) return;
  for (int i = 0; i < count; i++) {
    const double *y = source + (size_t)i * ESP_BODY;
    double u[3];
    for (int a = 0; a < 3; a++) u[a] = y[a] - cell[ESP_MASS_CELL_X + a];
    add_shift(y[ESP_BODY_MASS] / cell[0], adjoint, u, dsource + (size_t)i * 3);
  }
}

const esp_cell_algebra esp_mass_cells = {.leaf = leaf, .join = join, .pass = pass, .pull = pull};

int esp_body_check(const esp_form *f, const double *param) {
  (void)param;
  ESP_CHECK(f->dim == 3, ESP_ERR_ARG, "messages of bodies with positions of %d numbers; 3 are needed", f->dim);
  ESP_CHECK(f->softening >= 0 && isfinite(f->softening), ESP_ERR_CONFIG, "softening length %g; allowed: finite, >= 0",
            f->softening);
  for (int a = 0; a < 3; a++)
    ESP_CHECK(f->period[a] >= 0 && isfinite(f->period[a]), ESP_ERR_CONFIG,
              "box length %g of axis %d; must be > 0, or 0 for open", f->period[a], a);
  return ESP_OK;
}

int esp_body_admit(const esp_form *f, int64_t id, const double *source) {
  (void)f;
  ESP_CHECK(source[ESP_BODY_MASS] >= 0, ESP_ERR_VALUE, "particle %lld has mass %g; allowed: finite, >= 0",
            (long long)id, source[ESP_BODY_MASS]);
  return ESP_OK;
}

static void widths(const esp_form *f, esp_widths *w) {
  (void)f;
  *w = (esp_widths){
      .source = ESP_BODY, .sum = ESP_BODY_SUM, .dsource = 3, .cell = ESP_MASS_CELL, .adjoint = ESP_MASS_ADJOINT};
}

static esp_message_part part(const esp_form *f, int k) {
  (void)f, (void)k;
  return (esp_message_part){0};
}

static void start(const esp_form *f, uint64_t seed, int layer, double *param) {
  (void)f, (void)seed, (void)layer, (void)param;
}

const esp_message esp_message_newton = {.name = "newton",
                                        .traits = ESP_MESSAGE_GRAVITY,
                                        .help = "gravity of softened point masses: the law is given",
                                        .check = esp_body_check,
                                        .admit = esp_body_admit,
                                        .widths = widths,
                                        .part = part,
                                        .start = start,
                                        .cells = &esp_mass_cells};

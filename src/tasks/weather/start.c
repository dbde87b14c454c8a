#include "tasks/weather/start.h"

#include <math.h>

#include "base/exact_sum.h"
#include "tasks/weather/sphere.h"

static const double A = ESP_EARTH_RADIUS, OMEGA = ESP_EARTH_ROTATION, G = ESP_EARTH_GRAVITY;

static double pi(void) {
  return acos(-1.0);
}

/* Sine of the latitude about an axis tilted towards longitude 180. */
static double height_over(const double x[3], double tilt) {
  const double angle = tilt * pi() / 180;
  return x[2] * cos(angle) - x[0] * sin(angle);
}

/* ---- case 2: a steady flow around a tilted axis ---- */

static double steady_speed(void) {
  return 2 * pi() * A / (12 * 86400);
}

static double steady_surface(const double x[3], double tilt) {
  const double u = steady_speed(), s = height_over(x, tilt);
  return (2.94e4 - (A * OMEGA * u + u * u / 2) * s * s) / G;
}

static double steady_stream(const double x[3], double tilt) {
  return -A * steady_speed() * height_over(x, tilt);
}

/* ---- case 5: a steady flow meets a mountain ---- */

static double mountain_surface(const double x[3], double tilt) {
  (void)tilt;
  return 5960 - (A * OMEGA * 20 + 200) * x[2] * x[2] / G;
}

static double mountain_stream(const double x[3], double tilt) {
  (void)tilt;
  return -A * 20 * x[2];
}

static double cone(const double x[3]) {
  const double across = atan2(x[1], x[0]) + pi() / 2, up = esp_latitude3(x) - pi() / 6, radius = pi() / 9;
  return 2000 * (1 - fmin(sqrt(across * across + up * up), radius) / radius);
}

/* ---- case 6: a Rossby-Haurwitz wave of wavenumber 4 ---- */

static const double RATE = 7.848e-6;

static double wave_surface(const double x[3], double tilt) {
  const double c2 = x[0] * x[0] + x[1] * x[1], c4 = c2 * c2, c8 = c4 * c4, longitude = atan2(x[1], x[0]);
  /* cos^2R times the last term of the bracket is 2 R^2 cos^(2R - 2) */
  const double a = RATE / 2 * (2 * OMEGA + RATE) * c2 + RATE * RATE / 4 * (c8 * (5 * c2 + 26) - 32 * c4 * c2);
  const double b = 2 * (OMEGA + RATE) * RATE / 30 * c4 * (26 - 25 * c2);
  const double c = RATE * RATE / 4 * c8 * (5 * c2 - 6);
  (void)tilt;
  return 8000 + A * A / G * (a + b * cos(4 * longitude) + c * cos(8 * longitude));
}

static double wave_stream(const double x[3], double tilt) {
  const double c2 = x[0] * x[0] + x[1] * x[1];
  (void)tilt;
  return A * A * RATE * x[2] * (c2 * c2 * cos(4 * atan2(x[1], x[0])) - 1);
}

/* ---- the jet that breaks ---- */

static double jet_speed(double phi) {
  const double south = pi() / 7, north = pi() / 2 - south;
  if (phi <= south || phi >= north) return 0;
  return 80 * exp(1 / ((phi - south) * (phi - north)) + 4 / ((north - south) * (north - south)));
}

static double jet_slope(double phi) {
  const double u = jet_speed(phi);
  return -A * u * (2 * OMEGA * sin(phi) + tan(phi) * u / A) / G;
}

/* Integral of f from the south pole to phi by Simpson's rule; both vanish outside the jet. */
static double from_south(double (*f)(double), double phi) {
  enum { STEPS = 400 };
  const double south = pi() / 7, width = (fmin(phi, pi() / 2 - south) - south) / STEPS;
  double sum = 0;
  if (width <= 0) return 0;
  for (int k = 0; k <= STEPS; k++) sum += (k == 0 || k == STEPS ? 1 : k % 2 ? 4 : 2) * f(south + k * width);
  return sum * width / 3;
}

/* The mean depth is 10 km: 10158 m is what the flow leaves at the equator for it. */
static double jet_surface(const double x[3], double tilt) {
  const double phi = esp_latitude3(x), longitude = atan2(x[1], x[0]) * 3, up = (pi() / 4 - phi) * 15;
  (void)tilt;
  return 10158 + from_south(jet_slope, phi) + 120 * cos(phi) * exp(-longitude * longitude) * exp(-up * up);
}

static double jet_stream(const double x[3], double tilt) {
  (void)tilt;
  return -A * from_south(jet_speed, esp_latitude3(x));
}

static double north_of_45(const double x[3]) {
  return esp_latitude3(x) > pi() / 4 ? 0.01 : 0;
}

/* The error of the steady flow depends on where its axis lies among the corners of the icosahedron (l2 of 2562 cells: 1.8e-4
 * through a corner, 5.5e-4 at 45 degrees from it). This one is where 45 degrees are on a grid whose pole is in the middle
 * of an edge. */
const esp_start esp_starts[] = {
    {"williamson2", "steady flow around a tilted axis", 13.2825256, steady_surface, steady_stream, NULL, NULL},
    {"williamson5", "flow over a mountain", 0, mountain_surface, mountain_stream, cone, NULL},
    {"williamson6", "Rossby-Haurwitz wave", 0, wave_surface, wave_stream, NULL, NULL},
    {"galewsky", "a jet that breaks, moist in the north", 0, jet_surface, jet_stream, NULL, north_of_45},
    {0},
};

/* ---- any of them ---- */

int esp_start_fill(const esp_start *start, esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  double *stream = NULL;
  int rc = ESP_OK;
  for (int c = 0; c < m->n_cell; c++) {
    flow->mountain[c] = start->mountain ? start->mountain(m->x[c]) : 0;
    const double h = start->surface(m->x[c], start->tilt) - flow->mountain[c];
    flow->cell[c][ESP_FLOW_H_] = h;
    flow->cell[c][ESP_FLOW_S] = h * flow->param.theta_0;
    flow->cell[c][ESP_FLOW_Q] = start->moisture ? h * start->moisture(m->x[c]) : 0;
  }
  ESP_TRY(m->comm->agree(m->comm, ESP_ALLOC(stream, m->n_vertex)));
  for (int v = 0; v < m->n_vertex; v++) {
    flow->coriolis[v] = 2 * OMEGA * height_over(m->vertex_x[v], start->tilt);
    stream[v] = start->stream(m->vertex_x[v], start->tilt);
  }
  ESP_TRY(esp_flow_from_stream(flow, stream));
done:
  ESP_FREE(stream);
  return rc;
}

int esp_start_norms(const esp_flow *flow, const double *truth, double norm[3]) {
  enum { SUMS = 4 };
  const esp_mesh *m = flow->mesh;
  int64_t acc[SUMS * ESP_EXACT_FULL_WORDS] = {0};
  double most[2] = {0, 0}, sum[SUMS];
  for (int c = 0; c < m->n_own; c++) {
    const double off = flow->cell[c][ESP_FLOW_H_] - truth[c], area = m->area[c];
    const double term[SUMS] = {area * fabs(off), area * fabs(truth[c]), area * off * off, area * truth[c] * truth[c]};
    for (int s = 0; s < SUMS; s++) esp_exact_add(&ESP_EXACT_FULL, acc + s * ESP_EXACT_FULL_WORDS, term[s]);
    most[0] = fmax(most[0], fabs(off)), most[1] = fmax(most[1], fabs(truth[c]));
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, SUMS);
  ESP_CALL(m->comm->sum_i64(m->comm, acc, SUMS * ESP_EXACT_FULL_WORDS));
  ESP_CALL(m->comm->max_f64(m->comm, most, 2));
  for (int s = 0; s < SUMS; s++) sum[s] = esp_exact_value(&ESP_EXACT_FULL, acc + s * ESP_EXACT_FULL_WORDS);
  norm[0] = sum[0] / sum[1];
  norm[1] = sqrt(sum[2] / sum[3]);
  norm[2] = most[0] / most[1];
  return ESP_OK;
}

int esp_start_rest(const esp_flow *flow, double *energy) {
  enum { AREA, SURFACE, GROUND, SUMS };
  const esp_mesh *m = flow->mesh;
  int64_t acc[SUMS * ESP_EXACT_FULL_WORDS] = {0};
  double sum[SUMS];
  for (int c = 0; c < m->n_own; c++) {
    const double ground = flow->mountain[c], area = m->area[c];
    const double term[SUMS] = {area, area * (flow->cell[c][ESP_FLOW_H_] + ground), area * ground * ground};
    for (int s = 0; s < SUMS; s++) esp_exact_add(&ESP_EXACT_FULL, acc + s * ESP_EXACT_FULL_WORDS, term[s]);
  }
  esp_exact_carry(&ESP_EXACT_FULL, acc, SUMS);
  ESP_CALL(m->comm->sum_i64(m->comm, acc, SUMS * ESP_EXACT_FULL_WORDS));
  for (int s = 0; s < SUMS; s++) sum[s] = esp_exact_value(&ESP_EXACT_FULL, acc + s * ESP_EXACT_FULL_WORDS);
  *energy = flow->param.gravity / 2 * (sum[SURFACE] * sum[SURFACE] / sum[AREA] - sum[GROUND]);
  return ESP_OK;
}

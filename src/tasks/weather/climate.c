/* Equilibrium, starts and physics: see climate.h. */
#include "tasks/weather/climate.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "base/rng.h"
#include "tasks/weather/climate_profile.h"
#include "tasks/weather/sphere.h"
#include "tasks/weather/start.h"

enum { GEOGRAPHY_SEED = 1, GEOGRAPHY, WAVES, STIRRING }; /* purposes of waves; geography has a seed of its own */

static const double DAY = 86400, LATENT = 2500; /* K */

const esp_climate_param esp_climate_default = {.depth = 4000,
                                               .jet = 80,
                                               .width = 8,
                                               .contrast = 70,
                                               .relax_h = 3,
                                               .relax_theta = 20,
                                               .evaporate = 4,
                                               .dry = 8,
                                               .dry_to = 0.3,
                                               .condense = 0.25,
                                               .wet_to = 0.8,
                                               .sea = 2,
                                               .mountain = 500,
                                               .stir = 2.5e-5,
                                               .stir_days = 2};

double esp_climate_dt(int level) {
  return ldexp(1200, 4 - level);
}

/* The grid's own scale is smoothed within hours, whatever it is. */
double esp_climate_nu4(int level) {
  return ldexp(1e16, 4 * (4 - level));
}

static double gravity_over_theta(const esp_flow *flow) {
  return flow->param.gravity / flow->param.theta_0;
}

/* ---- equilibrium ---- */

/* A mean of own cells, of the whole sphere. */
static int mean(const esp_mesh *m, const double *value, double *to) {
  double sum, area;
  ESP_CALL(esp_mesh_integral(m, value, &sum));
  area = 4 * acos(-1.0) * ESP_EARTH_RADIUS * ESP_EARTH_RADIUS;
  *to = sum / area;
  return ESP_OK;
}

static int make_geography(esp_climate *c) {
  const esp_mesh *m = c->flow->mesh;
  esp_waves waves;
  double middle, square, *squares = NULL;
  int rc;
  esp_waves_draw(GEOGRAPHY_SEED, GEOGRAPHY, 24, 2.5, 5, 0, &waves);
  for (int i = 0; i < m->n_cell; i++) c->land[i] = esp_waves_at(&waves, m->x[i]);
  ESP_TRY(m->comm->agree(m->comm, ESP_ALLOC(squares, m->n_own)));
  ESP_TRY(mean(m, c->land, &middle));
  for (int i = 0; i < m->n_own; i++) squares[i] = (c->land[i] - middle) * (c->land[i] - middle);
  ESP_TRY(mean(m, squares, &square));
  for (int i = 0; i < m->n_cell; i++) c->land[i] = (c->land[i] - middle) / sqrt(square);
done:
  ESP_FREE(squares);
  return rc;
}

static int make_equilibrium(esp_climate *c) {
  const esp_climate_param *p = &c->param;
  const esp_mesh *m = c->flow->mesh;
  esp_profile *profile = NULL;
  double ground, depth;
  int rc = ESP_ALLOC(profile, 1);
  ESP_TRY(m->comm->agree(m->comm, rc));
  esp_profile_fill(p, gravity_over_theta(c->flow), profile);
  for (int i = 0; i < m->n_cell; i++) c->flow->mountain[i] = esp_ground(p, m->x[i]);
  ESP_TRY(mean(m, c->flow->mountain, &ground));
  for (int i = 0; i < m->n_cell; i++) {
    const double phi = esp_latitude3(m->x[i]);
    c->h[i] = esp_profile_at(profile->h, phi) - c->flow->mountain[i] + ground;
    c->theta[i] = esp_profile_theta(p, phi);
    c->surface[i] = c->theta[i] + p->sea * c->land[i];
    c->wet[i] = c->land[i] > 0.5 ? 0.3 : 1;
  }
  ESP_TRY(mean(m, c->h, &depth));
  for (int i = 0; i < m->n_cell; i++) c->h[i] *= p->depth / depth;
  for (int v = 0; v < m->n_vertex; v++) c->flow->coriolis[v] = 2 * ESP_EARTH_ROTATION * m->vertex_x[v][2];
done:
  ESP_FREE(profile);
  return rc;
}

int esp_climate_create(esp_flow *flow, const esp_climate_param *param, esp_climate *c) {
  const esp_mesh *m = flow->mesh;
  *c = (esp_climate){.param = *param, .flow = flow};
  int rc = ESP_ALLOC(c->h, m->n_cell);
  if (!rc) rc = ESP_ALLOC(c->theta, m->n_cell);
  if (!rc) rc = ESP_ALLOC(c->surface, m->n_cell);
  if (!rc) rc = ESP_ALLOC(c->wet, m->n_cell);
  if (!rc) rc = ESP_ALLOC(c->land, m->n_cell);
  if (!rc) rc = ESP_ALLOC(c->source, m->n_own);
  if (!rc) rc = ESP_ALLOC(c->stir, m->n_own_edge);
  ESP_TRY(m->comm->agree(m->comm, rc));
  ESP_TRY(make_geography(c));
  ESP_TRY(make_equilibrium(c));
done:
  if (rc) esp_climate_free(c);
  return rc;
}

void esp_climate_free(esp_climate *c) {
  ESP_FREE(c->h);
  ESP_FREE(c->theta);
  ESP_FREE(c->surface);
  ESP_FREE(c->wet);
  ESP_FREE(c->land);
  ESP_FREE(c->source);
  ESP_FREE(c->stir);
  *c = (esp_climate){0};
}

/* ---- starts ---- */

/* Root mean square of a wind, of which `through` [own edges] is what crosses the edges. */
static int wind_rms(const esp_mesh *m, const double *through, double *rms) {
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  for (int e = 0; e < m->n_own_edge; e++) esp_exact_add(&ESP_EXACT_FULL, acc, through[e] * through[e]);
  esp_exact_carry(&ESP_EXACT_FULL, acc, 1);
  ESP_CALL(m->comm->sum_i64(m->comm, acc, ESP_EXACT_FULL_WORDS));
  *rms = sqrt(2 * esp_exact_value(&ESP_EXACT_FULL, acc) / (double)(3 * m->cells - 6));
  return ESP_OK;
}

static double across_edge(const esp_mesh *m, int e, const double *stream) {
  return -(stream[m->sides[e][1]] - stream[m->sides[e][0]]) / m->along[e];
}

/* What stream function waves give, as a factor on a wind of `speed` m/s. stream [n_vertex], u [own edges]: scratch. */
static int wave_scale(const esp_mesh *m, const esp_waves *waves, double speed, double *stream, double *u,
                      double *scale) {
  double rms;
  for (int v = 0; v < m->n_vertex; v++) stream[v] = esp_waves_at(waves, m->vertex_x[v]);
  for (int e = 0; e < m->n_own_edge; e++) u[e] = across_edge(m, e, stream);
  ESP_CALL(wind_rms(m, u, &rms));
  *scale = speed / rms;
  return ESP_OK;
}

double esp_climate_saturation(const esp_climate_param *p, double theta, double height) {
  const double pressure = 611.2 * exp(17.67 * (theta - 273.15) / (theta - 29.65));
  return 0.622 * pressure / 1e5 * p->depth / height;
}

/* The equilibrium and waves in balance with it. */
static int fill_state(esp_climate *c, const esp_waves *waves, double scale, double *stream) {
  const esp_mesh *m = c->flow->mesh;
  esp_flow *flow = c->flow;
  esp_profile *profile = NULL;
  double depth, *h = NULL;
  int rc = ESP_ALLOC(profile, 1);
  if (!rc) rc = ESP_ALLOC(h, m->n_cell);
  ESP_TRY(m->comm->agree(m->comm, rc));
  for (int i = 0; i < m->n_cell; i++) {
    const double f = 2 * ESP_EARTH_ROTATION * m->x[i][2];
    h[i] = c->h[i] + f / flow->param.gravity * scale * esp_waves_at(waves, m->x[i]);
  }
  ESP_TRY(mean(m, h, &depth));
  for (int i = 0; i < m->n_cell; i++) {
    h[i] *= c->param.depth / depth;
    const double q = 0.75 * esp_climate_saturation(&c->param, c->theta[i], h[i] + flow->mountain[i]);
    flow->cell[i][ESP_FLOW_H_] = h[i];
    flow->cell[i][ESP_FLOW_S] = h[i] * c->theta[i];
    flow->cell[i][ESP_FLOW_Q] = h[i] * q;
  }
  esp_profile_fill(&c->param, gravity_over_theta(flow), profile);
  for (int v = 0; v < m->n_vertex; v++)
    stream[v] =
        esp_profile_at(profile->stream, esp_latitude3(m->vertex_x[v])) + scale * esp_waves_at(waves, m->vertex_x[v]);
  ESP_TRY(esp_flow_from_stream(flow, stream));
done:
  ESP_FREE(profile);
  ESP_FREE(h);
  return rc;
}

/* The wind of each mode of the stirring, so that all together are 1 m/s where every amplitude has variance 1. */
static int make_stirring(esp_climate *c, double *stream, double *u) {
  const esp_mesh *m = c->flow->mesh;
  esp_waves waves;
  double square = 0, rms;
  esp_waves_draw(c->seed, STIRRING, ESP_CLIMATE_MODES, 4, 10, 1, &waves);
  for (int k = 0; k < ESP_CLIMATE_MODES; k++) {
    for (int v = 0; v < m->n_vertex; v++) {
      const double off = (fabs(esp_latitude3(m->vertex_x[v])) * 180 / acos(-1.0) - 45) / 20;
      stream[v] = esp_wave_at(&waves, k, m->vertex_x[v]) * exp(-off * off);
    }
    for (int e = 0; e < m->n_own_edge; e++) u[e] = across_edge(m, e, stream) * ESP_EARTH_RADIUS;
    for (int e = 0; e < m->n_own_edge; e++) c->stir[e][k] = (float)u[e];
    ESP_CALL(wind_rms(m, u, &rms));
    square += rms * rms;
  }
  for (int e = 0; e < m->n_own_edge; e++)
    for (int k = 0; k < ESP_CLIMATE_MODES; k++) c->stir[e][k] = (float)(c->stir[e][k] / sqrt(square));
  return ESP_OK;
}

int esp_climate_start(esp_climate *c, uint64_t seed) {
  const esp_mesh *m = c->flow->mesh;
  esp_waves waves;
  double scale, *stream = NULL, *u = NULL;
  int rc = ESP_ALLOC(stream, m->n_vertex);
  if (!rc) rc = ESP_ALLOC(u, m->n_own_edge);
  ESP_TRY(m->comm->agree(m->comm, rc));
  c->seed = seed;
  c->steps = 0;
  if (m->n_own) memset(c->source, 0, (size_t)m->n_own * sizeof *c->source);
  for (uint32_t k = 0; k < ESP_CLIMATE_MODES; k++) c->amplitude[k] = esp_rng_normal(seed, 0, ESP_RNG_VELOCITY, k);
  esp_waves_draw(seed, WAVES, ESP_WAVES, 4, 12, 1, &waves);
  ESP_TRY(wave_scale(m, &waves, 6, stream, u, &scale));
  ESP_TRY(fill_state(c, &waves, scale, stream));
  ESP_TRY(make_stirring(c, stream, u));
done:
  ESP_FREE(stream);
  ESP_FREE(u);
  return rc;
}

/* ---- physics ---- */

static void at_cell(esp_climate *c, int i, double dt) {
  const esp_climate_param *p = &c->param;
  double *y = c->flow->cell[i], *source = c->source[i];
  double h = y[ESP_FLOW_H_], theta = y[ESP_FLOW_S] / h, q = y[ESP_FLOW_Q] / h;
  const double more = dt * (c->h[i] - h) / (p->relax_h * DAY);
  h += more;
  source[ESP_CLIMATE_RELAXED] += more * q;
  const double height = h + c->flow->mountain[i];
  theta += dt * (c->surface[i] - theta) / (p->relax_theta * DAY);
  const double sea = esp_climate_saturation(p, c->surface[i], height);
  const double up = dt * c->wet[i] * fmax(sea - q, 0) / (p->evaporate * DAY);
  q += up;
  const double full = esp_climate_saturation(p, theta, height);
  const double dried = dt * (q - p->dry_to * full) / (p->dry * DAY);
  q -= dried;
  const double slope = full * 17.67 * 243.5 / ((theta - 29.65) * (theta - 29.65));
  const double much = fmax(fmax(q - p->wet_to * full, 0) * dt / (p->condense * DAY), q - full);
  const double fallen = fmax(much, 0) / (1 + LATENT * slope);
  q -= fallen;
  theta += LATENT * fallen;
  source[ESP_CLIMATE_EVAPORATED] += h * up;
  source[ESP_CLIMATE_DRIED] += h * dried;
  source[ESP_CLIMATE_RAINED] += h * fallen;
  y[ESP_FLOW_H_] = h;
  y[ESP_FLOW_S] = h * theta;
  y[ESP_FLOW_Q] = h * q;
}

static void physics(void *context, esp_flow *flow, double dt) {
  esp_climate *c = context;
  const esp_mesh *m = flow->mesh;
  for (int i = 0; i < m->n_own; i++) at_cell(c, i, dt);
  for (int e = 0; e < m->n_own_edge; e++) {
    double wind = 0;
    for (int k = 0; k < ESP_CLIMATE_MODES; k++) wind += c->amplitude[k] * (double)c->stir[e][k];
    flow->u[e] += dt * c->param.stir * wind;
  }
}

/* The same draw on every rank. */
static void next_amplitudes(esp_climate *c, double dt) {
  const double keep = exp(-dt / (c->param.stir_days * DAY)), change = sqrt(1 - keep * keep);
  c->steps++;
  for (uint32_t k = 0; k < ESP_CLIMATE_MODES; k++)
    c->amplitude[k] =
        keep * c->amplitude[k] + change * esp_rng_normal(c->seed, (uint64_t)c->steps, ESP_RNG_VELOCITY, k);
}

int esp_climate_step(esp_climate *c, double dt) {
  ESP_CALL(esp_flow_step(c->flow, dt, physics, c));
  next_amplitudes(c, dt);
  return ESP_OK;
}

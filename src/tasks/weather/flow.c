/* State, tables and steps of the flow: see flow.h. */
#include "tasks/weather/flow.h"

#include <math.h>
#include <string.h>

#include "base/exact_sum.h"
#include "tasks/weather/flow_work.h"
#include "tasks/weather/sphere.h"

/* ---- tables ---- */

static int alloc_work(const esp_mesh *m, struct esp_flow_work *w) {
  ESP_CALL(ESP_ALLOC(w->out, m->cell_end[2]));
  ESP_CALL(ESP_ALLOC(w->part, m->cell_end[2]));
  ESP_CALL(ESP_ALLOC(w->curl, m->n_vertex));
  ESP_CALL(ESP_ALLOC(w->share, m->n_vertex));
  ESP_CALL(ESP_ALLOC(w->slope, m->cell_end[1]));
  ESP_CALL(ESP_ALLOC(w->reach, m->cell_end[1]));
  ESP_CALL(ESP_ALLOC(w->zeta, m->n_vertex));
  ESP_CALL(ESP_ALLOC(w->vertex_p, m->n_vertex));
  ESP_CALL(ESP_ALLOC(w->kinetic, m->n_cell));
  ESP_CALL(ESP_ALLOC(w->cell_p, m->n_cell));
  ESP_CALL(ESP_ALLOC(w->spread, m->n_cell));
  ESP_CALL(ESP_ALLOC(w->flux, m->n_edge));
  ESP_CALL(ESP_ALLOC(w->edge_p, m->n_edge));
  ESP_CALL(ESP_ALLOC(w->smooth, m->n_edge));
  ESP_CALL(ESP_ALLOC(w->tracer, m->n_cell));
  ESP_CALL(ESP_ALLOC(w->face, m->cell_end[1]));
  ESP_CALL(ESP_ALLOC(w->over_across, m->edge_end[2]));
  ESP_CALL(ESP_ALLOC(w->over_along, m->edge_end[2]));
  ESP_CALL(ESP_ALLOC(w->carried, m->edge_end[1]));
  ESP_CALL(ESP_ALLOC(w->dcell, m->n_own));
  ESP_CALL(ESP_ALLOC(w->du, m->n_own_edge));
  ESP_CALL(ESP_ALLOC(w->cell_0, m->n_own));
  return ESP_ALLOC(w->u_0, m->n_own_edge);
}

static void free_work(struct esp_flow_work **work) {
  struct esp_flow_work *w = *work;
  if (!w) return;
  ESP_FREE(w->out);
  ESP_FREE(w->part);
  ESP_FREE(w->curl);
  ESP_FREE(w->share);
  ESP_FREE(w->slope);
  ESP_FREE(w->reach);
  ESP_FREE(w->zeta);
  ESP_FREE(w->vertex_p);
  ESP_FREE(w->kinetic);
  ESP_FREE(w->cell_p);
  ESP_FREE(w->spread);
  ESP_FREE(w->flux);
  ESP_FREE(w->edge_p);
  ESP_FREE(w->smooth);
  ESP_FREE(w->tracer);
  ESP_FREE(w->face);
  ESP_FREE(w->over_across);
  ESP_FREE(w->over_along);
  ESP_FREE(w->carried);
  ESP_FREE(w->dcell);
  ESP_FREE(w->du);
  ESP_FREE(w->cell_0);
  ESP_FREE(w->u_0);
  ESP_FREE(*work);
}

static void divergence_table(const esp_mesh *m, struct esp_flow_work *w) {
  for (int c = 0; c < m->cell_end[2]; c++)
    for (int k = 0; k < m->degree[c]; k++) {
      const int v = m->vertex[c][k];
      w->out[c][k] = esp_mesh_out(m, c, k) * m->along[m->edge[c][k]] / m->area[c];
      for (int corner = 0; corner < 3; corner++)
        if (m->corner[v][corner] == c) w->part[c][k] = m->kite[v][corner] / m->area[c];
    }
}

static void curl_table(const esp_mesh *m, struct esp_flow_work *w) {
  for (int v = 0; v < m->n_vertex; v++)
    for (int k = 0; k < 3; k++) {
      const int e = m->rim[v][k], forth = m->ends[e][0] == m->corner[v][k];
      w->curl[v][k] = (forth ? 1 : -1) * m->across[e] / m->vertex_area[v];
      w->share[v][k] = m->kite[v][k] / m->vertex_area[v];
    }
}

static void edge_table(const esp_mesh *m, struct esp_flow_work *w) {
  for (int e = 0; e < m->edge_end[2]; e++) w->over_across[e] = 1 / m->across[e], w->over_along[e] = 1 / m->along[e];
}

/* Coordinates of a point in the plane that touches the sphere at x. */
static void in_plane(const double x[3], const double axis[2][3], const double point[3], double at[2]) {
  double away[3];
  for (int k = 0; k < 3; k++) away[k] = point[k] - x[k];
  at[0] = esp_dot3(away, axis[0]), at[1] = esp_dot3(away, axis[1]);
}

/* The gradient that fits the neighbours' differences best. */
static void slope_table(const esp_mesh *m, struct esp_flow_work *w) {
  for (int c = 0; c < m->cell_end[1]; c++) {
    const double *x = m->x[c], pole[3] = {0, 0, 1}, beside[3] = {1, 0, 0};
    double axis[2][3], at[6][2], xx = 0, xy = 0, yy = 0;
    esp_cross3(fabs(x[2]) < 0.9 ? pole : beside, x, axis[0]);
    esp_unit3(axis[0]);
    esp_cross3(x, axis[0], axis[1]);
    for (int k = 0; k < m->degree[c]; k++) {
      in_plane(x, (const double(*)[3])axis, m->x[m->near[c][k]], at[k]);
      in_plane(x, (const double(*)[3])axis, m->middle[m->edge[c][k]], w->reach[c][k]);
      xx += at[k][0] * at[k][0], xy += at[k][0] * at[k][1], yy += at[k][1] * at[k][1];
    }
    for (int k = 0; k < m->degree[c]; k++) {
      w->slope[c][k][0] = (yy * at[k][0] - xy * at[k][1]) / (xx * yy - xy * xy);
      w->slope[c][k][1] = (xx * at[k][1] - xy * at[k][0]) / (xx * yy - xy * xy);
    }
  }
}

int esp_flow_create(const esp_mesh *mesh, const esp_flow_param *param, esp_flow *flow) {
  int rc;
  *flow = (esp_flow){.mesh = mesh, .param = *param};
  ESP_TRY(ESP_ALLOC(flow->cell, mesh->n_cell));
  ESP_TRY(ESP_ALLOC(flow->u, mesh->n_edge));
  ESP_TRY(ESP_ALLOC(flow->mountain, mesh->n_cell));
  ESP_TRY(ESP_ALLOC(flow->coriolis, mesh->n_vertex));
  ESP_TRY(ESP_ALLOC(flow->work, 1));
  ESP_TRY(alloc_work(mesh, flow->work));
  divergence_table(mesh, flow->work);
  curl_table(mesh, flow->work);
  edge_table(mesh, flow->work);
  slope_table(mesh, flow->work);
done:
  if (rc) esp_flow_free(flow);
  return rc;
}

void esp_flow_free(esp_flow *flow) {
  free_work(&flow->work);
  ESP_FREE(flow->cell);
  ESP_FREE(flow->u);
  ESP_FREE(flow->mountain);
  ESP_FREE(flow->coriolis);
  *flow = (esp_flow){0};
}

/* ---- steps ---- */

/* y = y_0 + part (y + dt f(y) - y_0): every stage of SSP-RK3, written so that what is constant stays to the bit. */
static void advance(esp_flow *flow, double part, double dt) {
  const esp_mesh *m = flow->mesh;
  const struct esp_flow_work *w = flow->work;
  for (int c = 0; c < m->n_own; c++)
    for (int f = 0; f < ESP_FLOW_FIELDS; f++) {
      const double before = w->cell_0[c][f];
      flow->cell[c][f] = before + part * (flow->cell[c][f] + dt * w->dcell[c][f] - before);
    }
  for (int e = 0; e < m->n_own_edge; e++) flow->u[e] = w->u_0[e] + part * (flow->u[e] + dt * w->du[e] - w->u_0[e]);
}

int esp_flow_step(esp_flow *flow, double dt, esp_flow_forcing forcing, void *context) {
  static const double part[3] = {1, 0.25, 2.0 / 3};
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  if (m->n_own) memcpy(w->cell_0, flow->cell, (size_t)m->n_own * sizeof *w->cell_0);
  if (m->n_own) memcpy(w->u_0, flow->u, (size_t)m->n_own_edge * sizeof *w->u_0);
  for (int stage = 0; stage < 3; stage++) {
    esp_flow_stage(flow, dt);
    advance(flow, part[stage], dt);
    if (stage == 2 && forcing) forcing(context, flow, dt);
    ESP_CALL(esp_mesh_fill_cells(m, sizeof *flow->cell, flow->cell));
    ESP_CALL(esp_mesh_fill_edges(m, sizeof *flow->u, flow->u));
  }
  return ESP_OK;
}

int esp_flow_limit(const esp_flow *flow, double *dt) {
  const esp_mesh *m = flow->mesh;
  const double weight = flow->param.gravity / flow->param.theta_0;
  double rate = 0;
  for (int e = 0; e < m->n_own_edge; e++)
    for (int k = 0; k < 2; k++) {
      const double wave = sqrt(fmax(weight * flow->cell[m->ends[e][k]][ESP_FLOW_S], 0));
      rate = fmax(rate, (wave + fabs(flow->u[e])) / m->across[e]);
    }
  ESP_CALL(m->comm->max_f64(m->comm, &rate, 1));
  *dt = rate > 0 ? 0.8 / rate : INFINITY;
  return ESP_OK;
}

/* ---- what is read from a state ---- */

enum { MASS, WATER, HEAT, ENERGY, ENSTROPHY, SUMS };

static double energy(const esp_flow *flow, int c) {
  const esp_mesh *m = flow->mesh;
  const double h = flow->cell[c][ESP_FLOW_H_], S = flow->cell[c][ESP_FLOW_S];
  double kinetic = 0;
  for (int k = 0; k < m->degree[c]; k++) {
    const int e = m->edge[c][k];
    const double between = (flow->cell[m->ends[e][0]][ESP_FLOW_H_] + flow->cell[m->ends[e][1]][ESP_FLOW_H_]) / 2;
    kinetic += m->along[e] * m->across[e] * flow->u[e] * flow->u[e] * between / 4;
  }
  return kinetic + m->area[c] * flow->param.gravity / flow->param.theta_0 * S * (h / 2 + flow->mountain[c]);
}

/* Of the vertices whose smallest cell is own. */
static double enstrophy(const esp_flow *flow, int v) {
  const esp_mesh *m = flow->mesh;
  double circulation = 0, h = 0;
  for (int k = 0; k < 3; k++) {
    circulation += flow->work->curl[v][k] * flow->u[m->rim[v][k]];
    h += flow->work->share[v][k] * flow->cell[m->corner[v][k]][ESP_FLOW_H_];
  }
  const double absolute = circulation + flow->coriolis[v];
  return m->vertex_area[v] * absolute * absolute / h / 2;
}

int esp_flow_budget_take(const esp_flow *flow, esp_flow_budget *budget) {
  const esp_mesh *m = flow->mesh;
  const esp_exact_format *exact = &ESP_EXACT_FULL;
  int64_t acc[SUMS * ESP_EXACT_FULL_WORDS] = {0};
  double sum[SUMS];
  for (int c = 0; c < m->n_own; c++) {
    const double *y = flow->cell[c];
    const double term[4] = {m->area[c] * y[ESP_FLOW_H_], m->area[c] * y[ESP_FLOW_Q], m->area[c] * y[ESP_FLOW_S],
                            energy(flow, c)};
    for (int s = 0; s < 4; s++) esp_exact_add(exact, acc + s * ESP_EXACT_FULL_WORDS, term[s]);
  }
  for (int v = 0; v < m->n_vertex; v++)
    if (m->corner[v][0] < m->n_own) esp_exact_add(exact, acc + ENSTROPHY * ESP_EXACT_FULL_WORDS, enstrophy(flow, v));
  esp_exact_carry(exact, acc, SUMS);
  ESP_CALL(m->comm->sum_i64(m->comm, acc, SUMS * ESP_EXACT_FULL_WORDS));
  for (int s = 0; s < SUMS; s++) sum[s] = esp_exact_value(exact, acc + s * ESP_EXACT_FULL_WORDS);
  *budget = (esp_flow_budget){sum[MASS], sum[WATER], sum[HEAT], sum[ENERGY], sum[ENSTROPHY]};
  return ESP_OK;
}

void esp_flow_wind(const esp_flow *flow, double (*wind)[3]) {
  const esp_mesh *m = flow->mesh;
  for (int c = 0; c < m->n_own; c++) {
    for (int a = 0; a < 3; a++) wind[c][a] = 0;
    for (int k = 0; k < m->degree[c]; k++) {
      const int e = m->edge[c][k];
      const double out = ESP_EARTH_RADIUS * flow->work->out[c][k] * flow->u[e];
      for (int a = 0; a < 3; a++) wind[c][a] += out * (m->middle[e][a] - m->x[c][a]);
    }
    const double up = esp_dot3(wind[c], m->x[c]);
    for (int a = 0; a < 3; a++) wind[c][a] -= up * m->x[c][a];
  }
}

int esp_flow_from_stream(esp_flow *flow, const double *stream) {
  const esp_mesh *m = flow->mesh;
  for (int e = 0; e < m->n_own_edge; e++) flow->u[e] = -(stream[m->sides[e][1]] - stream[m->sides[e][0]]) / m->along[e];
  return esp_mesh_fill_edges(m, sizeof *flow->u, flow->u);
}

/* Tendencies: see flow.h. Each loop goes as far out as the next needs it: cells and edges lie ring by ring. */
#include "tasks/weather/flow_work.h"

static void at_vertices(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  for (int v = 0; v < m->n_vertex; v++) {
    double zeta = 0, h = 0;
    for (int k = 0; k < 3; k++) {
      zeta += w->curl[v][k] * flow->u[m->rim[v][k]];
      h += w->share[v][k] * flow->cell[m->corner[v][k]][ESP_FLOW_H_];
    }
    w->zeta[v] = zeta;
    w->vertex_p[v] = (zeta + flow->coriolis[v]) / h;
  }
}

static void at_cells(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  const double weight = flow->param.gravity / flow->param.theta_0;
  for (int c = 0; c < m->n_cell; c++) {
    w->tracer[c][0] = flow->cell[c][ESP_FLOW_S] / flow->cell[c][ESP_FLOW_H_];
    w->tracer[c][1] = flow->cell[c][ESP_FLOW_Q] / flow->cell[c][ESP_FLOW_H_];
  }
  for (int c = 0; c < m->cell_end[2]; c++) {
    double kinetic = 0, p = 0, spread = 0;
    for (int k = 0; k < m->degree[c]; k++) {
      const int e = m->edge[c][k];
      kinetic += m->along[e] * m->across[e] * flow->u[e] * flow->u[e];
      spread += w->out[c][k] * flow->u[e];
      p += w->part[c][k] * w->vertex_p[m->vertex[c][k]];
    }
    w->kinetic[c] = kinetic / (4 * m->area[c]) + weight * flow->cell[c][ESP_FLOW_S] / 2;
    w->spread[c] = spread;
    w->cell_p[c] = p;
  }
}

/* Along t_e, of any flux through edges. */
static double perp(const esp_mesh *m, int e, const double *flux) {
  double sum = 0;
  for (int k = 0; k < ESP_MESH_PERP; k++) sum += m->perp_weight[e][k] * flux[m->perp[e][k]];
  return sum;
}

/* L(u) = grad div u - rotated grad curl u. */
static double laplacian(const esp_mesh *m, const struct esp_flow_work *w, int e) {
  return (w->spread[m->ends[e][1]] - w->spread[m->ends[e][0]]) * w->over_across[e] -
         (w->zeta[m->sides[e][1]] - w->zeta[m->sides[e][0]]) * w->over_along[e];
}

static void at_edges(const esp_flow *flow, double dt) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  for (int e = 0; e < m->edge_end[2]; e++) {
    const int a = m->ends[e][0], b = m->ends[e][1], left = m->sides[e][1], right = m->sides[e][0];
    const double u = flow->u[e];
    w->flux[e] = u * (flow->cell[a][ESP_FLOW_H_] + flow->cell[b][ESP_FLOW_H_]) / 2;
    const double ahead = (w->cell_p[b] - w->cell_p[a]) * w->over_across[e];
    const double aside = (w->vertex_p[left] - w->vertex_p[right]) * w->over_along[e];
    w->edge_p[e] = (w->vertex_p[right] + w->vertex_p[left]) / 2 - dt / 2 * (u * ahead + perp(m, e, flow->u) * aside);
    if (flow->param.nu4 > 0) w->smooth[e] = laplacian(m, w, e);
  }
}

/* Values of theta and q at the edges of a cell, as it sees them. */
static void reconstruct(const esp_flow *flow, int c) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  const int degree = m->degree[c];
  for (int f = 0; f < 2; f++) {
    const double here = w->tracer[c][f];
    double slope[2] = {0, 0}, high = 0, low = 0, rise[6], limit = 1;
    for (int k = 0; k < degree; k++) {
      const double difference = w->tracer[m->near[c][k]][f] - here;
      slope[0] += w->slope[c][k][0] * difference;
      slope[1] += w->slope[c][k][1] * difference;
      high = difference > high ? difference : high;
      low = difference < low ? difference : low;
    }
    for (int k = 0; k < degree; k++) {
      rise[k] = slope[0] * w->reach[c][k][0] + slope[1] * w->reach[c][k][1];
      if (rise[k] * limit > high) limit = high / rise[k];
      if (rise[k] * limit < low) limit = low / rise[k];
    }
    for (int k = 0; k < degree; k++) {
      const double face = here + limit * rise[k];
      w->face[c][k][f] = face > 0 ? face : 0;
    }
  }
}

/* What a flux carries is what the cell it comes from has at the edge. */
static void carry(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  for (int c = 0; c < m->cell_end[1]; c++) reconstruct(flow, c);
  for (int e = 0; e < m->edge_end[1]; e++) {
    const int from = w->flux[e] < 0;
    const double *face = w->face[m->ends[e][from]][m->slot[e][from]];
    w->carried[e][0] = w->flux[e] * face[0];
    w->carried[e][1] = w->flux[e] * face[1];
  }
}

static void spread_cells(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  for (int c = 0; c < m->n_own; c++) {
    double h = 0, s = 0, q = 0;
    for (int k = 0; k < m->degree[c]; k++) {
      const int e = m->edge[c][k];
      h -= w->out[c][k] * w->flux[e];
      s -= w->out[c][k] * w->carried[e][0];
      q -= w->out[c][k] * w->carried[e][1];
    }
    w->dcell[c][ESP_FLOW_H_] = h, w->dcell[c][ESP_FLOW_S] = s, w->dcell[c][ESP_FLOW_Q] = q;
  }
}

/* The second Laplacian in place of the first one's divergence and curl. */
static void smooth_again(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  for (int c = 0; c < m->cell_end[1]; c++) {
    double spread = 0;
    for (int k = 0; k < m->degree[c]; k++) spread += w->out[c][k] * w->smooth[m->edge[c][k]];
    w->spread[c] = spread;
  }
  for (int v = 0; v < m->vertex_end[2]; v++) {
    double zeta = 0;
    for (int k = 0; k < 3; k++) zeta += w->curl[v][k] * w->smooth[m->rim[v][k]];
    w->zeta[v] = zeta;
  }
}

static void push_edges(const esp_flow *flow) {
  const esp_mesh *m = flow->mesh;
  struct esp_flow_work *w = flow->work;
  const double weight = flow->param.gravity / flow->param.theta_0;
  for (int e = 0; e < m->n_own_edge; e++) {
    const int a = m->ends[e][0], b = m->ends[e][1];
    double turn = 0;
    for (int k = 0; k < ESP_MESH_PERP; k++) {
      const int other = m->perp[e][k];
      turn += m->perp_weight[e][k] * w->flux[other] * (w->edge_p[e] + w->edge_p[other]) / 2;
    }
    const double top_a = flow->cell[a][ESP_FLOW_H_] / 2 + flow->mountain[a];
    const double top_b = flow->cell[b][ESP_FLOW_H_] / 2 + flow->mountain[b];
    const double buoyancy = weight * (w->tracer[a][0] + w->tracer[b][0]) / 2;
    w->du[e] = turn - (w->kinetic[b] - w->kinetic[a] + buoyancy * (top_b - top_a)) * w->over_across[e];
    if (flow->param.nu4 > 0) w->du[e] -= flow->param.nu4 * laplacian(m, w, e);
  }
}

void esp_flow_stage(const esp_flow *flow, double dt) {
  at_vertices(flow);
  at_cells(flow);
  at_edges(flow, dt);
  carry(flow);
  spread_cells(flow);
  if (flow->param.nu4 > 0) smooth_again(flow);
  push_edges(flow);
}

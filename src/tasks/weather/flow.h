/* Thermal rotating shallow water on the mesh: a layer of depth h whose weight is its temperature's, with moisture carried along.
 *
 *   dh/dt = -div F,  F = h u           B = g theta / theta_0,  K = |u|^2 / 2,  P = (zeta + f) / h
 *   du/dt = -P k x F - grad(K + B h / 2) - B grad(h / 2 + hs) - nu4 lap^2 u
 *   d(h theta)/dt = -div(theta F),  d(h q)/dt = -div(q F)
 *
 * C grid: h, theta, q at cells, u normal to edges. P is carried to where the flow came from half a step ago (APVM); fluxes of
 * theta and q are upwind, of second order, limited so that no new extremes arise; time steps are SSP-RK3. Mass, water and h
 * theta are conserved to rounding, total energy but for the time step and the limiter.
 *
 * Lineage: T. Ringler et al., J. Comput. Phys. 229 (2010) 3065; J. Thuburn et al. 228 (2009) 8321; R. Sadourny, C. Basdevant,
 * J. Atmos. Sci. 42 (1985) 1353; T. Barth, D. Jespersen, AIAA 89-0366 (1989); S. Gottlieb, C.-W. Shu, Math. Comp. 67 (1998) 73.
 *
 * A stage needs ESP_MESH_RINGS rings and one exchange. Numbers have the same bits on any number of ranks. */
#ifndef ESP_FLOW_H
#define ESP_FLOW_H

#include "tasks/weather/mesh.h"

enum { ESP_FLOW_H_, ESP_FLOW_S, ESP_FLOW_Q, ESP_FLOW_FIELDS }; /* h, h theta, h q */

typedef struct {
  double gravity, theta_0, nu4; /* m/s^2, K, m^4/s */
} esp_flow_param;

typedef struct {
  const esp_mesh *mesh; /* borrowed */
  esp_flow_param param;
  double (*cell)[ESP_FLOW_FIELDS]; /* [n_cell] state; the caller fills all rows before the first step */
  double *u;                       /* [n_edge] state, m/s, likewise */
  double *mountain;                /* [n_cell] hs, m; the caller's to fill */
  double *coriolis;                /* [n_vertex] f, 1/s, likewise */
  struct esp_flow_work *work;
} esp_flow;

/* The mesh must outlive it. Zeroed. Local. Freed with esp_flow_free. */
int esp_flow_create(const esp_mesh *mesh, const esp_flow_param *param, esp_flow *flow);
void esp_flow_free(esp_flow *flow);
/* What else happens to own cells and edges in a step; local. */
typedef void (*esp_flow_forcing)(void *context, esp_flow *flow, double dt);
/* One step of dt seconds, and the forcing (NULL: none) after it. Collective over mesh->comm. */
int esp_flow_step(esp_flow *flow, double dt, esp_flow_forcing forcing, void *context);
/* The largest dt at which (sqrt(B h) + |u|) dt / d <= .8 holds everywhere. Collective. */
int esp_flow_limit(const esp_flow *flow, double *dt);

/* What should stay: volume, water, h theta (their integrals); energy: of h K + B h^2 / 2 + B h hs, potential enstrophy: of
 * h_v P^2 / 2. Exact sums. Collective. */
typedef struct {
  double mass, water, heat, energy, enstrophy;
} esp_flow_budget;
int esp_flow_budget_take(const esp_flow *flow, esp_flow_budget *budget);
/* Wind at own cells, along x, y, z: [n_own][3] (B. Perot, J. Comput. Phys. 159 (2000) 58). Local. */
void esp_flow_wind(const esp_flow *flow, double (*wind)[3]);
/* u from a stream function at vertices [n_vertex], m^2/s: without divergence to rounding; needs both ends of an edge, so a
 * fill follows. Collective. */
int esp_flow_from_stream(esp_flow *flow, const double *stream);

#endif

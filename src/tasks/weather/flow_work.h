/* Inside tasks/weather: what a stage of the flow computes with. */
#ifndef ESP_FLOW_WORK_H
#define ESP_FLOW_WORK_H

#include "tasks/weather/flow.h"

struct esp_flow_work {
  /* tables, beside those of the mesh */
  double (*out)[6];                      /* [cells of ring <= 2] +-l_e / A_i: divergence */
  double (*curl)[3];                     /* [n_vertex] +-d_e / A_v */
  double (*share)[3];                    /* [n_vertex] of a vertex: R_iv / A_v */
  double (*part)[6];                     /* [cells of ring <= 2] of a cell: R_iv / A_i */
  double *over_across, *over_along;      /* [edges of level <= 2] 1 / d_e, 1 / l_e */
  double (*slope)[6][2], (*reach)[6][2]; /* [cells of ring <= 1] least-squares gradient; from the cell to its edges */
  /* a stage */
  double *zeta, *vertex_p;                 /* [n_vertex] */
  double *kinetic, *cell_p, *spread;       /* [n_cell] K + B h / 2; P at cells; divergence */
  double *flux, *edge_p, *smooth;          /* [n_edge] F, P at edges, L(u) */
  double (*tracer)[2];                     /* [n_cell] theta, q */
  double (*face)[6][2];                    /* [cells of ring <= 1] their values at the cell's edges */
  double (*carried)[2];                    /* [edges of level <= 1] F theta, F q */
  double (*dcell)[ESP_FLOW_FIELDS], *du;   /* [n_own], [n_own_edge] tendencies */
  double (*cell_0)[ESP_FLOW_FIELDS], *u_0; /* the state before the step */
};

/* Tendencies of own cells and edges from a state whose halos are filled; dt: of the step, for P. Local. */
void esp_flow_stage(const esp_flow *flow, double dt);

#endif

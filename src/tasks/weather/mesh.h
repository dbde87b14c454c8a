/* The mesh of the atmosphere: the Voronoi cells of an icosahedral grid, or this rank's patch of them: the cells it owns and
 * `rings` rings of others around them. Every table is a gather in an order that follows from numbers alone, so that a
 * number of a cell, an edge or a vertex has the same bits on any number of ranks.
 *
 * Cells are owned by the leaves of the tree of their places, as everything is. They lie ring by ring: own cells first, then
 * those one step away, and so on. The level of an edge or a vertex is the farthest ring of its cells; edges and vertices
 * lie by level, and the edges this rank owns (those whose first cell it owns) first.
 *
 * Edge e between cells c1 and c2, c1 the smaller number: n_e from c1 to c2, t_e to the left of it, v1 and v2 its ends, v2 on
 * the side of t_e. Lengths and areas are those of the sphere of ESP_EARTH_RADIUS, in m and m^2.
 *
 * Lineage: J. Thuburn, T. Ringler, W. Skamarock, J. Klemp, J. Comput. Phys. 228 (2009) 8321 (weights of the flux along an
 * edge); T. Ringler et al., J. Comput. Phys. 229 (2010) 3065. */
#ifndef ESP_MESH_H
#define ESP_MESH_H

#include "net/device.h"

#define ESP_EARTH_RADIUS 6.37122e6

enum { ESP_MESH_RINGS = 3, ESP_MESH_PERP = 10 };

typedef struct {
  const esp_comm *comm; /* borrowed */
  int level;
  int64_t cells;                                   /* in all */
  int n_own, n_cell, cell_end[ESP_MESH_RINGS + 1]; /* cells of ring <= r are [0, cell_end[r]) */
  int64_t *id;                                     /* [n_cell] */
  double (*x)[3];                                  /* [n_cell] on the unit sphere */
  double *area; /* [cell_end[RINGS - 1]], as where the edges and vertices of a cell are used */
  int *degree;  /* [n_cell] 5 or 6 */
  int (*near)[6], (*edge)[6],
      (*vertex)[6]; /* [n_cell] counter-clockwise; vertex k lies between near k and k + 1; -1: not here */
  int n_own_edge, n_edge, edge_end[ESP_MESH_RINGS + 1];
  int64_t *edge_id;                  /* [n_edge] */
  int (*ends)[2], (*slot)[2];        /* [n_edge] cells c1, c2; place among the edges of each */
  int (*sides)[2];                   /* [n_edge] vertices v1, v2, -1: not here */
  double (*middle)[3], (*normal)[3]; /* [n_edge] x_e, n_e */
  double *across, *along;            /* [n_edge] d_e between the cells, l_e between the vertices (0 without them) */
  /* [edge_end[RINGS - 1]] flux along t_e of edge e = sum of weight times flux through its neighbours; last ones may be 0 */
  int (*perp)[ESP_MESH_PERP];
  double (*perp_weight)[ESP_MESH_PERP];
  int n_vertex, vertex_end[ESP_MESH_RINGS + 1];
  int (*corner)[3],
      (*rim)[3]; /* [n_vertex] cells, counter-clockwise from the smallest number; edges between corner k and k + 1 */
  double (*kite)[3]; /* area shared with corner k */
  double *vertex_area, (*vertex_x)[3];
  esp_exchange *cell_exchange, *edge_exchange;
} esp_mesh;

/* sweeps: of Lloyd's algorithm, after which cells lie nearer to their centres. Collective over backend->comm. Errors: memory,
 * ESP_ERR_CONFIG for a level outside 2 to 10, those of the tree. A rank may own nothing. Freed with esp_mesh_free. */
int esp_mesh_create(const esp_backend *backend, int level, int sweeps, esp_mesh *mesh);
void esp_mesh_free(esp_mesh *mesh);

/* Fill the rows of other ranks' cells (edges) in rows [n_cell] ([n_edge]) of `unit` bytes. Collective. */
int esp_mesh_fill_cells(const esp_mesh *mesh, size_t unit, void *rows);
int esp_mesh_fill_edges(const esp_mesh *mesh, size_t unit, void *rows);
/* Sum over all cells of value [n_own] times area: the same bits on any number of ranks. Collective. */
int esp_mesh_integral(const esp_mesh *mesh, const double *value, double *sum);

/* +1 where edge k of a cell leads out of it along n_e, else -1. Local. */
static inline double esp_mesh_out(const esp_mesh *mesh, int cell, int k) {
  return mesh->ends[mesh->edge[cell][k]][0] == cell ? 1 : -1;
}

#endif

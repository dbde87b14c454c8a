/* Edges and vertices of a mesh, its areas and weights: see mesh.h. */
#include "tasks/weather/mesh_tables.h"

#include <stdlib.h>
#include <string.h>

#include "tasks/weather/sphere.h"

/* An edge or a vertex as its cell of the smallest number sees it: the edge to neighbour k, the vertex behind it. */
typedef struct {
  int level, foreign, cell, k;
  int64_t id;
} found;

static int by_level(const void *a, const void *b) {
  const found *x = a, *y = b;
  if (x->level != y->level) return x->level < y->level ? -1 : 1;
  if (x->foreign != y->foreign) return x->foreign < y->foreign ? -1 : 1;
  return (x->id > y->id) - (x->id < y->id);
}

static int ring_of(const esp_mesh *m, int cell) {
  int ring = 0;
  while (cell >= m->cell_end[ring]) ring++;
  return ring;
}

/* The k-th edge (vertex: 1) of a cell, if it is here and the cell has the smallest number. */
static int look(const esp_mesh *m, int vertex, int cell, int k, found *at) {
  const int next = m->near[cell][k], after = vertex ? m->near[cell][(k + 1) % m->degree[cell]] : next;
  if (next < 0 || after < 0 || m->id[next] < m->id[cell] || m->id[after] < m->id[cell]) return 0;
  const int beside = esp_imax(ring_of(m, next), ring_of(m, after));
  *at = (found){.level = esp_imax(ring_of(m, cell), beside),
                .foreign = cell >= m->n_own,
                .cell = cell,
                .k = k,
                .id = 6 * m->id[cell] + k};
  return 1;
}

static int find(const esp_mesh *m, int vertex, found **all, int *count) {
  size_t room = 0, n = 0;
  found at;
  for (int c = 0; c < m->n_cell; c++)
    for (int k = 0; k < m->degree[c]; k++) {
      if (!look(m, vertex, c, k, &at)) continue;
      ESP_CALL(ESP_GROW(*all, room, n + 1));
      (*all)[n++] = at;
    }
  if (n) qsort(*all, n, sizeof **all, by_level);
  *count = (int)n;
  return ESP_OK;
}

/* Place of cell b among the neighbours of a. */
static int place_of(const esp_mesh *m, int a, int b) {
  int k = 0;
  while (m->near[a][k] != b) k++;
  return k;
}

/* ---- vertices ---- */

static void set_vertex(esp_mesh *m, const found *at, int v) {
  int *corner = m->corner[v];
  corner[0] = at->cell;
  corner[1] = m->near[at->cell][at->k];
  corner[2] = m->near[at->cell][(at->k + 1) % m->degree[at->cell]];
  for (int k = 0; k < 3; k++) m->vertex[corner[k]][place_of(m, corner[k], corner[(k + 1) % 3])] = v;
  esp_circumcentre3(m->x[corner[0]], m->x[corner[1]], m->x[corner[2]], m->vertex_x[v]);
  for (int k = 0; k < 3; k++) {
    const double *x = m->x[corner[k]];
    double next[3], before[3];
    esp_middle3(x, m->x[corner[(k + 1) % 3]], next);
    esp_middle3(x, m->x[corner[(k + 2) % 3]], before);
    m->kite[v][k] = ESP_EARTH_RADIUS * ESP_EARTH_RADIUS *
                    (esp_triangle3(x, next, m->vertex_x[v]) + esp_triangle3(x, m->vertex_x[v], before));
  }
  m->vertex_area[v] = m->kite[v][0] + m->kite[v][1] + m->kite[v][2];
}

static int make_vertices(esp_mesh *m) {
  found *all = NULL;
  int rc = find(m, 1, &all, &m->n_vertex);
  if (!rc) rc = ESP_ALLOC(m->corner, m->n_vertex);
  if (!rc) rc = ESP_ALLOC(m->rim, m->n_vertex);
  if (!rc) rc = ESP_ALLOC(m->kite, m->n_vertex);
  if (!rc) rc = ESP_ALLOC(m->vertex_area, m->n_vertex);
  if (!rc) rc = ESP_ALLOC(m->vertex_x, m->n_vertex);
  if (!rc) rc = ESP_ALLOC(m->vertex, m->n_cell);
  for (int c = 0; c < m->n_cell && !rc; c++)
    for (int k = 0; k < 6; k++) m->vertex[c][k] = -1;
  for (int v = 0; v < m->n_vertex && !rc; v++) {
    set_vertex(m, &all[v], v);
    for (int ring = all[v].level; ring <= ESP_MESH_RINGS; ring++) m->vertex_end[ring] = v + 1;
  }
  ESP_FREE(all);
  return rc;
}

/* ---- edges ---- */

static void set_edge(esp_mesh *m, const found *at, int e) {
  const int a = at->cell, b = m->near[a][at->k];
  m->edge_id[e] = at->id;
  m->ends[e][0] = a, m->ends[e][1] = b;
  m->slot[e][0] = at->k, m->slot[e][1] = place_of(m, b, a);
  m->edge[a][at->k] = m->edge[b][m->slot[e][1]] = e;
  m->sides[e][0] = m->vertex[a][(at->k + m->degree[a] - 1) % m->degree[a]];
  m->sides[e][1] = m->vertex[a][at->k];
  esp_middle3(m->x[a], m->x[b], m->middle[e]);
  for (int k = 0; k < 3; k++) m->normal[e][k] = m->x[b][k] - m->x[a][k];
  esp_unit3(m->normal[e]);
  m->across[e] = ESP_EARTH_RADIUS * esp_arc3(m->x[a], m->x[b]);
  if (m->sides[e][0] >= 0 && m->sides[e][1] >= 0)
    m->along[e] = ESP_EARTH_RADIUS * esp_arc3(m->vertex_x[m->sides[e][0]], m->vertex_x[m->sides[e][1]]);
}

static int make_edges(esp_mesh *m) {
  found *all = NULL;
  int rc = find(m, 0, &all, &m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->edge_id, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->ends, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->slot, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->sides, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->middle, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->normal, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->across, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->along, m->n_edge);
  if (!rc) rc = ESP_ALLOC(m->edge, m->n_cell);
  for (int c = 0; c < m->n_cell && !rc; c++)
    for (int k = 0; k < 6; k++) m->edge[c][k] = -1;
  for (int e = 0; e < m->n_edge && !rc; e++) {
    set_edge(m, &all[e], e);
    if (!all[e].foreign) m->n_own_edge++;
    for (int ring = all[e].level; ring <= ESP_MESH_RINGS; ring++) m->edge_end[ring] = e + 1;
  }
  ESP_FREE(all);
  for (int v = 0; v < m->n_vertex && !rc; v++)
    for (int k = 0; k < 3; k++) {
      const int a = m->corner[v][k];
      m->rim[v][k] = m->edge[a][place_of(m, a, m->corner[v][(k + 1) % 3])];
    }
  return rc;
}

/* ---- areas and weights ---- */

/* Area of the kite that a cell shares with its k-th vertex. */
static double kite_of(const esp_mesh *m, int cell, int k) {
  const int v = m->vertex[cell][k];
  for (int corner = 0; corner < 2; corner++)
    if (m->corner[v][corner] == cell) return m->kite[v][corner];
  return m->kite[v][2];
}

static int make_areas(esp_mesh *m) {
  const int cells = m->cell_end[ESP_MESH_RINGS - 1];
  ESP_CALL(ESP_ALLOC(m->area, cells));
  for (int c = 0; c < cells; c++)
    for (int k = 0; k < m->degree[c]; k++) m->area[c] += kite_of(m, c, k);
  return ESP_OK;
}

/* From edge e around cell c, counter-clockwise: at entry `at`, which is returned behind them. */
static int set_weights(esp_mesh *m, int e, int c, int at) {
  const int degree = m->degree[c];
  int k = 0;
  double walked = 0;
  while (m->edge[c][k] != e) k++;
  const double out = esp_mesh_out(m, c, k);
  for (int step = 1; step < degree; step++, at++) {
    const int last = (k + step - 1) % degree, here = (k + step) % degree, other = m->edge[c][here];
    walked += kite_of(m, c, last) / m->area[c];
    m->perp[e][at] = other;
    m->perp_weight[e][at] = out * esp_mesh_out(m, c, here) * (0.5 - walked) * m->along[other] / m->across[e];
  }
  return at;
}

static int make_weights(esp_mesh *m) {
  const int edges = m->edge_end[ESP_MESH_RINGS - 1];
  ESP_CALL(ESP_ALLOC(m->perp, edges));
  ESP_CALL(ESP_ALLOC(m->perp_weight, edges));
  for (int e = 0; e < edges; e++) set_weights(m, e, m->ends[e][1], set_weights(m, e, m->ends[e][0], 0));
  return ESP_OK;
}

int esp_mesh_tables(esp_mesh *mesh) {
  ESP_CALL(make_vertices(mesh));
  ESP_CALL(make_edges(mesh));
  ESP_CALL(make_areas(mesh));
  return make_weights(mesh);
}

/* Who owns which cells, where they lie, and which rings are around them: see mesh.h. The tables are mesh_tables.c. */
#include "tasks/weather/mesh.h"

#include <stdlib.h>
#include <string.h>

#include "base/directory.h"
#include "base/exact_sum.h"
#include "base/set.h"
#include "tasks/weather/icosahedron.h"
#include "tasks/weather/mesh_tables.h"
#include "tasks/weather/sphere.h"

/* ---- owners ---- */

/* Ids of the leaves of the tree of all places that are this rank's, in the tree's order. */
static int own_cells(const esp_backend *backend, esp_mesh *m) {
  const esp_comm *comm = backend->comm;
  /* owners alone are wanted: an angle at which all that is not one's own is far leaves the lists short */
  const esp_domain_param param = {.leaf = 8, .block = 8, .dim = 3, .lists = {.theta = 1e6}};
  esp_domain *dom = NULL;
  int64_t first, count, *id = NULL;
  double(*x)[3] = NULL;
  esp_set_share(m->cells, comm->rank, comm->size, &first, &count);
  int rc = ESP_ALLOC(id, count);
  if (!rc) rc = ESP_ALLOC(x, count);
  ESP_TRY(comm->agree(comm, rc));
  for (int64_t i = 0; i < count; i++) {
    id[i] = first + i;
    esp_icosahedron_place(m->level, first + i, x[i]);
  }
  ESP_TRY(backend->build(comm, &param, (int)count, (const double *)x, NULL, id, &dom));
  m->n_own = m->n_cell = dom->n_own;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(m->id, dom->n_own)));
  if (m->n_own) memcpy(m->id, dom->id, (size_t)m->n_own * sizeof *m->id);
done:
  if (dom) esp_domain_free(&dom);
  ESP_FREE(x);
  ESP_FREE(id);
  return rc;
}

/* ---- rings ---- */

static int by_number(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The cells beside those of the ring before that are not here yet, by number. index: of what is here, by id. */
static int add_ring(esp_mesh *m, int begin, const esp_directory_entry *index) {
  int64_t near[6], *found = NULL;
  size_t room = 0, count = 0, kept = 0, cells = (size_t)m->n_cell;
  int rc = ESP_OK;
  for (int c = begin; c < m->n_cell; c++) {
    const int degree = esp_icosahedron_neighbours(m->level, m->id[c], near);
    ESP_TRY(ESP_GROW(found, room, count + 6));
    for (int k = 0; k < degree; k++)
      if (!esp_directory_find(m->n_cell, index, near[k])) found[count++] = near[k];
  }
  if (count) qsort(found, count, sizeof *found, by_number);
  for (size_t i = 0; i < count; i++)
    if (i == 0 || found[i] != found[i - 1]) found[kept++] = found[i];
  ESP_TRY(ESP_GROW(m->id, cells, cells + kept));
  if (kept) memcpy(m->id + m->n_cell, found, kept * sizeof *found);
  m->n_cell += (int)kept;
done:
  ESP_FREE(found);
  return rc;
}

static int sort_index(const esp_mesh *m, esp_directory_entry **index) {
  ESP_FREE(*index);
  ESP_CALL(ESP_ALLOC(*index, m->n_cell));
  for (int c = 0; c < m->n_cell; c++) (*index)[c] = (esp_directory_entry){m->id[c], 0, c};
  return esp_directory_sort(m->n_cell, *index);
}

/* All rings, and who is beside whom. */
static int add_rings(esp_mesh *m, esp_directory_entry **index) {
  int64_t near[6];
  int begin = 0;
  m->cell_end[0] = m->n_own;
  for (int ring = 1; ring <= ESP_MESH_RINGS; ring++) {
    ESP_CALL(sort_index(m, index));
    const int end = m->n_cell;
    ESP_CALL(add_ring(m, begin, *index));
    begin = end;
    m->cell_end[ring] = m->n_cell;
  }
  ESP_CALL(sort_index(m, index));
  ESP_CALL(ESP_ALLOC(m->degree, m->n_cell));
  ESP_CALL(ESP_ALLOC(m->near, m->n_cell));
  ESP_CALL(ESP_ALLOC(m->x, m->n_cell));
  for (int c = 0; c < m->n_cell; c++) {
    m->degree[c] = esp_icosahedron_neighbours(m->level, m->id[c], near);
    for (int k = 0; k < 6; k++) m->near[c][k] = -1;
    for (int k = 0; k < m->degree[c]; k++) {
      const esp_directory_entry *found = esp_directory_find(m->n_cell, *index, near[k]);
      if (found) m->near[c][k] = found->row;
    }
    esp_icosahedron_place(m->level, m->id[c], m->x[c]);
  }
  return ESP_OK;
}

/* ---- places ---- */

/* The area-weighted mean of the half kites of an own cell. */
static void centre(const esp_mesh *m, int c, double to[3]) {
  const double *x = m->x[c];
  double corner[6][3], sum[3] = {0};
  const int degree = m->degree[c];
  for (int k = 0; k < degree; k++)
    esp_circumcentre3(x, m->x[m->near[c][k]], m->x[m->near[c][(k + 1) % degree]], corner[k]);
  for (int k = 0; k < degree; k++) {
    double middle[3];
    esp_middle3(x, m->x[m->near[c][k]], middle);
    const double *before = corner[(k + degree - 1) % degree], *after = corner[k];
    const double left = esp_triangle3(x, middle, after), right = esp_triangle3(x, before, middle);
    for (int a = 0; a < 3; a++) sum[a] += left * (x[a] + middle[a] + after[a]) + right * (x[a] + before[a] + middle[a]);
  }
  esp_unit3(sum);
  memcpy(to, sum, sizeof sum);
}

/* Cells of other ranks follow their owners. */
static int sweep(esp_mesh *m, int sweeps) {
  double(*to)[3] = NULL;
  int rc = ESP_OK;
  ESP_TRY(m->comm->agree(m->comm, ESP_ALLOC(to, m->n_own)));
  for (int s = 0; s < sweeps; s++) {
    for (int c = 0; c < m->n_own; c++) centre(m, c, to[c]);
    if (m->n_own) memcpy(m->x, to, (size_t)m->n_own * sizeof *to);
    ESP_TRY(esp_mesh_fill_cells(m, sizeof *m->x, m->x));
  }
done:
  ESP_FREE(to);
  return rc;
}

/* ---- the whole ---- */

int esp_mesh_create(const esp_backend *backend, int level, int sweeps, esp_mesh *mesh) {
  const esp_comm *comm = backend->comm;
  esp_directory_entry *index = NULL;
  int rc;
  *mesh = (esp_mesh){.comm = comm, .level = level, .cells = esp_icosahedron_points(level)};
  ESP_CHECK(level >= 2 && level <= 10, ESP_ERR_CONFIG, "an icosahedral mesh of level %d: allowed are 2 to 10", level);
  ESP_TRY(own_cells(backend, mesh));
  ESP_TRY(comm->agree(comm, add_rings(mesh, &index)));
  ESP_TRY(comm->exchange_create(comm, mesh->n_own, mesh->id, mesh->n_cell - mesh->n_own, mesh->id + mesh->n_own,
                                &mesh->cell_exchange));
  ESP_TRY(sweep(mesh, sweeps));
  ESP_TRY(comm->agree(comm, esp_mesh_tables(mesh)));
  ESP_TRY(comm->exchange_create(comm, mesh->n_own_edge, mesh->edge_id, mesh->n_edge - mesh->n_own_edge,
                                mesh->edge_id + mesh->n_own_edge, &mesh->edge_exchange));
done:
  ESP_FREE(index);
  if (rc) esp_mesh_free(mesh);
  return rc;
}

void esp_mesh_free(esp_mesh *m) {
  if (m->comm) m->comm->exchange_free(&m->cell_exchange);
  if (m->comm) m->comm->exchange_free(&m->edge_exchange);
  ESP_FREE(m->id);
  ESP_FREE(m->x);
  ESP_FREE(m->area);
  ESP_FREE(m->degree);
  ESP_FREE(m->near);
  ESP_FREE(m->edge);
  ESP_FREE(m->vertex);
  ESP_FREE(m->edge_id);
  ESP_FREE(m->ends);
  ESP_FREE(m->slot);
  ESP_FREE(m->sides);
  ESP_FREE(m->middle);
  ESP_FREE(m->normal);
  ESP_FREE(m->across);
  ESP_FREE(m->along);
  ESP_FREE(m->perp);
  ESP_FREE(m->perp_weight);
  ESP_FREE(m->corner);
  ESP_FREE(m->rim);
  ESP_FREE(m->kite);
  ESP_FREE(m->vertex_area);
  ESP_FREE(m->vertex_x);
  *m = (esp_mesh){0};
}

static int fill(const esp_comm *comm, esp_exchange *exchange, int own, size_t unit, char *rows) {
  ESP_CALL(comm->exchange_begin(comm, exchange, unit, rows, rows + (size_t)own * unit));
  return comm->exchange_end(comm, exchange, unit, rows, rows + (size_t)own * unit);
}

int esp_mesh_fill_cells(const esp_mesh *m, size_t unit, void *rows) {
  return fill(m->comm, m->cell_exchange, m->n_own, unit, rows);
}

int esp_mesh_fill_edges(const esp_mesh *m, size_t unit, void *rows) {
  return fill(m->comm, m->edge_exchange, m->n_own_edge, unit, rows);
}

int esp_mesh_integral(const esp_mesh *m, const double *value, double *sum) {
  int64_t acc[ESP_EXACT_FULL_WORDS] = {0};
  for (int c = 0; c < m->n_own; c++) esp_exact_add(&ESP_EXACT_FULL, acc, value[c] * m->area[c]);
  esp_exact_carry(&ESP_EXACT_FULL, acc, 1);
  ESP_CALL(m->comm->sum_i64(m->comm, acc, ESP_EXACT_FULL_WORDS));
  *sum = esp_exact_value(&ESP_EXACT_FULL, acc);
  return ESP_OK;
}

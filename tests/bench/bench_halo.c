/* What a step of the flow sends, from the lists themselves: bench_halo LEVEL. For P = 2, 4, .. 64 ranks, on one: the cells and
 * edges of other ranks within ESP_MESH_RINGS rings of a rank's own, the ranks that have them, the bytes that a rank receives a
 * step (3 stages), and the cells over sqrt(n / P), which is what a surface of the sphere's cut would give as a constant. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tasks/weather/flow.h"
#include "tree/domain.h"

enum { STAGES = 3, LEAF = 8 };

typedef struct {
  int64_t cells, edges, ranks, bytes, own;
} halo;

static int owner_of(const esp_shape *shape, int size, int cell) {
  return esp_shape_owner(shape, size, esp_shape_find(shape, shape->block_level, cell));
}

/* ring [n_cell]: 1 where a cell is here. Cells of the mesh of one rank lie in the tree's order, as slots do. */
static halo take(const esp_mesh *m, const esp_shape *shape, int rank, int size, int *ring, char *seen) {
  int64_t block, blocks, first, count;
  halo h = {0};
  esp_shape_rank(shape, rank, size, &block, &blocks, &first, &count);
  for (int c = 0; c < m->n_cell; c++) ring[c] = c >= first && c < first + count ? 0 : -1;
  for (int r = 1; r <= ESP_MESH_RINGS; r++)
    for (int c = 0; c < m->n_cell; c++)
      for (int k = 0; k < m->degree[c] && ring[c] < 0; k++)
        if (ring[m->near[c][k]] == r - 1) ring[c] = r;
  for (int r = 0; r < size; r++) seen[r] = 0;
  for (int c = 0; c < m->n_cell; c++)
    if (ring[c] > 0) h.cells++, seen[owner_of(shape, size, c)] = 1;
  for (int r = 0; r < size; r++) h.ranks += seen[r];
  for (int e = 0; e < m->n_edge; e++) h.edges += ring[m->ends[e][0]] > 0 && ring[m->ends[e][1]] >= 0;
  h.own = count;
  h.bytes = STAGES * (h.cells * (int64_t)sizeof(double[ESP_FLOW_FIELDS]) + h.edges * (int64_t)sizeof(double));
  return h;
}

static int run(int level) {
  const esp_backend self = {.comm = esp_comm_self(), .build = esp_domain_build_self};
  esp_mesh m = {0};
  esp_shape shape;
  int rc, *ring = NULL;
  char seen[64];
  ESP_TRY(esp_mesh_create(&self, level, 0, &m));
  ESP_TRY(esp_shape_make(m.cells, LEAF, LEAF, &shape));
  ESP_TRY(ESP_ALLOC(ring, m.n_cell));
  printf(
      "%lld cells\nranks  cells: own, other mean, most  edges: most  ranks: most  kB a step: mean, most  cells / "
      "sqrt(n/P)\n",
      (long long)m.cells);
  for (int size = 2; size <= 64; size *= 2) {
    halo sum = {0}, most = {0};
    for (int rank = 0; rank < size; rank++) {
      const halo h = take(&m, &shape, rank, size, ring, seen);
      sum.cells += h.cells, sum.bytes += h.bytes, sum.own += h.own;
      if (h.cells > most.cells) most.cells = h.cells;
      if (h.edges > most.edges) most.edges = h.edges;
      if (h.ranks > most.ranks) most.ranks = h.ranks;
      if (h.bytes > most.bytes) most.bytes = h.bytes;
    }
    const double mean = (double)sum.cells / size;
    printf("%5d %8lld %8.0f %6lld %6lld %4lld %8.1f %8.1f   %.2f\n", size, (long long)(sum.own / size), mean,
           (long long)most.cells, (long long)most.edges, (long long)most.ranks, 1e-3 * (double)sum.bytes / size,
           1e-3 * (double)most.bytes, mean / sqrt((double)m.cells / size));
  }
done:
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  ESP_FREE(ring);
  esp_mesh_free(&m);
  return rc;
}

int main(int argc, char **argv) {
  if (argc > 1) return run(atoi(argv[1]));
  fprintf(stderr, "bench_halo LEVEL\n");
  return 1;
}

#include "domain/forest.h"

#include "domain/comm.h"

/* Messages as PETSc has them: rows [offset[i], offset[i + 1]) of `row` are rank[i]'s, which may be this one. */
typedef struct {
  PetscMPIInt ranks;
  const PetscMPIInt *rank;
  const PetscInt *offset, *row;
} messages;

/* Those of other ranks. */
static int fill_side(int mine, const messages *m, int first, esp_route_side *side) {
  const PetscInt rows = m->ranks ? m->offset[m->ranks] : 0;
  ESP_CALL(ESP_ALLOC(side->rank, m->ranks));
  ESP_CALL(ESP_ALLOC(side->start, m->ranks + 1));
  ESP_CALL(ESP_ALLOC(side->row, rows));
  for (int i = 0, at = 0; i < m->ranks; i++) {
    if (m->rank[i] == mine || m->offset[i] == m->offset[i + 1]) continue;
    for (PetscInt j = m->offset[i]; j < m->offset[i + 1]; j++) side->row[at++] = first + (int)m->row[j];
    side->rank[side->peers++] = m->rank[i];
    side->start[side->peers] = at;
  }
  return ESP_OK;
}

/* That of this rank to itself. */
static int fill_kept(int mine, const messages *leaves, const PetscInt *root, int first, esp_route *route) {
  int i = 0, in_order = 1;
  while (i < leaves->ranks && leaves->rank[i] != mine) i++;
  if (i == leaves->ranks) return ESP_OK;
  const PetscInt begin = leaves->offset[i], kept = leaves->offset[i + 1] - begin;
  ESP_CALL(ESP_ALLOC(route->kept_from, kept));
  ESP_CALL(ESP_ALLOC(route->kept_to, kept));
  route->kept = (int)kept;
  for (int k = 0; k < route->kept; k++) {
    route->kept_from[k] = (int)root[begin + k];
    route->kept_to[k] = first + (int)leaves->row[begin + k];
    in_order &= route->kept_to[k] == k;
  }
  if (in_order) ESP_FREE(route->kept_to);
  return ESP_OK;
}

int esp_forest_route(const esp_comm *comm, PetscSF forest, int first, esp_route *route) {
  messages leaves, roots;
  const PetscInt *root;
  *route = (esp_route){0};
  ESP_PETSC(PetscSFGetRootRanks(forest, &leaves.ranks, &leaves.rank, &leaves.offset, &leaves.row, &root));
  ESP_PETSC(PetscSFGetLeafRanks(forest, &roots.ranks, &roots.rank, &roots.offset, &roots.row));
  ESP_CALL(fill_kept(comm->rank, &leaves, root, first, route));
  ESP_CALL(fill_side(comm->rank, &roots, 0, &route->out));
  return fill_side(comm->rank, &leaves, first, &route->in);
}

#include "domain/halo.h"

#include <stdlib.h>
#include <string.h>

#include "domain/comm.h"
#include "domain/forest.h"
#include "domain/transpose.h"

static int make_forest(const esp_comm *comm, int n_roots, int n_leaves, const int *where, PetscSFNode *remote,
                       PetscSF *forest, int64_t *messages) {
  PetscMPIInt ranks = 0;
  PetscInt *local = NULL;
  ESP_PETSC(PetscSFCreate(esp_comm_mpi_get(comm), forest));
  ESP_PETSC(PetscSFSetType(*forest, PETSCSFBASIC));
  if (where) {
    ESP_PETSC(PetscMalloc1((size_t)n_leaves, &local));
    for (int i = 0; i < n_leaves; i++) local[i] = where[i];
  }
  ESP_PETSC(PetscSFSetGraph(*forest, n_roots, n_leaves, local, PETSC_OWN_POINTER, remote, PETSC_OWN_POINTER));
  ESP_PETSC(PetscSFSetUp(*forest));
  ESP_PETSC(PetscSFGetRootRanks(*forest, &ranks, NULL, NULL, NULL, NULL));
  *messages = ranks;
  return ESP_OK;
}

/* Particles of remote nodes: row p of node i is particle first_at_owner + p of rank owner[i]. */
static int particle_leaves(const esp_comm *comm, const esp_shape *shape, int level, int count, const int64_t *heap,
                           const int *owner, int particles, PetscSFNode **remote) {
  int64_t block_first, blocks, slot_first = 0, slots, offset, held;
  int last_owner = -1, at = 0;
  if (PetscMalloc1((size_t)particles, remote)) return ESP_FAIL(ESP_ERR_MEMORY, "%d ghost particles", particles);
  for (int i = 0; i < count; i++) {
    if (owner[i] != last_owner) {
      last_owner = owner[i];
      esp_shape_rank(shape, last_owner, comm->size, &block_first, &blocks, &slot_first, &slots);
    }
    esp_shape_node(shape, level, heap[i] - ((int64_t)1 << level), &offset, &held);
    for (int64_t p = 0; p < held; p++, at++) {
      (*remote)[at].rank = last_owner;
      (*remote)[at].index = (PetscInt)(offset - slot_first + p);
    }
  }
  return ESP_OK;
}

static int check_room(int64_t own, int64_t ghosts) {
  ESP_CHECK(own + ghosts <= INT32_MAX, ESP_ERR_LIMIT,
            "%lld own and %lld ghost particles on one rank; at most %d: use more ranks, or a larger theta",
            (long long)own, (long long)ghosts, INT32_MAX);
  return ESP_OK;
}

typedef struct {
  int64_t heap;
  int row;
} leaf_row;

static int by_heap(const void *a, const void *b) {
  const int64_t x = ((const leaf_row *)a)->heap, y = ((const leaf_row *)b)->heap;
  return (x > y) - (x < y);
}

/* Ghost rows that appear in a list, ascending. */
static int listed_rows(const esp_tree *tree, int64_t entries, const int *list, int **rows, int *count) {
  const int base = tree->own_rows + tree->top_rows, ghosts = tree->row_count - base;
  char *mark = NULL;
  *count = 0;
  ESP_CALL(ESP_ALLOC(mark, ghosts));
  for (int64_t e = 0; e < entries; e++)
    if (list[e] >= base) mark[list[e] - base] = 1;
  for (int g = 0; g < ghosts; g++) *count += mark[g];
  const int rc = ESP_ALLOC(*rows, *count);
  for (int g = 0, at = 0; !rc && g < ghosts; g++)
    if (mark[g]) (*rows)[at++] = base + g;
  ESP_FREE(mark);
  return rc;
}

/* Near ghost leaves, by owner and slot (owners ascend with slots). Sets part_first. */
static int source_leaves(const esp_comm *comm, esp_tree *tree, const esp_lists *lists, int *n_ghost,
                         PetscSFNode **remote) {
  int *row = NULL, *owner = NULL, count = 0, rc;
  int64_t *heap = NULL, particles = 0;
  leaf_row *leaf = NULL;
  ESP_TRY(listed_rows(tree, lists->near_start[lists->n_block], lists->near, &row, &count));
  ESP_TRY(ESP_ALLOC(leaf, count));
  ESP_TRY(ESP_ALLOC(heap, count));
  ESP_TRY(ESP_ALLOC(owner, count));
  for (int i = 0; i < count; i++) leaf[i] = (leaf_row){tree->heap[row[i]], row[i]};
  qsort(leaf, (size_t)count, sizeof *leaf, by_heap);
  for (int i = 0; i < count; i++) particles += tree->part_count[leaf[i].row];
  ESP_TRY(check_room(tree->n_own, particles));
  particles = 0;
  for (int i = 0; i < count; i++) {
    heap[i] = leaf[i].heap;
    owner[i] = tree->owner[leaf[i].row];
    tree->part_first[leaf[i].row] = tree->n_own + (int)particles;
    particles += tree->part_count[leaf[i].row];
  }
  *n_ghost = (int)particles;
  ESP_TRY(particle_leaves(comm, &tree->shape, tree->shape.depth, count, heap, owner, *n_ghost, remote));
done:
  ESP_FREE(owner);
  ESP_FREE(heap);
  ESP_FREE(leaf);
  ESP_FREE(row);
  return rc;
}

static int create_sources(const esp_comm *comm, esp_tree *tree, const esp_lists *lists, esp_halo *halo, int *n_ghost) {
  PetscSFNode *remote = NULL;
  ESP_AGREE(comm, source_leaves(comm, tree, lists, n_ghost, &remote));
  halo->first[ESP_HALO_SOURCES] = tree->n_own;
  halo->ghosts[ESP_HALO_SOURCES] = *n_ghost;
  return make_forest(comm, tree->n_own, *n_ghost, NULL, remote, &halo->forest[ESP_HALO_SOURCES],
                     &halo->messages[ESP_HALO_SOURCES]);
}

static int create_receivers(const esp_comm *comm, const esp_tree *tree, esp_lists *lists, esp_halo *halo,
                            int *n_receiver_ghost) {
  PetscSFNode *remote = NULL;
  int *owner = NULL, rc;
  int64_t *heap = NULL, particles = 0;
  const int level = tree->shape.block_level;
  ESP_TRY(esp_transpose_create(comm, tree, lists, &owner));
  const int blocks = lists->n_ghost_block;
  rc = ESP_ALLOC(heap, blocks);
  for (int g = 0; !rc && g < blocks; g++) {
    int64_t offset, count;
    esp_shape_node(&tree->shape, level, lists->ghost_block[g], &offset, &count);
    heap[g] = ((int64_t)1 << level) + lists->ghost_block[g];
    particles += count;
    rc = check_room(tree->n_own, particles);
    if (!rc) lists->ghost_first[g + 1] = tree->n_own + (int)particles;
  }
  if (!rc) rc = particle_leaves(comm, &tree->shape, level, blocks, heap, owner, (int)particles, &remote);
  ESP_TRY(comm->agree(comm, rc));
  *n_receiver_ghost = (int)particles;
  halo->first[ESP_HALO_RECEIVERS] = tree->n_own;
  halo->ghosts[ESP_HALO_RECEIVERS] = *n_receiver_ghost;
  ESP_TRY(make_forest(comm, tree->n_own, *n_receiver_ghost, NULL, remote, &halo->forest[ESP_HALO_RECEIVERS],
                      &halo->messages[ESP_HALO_RECEIVERS]));
done:
  ESP_FREE(heap);
  ESP_FREE(owner);
  return rc;
}

/* Accepted ghost cells. Leaf indices count from the first ghost row. */
static int cell_leaves(const esp_tree *tree, const esp_lists *lists, int **where, int *count, PetscSFNode **remote) {
  const int base = tree->own_rows + tree->top_rows;
  ESP_CALL(listed_rows(tree, lists->far_start[lists->n_block], lists->far, where, count));
  if (PetscMalloc1((size_t)*count, remote)) return ESP_FAIL(ESP_ERR_MEMORY, "%d ghost cells", *count);
  for (int i = 0; i < *count; i++) {
    const int row = (*where)[i];
    (*remote)[i].rank = tree->owner[row];
    (*remote)[i].index = (PetscInt)tree->owner_row[row];
    (*where)[i] = row - base;
  }
  return ESP_OK;
}

static int copy_cover(const esp_comm *comm, const esp_essential *essential, esp_halo *halo) {
  const esp_cover *cover = essential->cover;
  halo->n_cover = cover->n_cover;
  halo->own_cover_first = cover->cover_first[comm->rank];
  halo->own_covers = cover->cover_first[comm->rank + 1] - halo->own_cover_first;
  ESP_CALL(ESP_ALLOC(halo->cover_row, cover->n_cover));
  ESP_CALL(ESP_ALLOC(halo->cover_count, comm->size));
  ESP_CALL(ESP_ALLOC(halo->cover_start, comm->size));
  memcpy(halo->cover_row, essential->cover_row, (size_t)cover->n_cover * sizeof *halo->cover_row);
  for (int r = 0; r < comm->size; r++) {
    halo->cover_start[r] = cover->cover_first[r];
    halo->cover_count[r] = cover->cover_first[r + 1] - cover->cover_first[r];
  }
  return ESP_OK;
}

static void add_words(void *in, void *inout, int *count, MPI_Datatype *type) {
  int bytes = 0;
  MPI_Type_size(*type, &bytes);
  const int64_t *from = in, n = (int64_t)*count * (bytes / (int)sizeof(int64_t));
  int64_t *to = inout;
  for (int64_t w = 0; w < n; w++) to[w] += from[w];
}

static int create_cells(const esp_comm *comm, const esp_essential *essential, const esp_tree *tree,
                        const esp_lists *lists, esp_halo *halo) {
  PetscSFNode *remote = NULL;
  int *where = NULL, count = 0, rc;
  rc = cell_leaves(tree, lists, &where, &count, &remote);
  if (!rc) rc = copy_cover(comm, essential, halo);
  ESP_TRY(comm->agree(comm, rc));
  halo->first[ESP_HALO_CELLS] = tree->own_rows + tree->top_rows;
  halo->ghosts[ESP_HALO_CELLS] = count;
  ESP_TRY(make_forest(comm, tree->own_rows, count, where, remote, &halo->forest[ESP_HALO_CELLS],
                      &halo->messages[ESP_HALO_CELLS]));
done:
  ESP_FREE(where);
  return rc;
}

int esp_halo_create(const esp_comm *comm, const esp_essential *essential, esp_tree *tree, esp_lists *lists,
                    esp_halo *halo, int *n_ghost, int *n_receiver_ghost) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  memset(halo, 0, sizeof *halo);
  halo->cover_request = MPI_REQUEST_NULL;
  halo->add = MPI_OP_NULL;
  ESP_MPI(MPI_Op_create(add_words, 1, &halo->add));
  ESP_CALL(create_sources(comm, tree, lists, halo, n_ghost));
  ESP_CALL(create_receivers(comm, tree, lists, halo, n_receiver_ghost));
  ESP_CALL(create_cells(comm, essential, tree, lists, halo));
  return ESP_OK;
}

static int cover_begin(const esp_comm *comm, esp_halo *halo, size_t unit, MPI_Datatype type, const char *array) {
  if (unit > halo->cover_unit) {
    /* the same decision on all ranks: they all pass the same unit */
    ESP_FREE(halo->cover_buffer);
    halo->cover_unit = 0;
    ESP_AGREE(comm, esp_alloc((void **)&halo->cover_buffer, (size_t)(halo->n_cover + halo->own_covers), unit, __FILE__,
                              __LINE__, __func__));
    halo->cover_unit = unit;
  }
  for (int i = 0; i < halo->own_covers; i++)
    memcpy(halo->cover_buffer + (size_t)i * unit, array + (size_t)halo->cover_row[halo->own_cover_first + i] * unit,
           unit);
  ESP_MPI(MPI_Iallgatherv(halo->cover_buffer, halo->own_covers, type,
                          halo->cover_buffer + (size_t)halo->own_covers * unit, halo->cover_count, halo->cover_start,
                          type, esp_comm_mpi_get(comm), &halo->cover_request));
  return ESP_OK;
}

static int cover_end(esp_halo *halo, size_t unit, char *array) {
  ESP_MPI(MPI_Wait(&halo->cover_request, MPI_STATUS_IGNORE));
  for (int i = 0; i < halo->n_cover; i++) {
    if (i >= halo->own_cover_first && i < halo->own_cover_first + halo->own_covers) continue;
    memcpy(array + (size_t)halo->cover_row[i] * unit, halo->cover_buffer + (size_t)(halo->own_covers + i) * unit, unit);
  }
  return ESP_OK;
}

int esp_halo_begin(const esp_comm *comm, esp_halo *halo, esp_halo_kind kind, size_t unit, void *array) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  MPI_Datatype type;
  char *rows = array;
  ESP_CALL(esp_row_types_get(&halo->units, unit, &type));
  ESP_PETSC(PetscSFBcastBegin(halo->forest[kind], type, rows, rows + (size_t)halo->first[kind] * unit, MPI_REPLACE));
  if (kind == ESP_HALO_CELLS) ESP_CALL(cover_begin(comm, halo, unit, type, rows));
  return ESP_OK;
}

int esp_halo_end(const esp_comm *comm, esp_halo *halo, esp_halo_kind kind, size_t unit, void *array) {
  MPI_Datatype type;
  char *rows = array;
  (void)comm;
  ESP_CALL(esp_row_types_get(&halo->units, unit, &type));
  ESP_PETSC(PetscSFBcastEnd(halo->forest[kind], type, rows, rows + (size_t)halo->first[kind] * unit, MPI_REPLACE));
  if (kind == ESP_HALO_CELLS) ESP_CALL(cover_end(halo, unit, rows));
  return ESP_OK;
}

int esp_halo_cells_reduce(const esp_comm *comm, esp_halo *halo, const esp_tree *tree, int words, int64_t *acc) {
  MPI_Datatype type;
  const size_t width = (size_t)words, base = (size_t)halo->first[ESP_HALO_CELLS];
  const PetscSF forest = halo->forest[ESP_HALO_CELLS];
  ESP_CHECK(words >= 1, ESP_ERR_ARG, "%d words a cell; must be >= 1", words);
  ESP_CALL(esp_row_types_get(&halo->units, width * sizeof *acc, &type));
  ESP_PETSC(PetscSFReduceBegin(forest, type, acc + base * width, acc, halo->add));
  ESP_PETSC(PetscSFReduceEnd(forest, type, acc + base * width, acc, halo->add));
  memset(acc + base * width, 0, ((size_t)tree->row_count - base) * width * sizeof *acc);
  ESP_CALL(comm->sum_i64(comm, acc + (size_t)tree->own_rows * width, (size_t)tree->top_rows * width));
  return ESP_OK;
}

int esp_halo_route(const esp_comm *comm, const esp_halo *halo, const esp_tree *tree, esp_route_kind kind,
                   esp_route *route) {
  const int halo_kind = kind == ESP_ROUTE_SOURCES     ? ESP_HALO_SOURCES
                        : kind == ESP_ROUTE_RECEIVERS ? ESP_HALO_RECEIVERS
                                                      : ESP_HALO_CELLS;
  ESP_CALL(esp_forest_route(comm, halo->forest[halo_kind], halo->first[halo_kind], route));
  if (kind != ESP_ROUTE_CELLS) return ESP_OK;
  ESP_CALL(ESP_ALLOC(route->shared_row, halo->n_cover));
  memcpy(route->shared_row, halo->cover_row, (size_t)halo->n_cover * sizeof *halo->cover_row);
  route->shared = halo->n_cover;
  route->shared_own = halo->own_cover_first;
  route->shared_own_count = halo->own_covers;
  route->top_first = tree->own_rows;
  route->top_count = tree->top_rows;
  route->ghost_first = tree->own_rows + tree->top_rows;
  route->ghost_count = tree->row_count - route->ghost_first;
  return ESP_OK;
}

void esp_halo_free(esp_halo *halo) {
  if (halo->cover_buffer && halo->cover_request != MPI_REQUEST_NULL)
    (void)!MPI_Wait(&halo->cover_request, MPI_STATUS_IGNORE);
  for (int kind = 0; kind < ESP_HALO_KINDS; kind++) (void)!PetscSFDestroy(&halo->forest[kind]);
  if (halo->add && halo->add != MPI_OP_NULL) MPI_Op_free(&halo->add);
  esp_row_types_free(&halo->units);
  ESP_FREE(halo->cover_row);
  ESP_FREE(halo->cover_count);
  ESP_FREE(halo->cover_start);
  ESP_FREE(halo->cover_buffer);
}

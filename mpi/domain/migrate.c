#include "domain/migrate.h"

#include <string.h>

#include "domain/comm.h"

/* Ascending; byte by byte from the lowest, bytes that all share are skipped. */
static void sort_ids(int64_t n, uint64_t *id, uint64_t *spare) {
  for (int shift = 0; shift < 64; shift += 8) {
    int64_t at[257] = {0};
    for (int64_t i = 0; i < n; i++) at[(id[i] >> shift & 255) + 1]++;
    int shared = 0;
    for (int b = 1; b <= 256; b++) shared |= at[b] == n;
    if (shared) continue;
    for (int b = 0; b < 256; b++) at[b + 1] += at[b];
    for (int64_t i = 0; i < n; i++) spare[at[id[i] >> shift & 255]++] = id[i];
    memcpy(id, spare, (size_t)n * sizeof *id);
  }
}

/* The least of these ids, as unsigned ones, that occurs more than once; UINT64_MAX, and *found 0: none. */
static int least_twin(int64_t n, int64_t *id, int64_t *found, uint64_t *least) {
  uint64_t *spare = NULL, *sorted = (uint64_t *)id;
  ESP_CALL(ESP_ALLOC(spare, n));
  sort_ids(n, sorted, spare);
  ESP_FREE(spare);
  *found = 0;
  *least = UINT64_MAX;
  for (int64_t i = 1; i < n && !*found; i++)
    if (sorted[i] == sorted[i - 1]) *found = 1, *least = sorted[i];
  return ESP_OK;
}

static int refuse_twin(int64_t n, int64_t *id) {
  int64_t found;
  uint64_t twin;
  ESP_CALL(least_twin(n, id, &found, &twin));
  ESP_CHECK(!found, ESP_ERR_VALUE, "particle id %lld occurs more than once; ids must be unique over all ranks",
            (long long)twin);
  return ESP_OK;
}

/* Equal ids come to the same rank: routed [*n], the caller's, whatever is returned. */
static int route_ids(const esp_comm *comm, int n_home, const int64_t *id, int64_t *n, int64_t **routed) {
  int *dest = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(dest, n_home)));
  for (int i = 0; i < n_home; i++) {
    const uint64_t hash = (uint64_t)id[i] * 0x9e3779b97f4a7c15u;
    dest[i] = (int)((hash >> 32) * (uint64_t)comm->size >> 32);
  }
  ESP_TRY(esp_comm_route(comm, n_home, dest, id, n, routed));
done:
  ESP_FREE(dest);
  return rc;
}

int esp_migrate_check_ids(const esp_comm *comm, int n_home, const int64_t *id) {
  int64_t n = 0, *routed = NULL;
  int rc;
  ESP_TRY(route_ids(comm, n_home, id, &n, &routed));
  ESP_TRY(comm->agree(comm, refuse_twin(n, routed)));
done:
  ESP_FREE(routed);
  return rc;
}

int esp_migrate_find_twin(const esp_comm *comm, int n_home, const int64_t *id, int *found, uint64_t *twin) {
  const uint64_t top = UINT64_C(1) << 63;
  int64_t n = 0, *routed = NULL, word[2];
  int rc;
  ESP_TRY(route_ids(comm, n_home, id, &n, &routed));
  ESP_TRY(comm->agree(comm, least_twin(n, routed, &word[0], twin)));
  word[1] = (int64_t)(~*twin ^ top); /* the largest as signed is the least as unsigned */
  ESP_TRY(comm->max_i64(comm, word, 2));
  *found = (int)word[0];
  *twin = ~((uint64_t)word[1] ^ top);
done:
  ESP_FREE(routed);
  return rc;
}

/* A particle on its way: this head, then dim keys. */
typedef struct {
  int64_t id;
  int home, cover;
} traveller;

static int pack(const esp_cover *cover, int dim, int n_home, const double *z, const int64_t *id, const int *cover_of,
                size_t unit, int **dest, char **row) {
  ESP_CALL(ESP_ALLOC(*dest, n_home));
  ESP_CALL(esp_alloc((void **)row, (size_t)n_home, unit, __FILE__, __LINE__, __func__));
  for (int i = 0; i < n_home; i++) {
    char *to = *row + (size_t)i * unit;
    const traveller head = {id[i], i, cover_of[i]};
    (*dest)[i] = cover->cover_owner[cover_of[i]];
    memcpy(to, &head, sizeof head);
    memcpy(to + sizeof head, z + (size_t)i * (size_t)dim, (size_t)dim * sizeof *z);
  }
  return ESP_OK;
}

/* What one rank works with between arrival and slot order. */
typedef struct {
  int *arrival; /* [n_own] arrivals sorted by covering subtree */
  int *order;   /* [n_own] */
  int *first;   /* [own covers + 1] */
  double *z;    /* [n_own][dim] in the order of `arrival` */
  int64_t *id;
} sorter;

static int order_subtrees(const esp_shape *shape, const esp_split_rule *rule, const esp_grower *grower,
                          const int64_t *cover, int covers, int dim, const esp_inbox *inbox, size_t unit,
                          int cover_first, sorter *s) {
  const int64_t n = inbox->start[inbox->count];
  const char *row = inbox->row;
  traveller head;
  ESP_CALL(ESP_ALLOC(s->arrival, n));
  ESP_CALL(ESP_ALLOC(s->order, n));
  ESP_CALL(ESP_ALLOC(s->first, covers + 2));
  ESP_CALL(ESP_ALLOC(s->z, n * dim));
  ESP_CALL(ESP_ALLOC(s->id, n));
  for (int64_t i = 0; i < n; i++) {
    memcpy(&head, row + (size_t)i * unit, sizeof head);
    s->first[head.cover - cover_first + 2]++;
  }
  for (int c = 0; c < covers; c++) s->first[c + 2] += s->first[c + 1];
  for (int64_t i = 0; i < n; i++) {
    memcpy(&head, row + (size_t)i * unit, sizeof head);
    const int at = s->first[head.cover - cover_first + 1]++;
    s->arrival[at] = (int)i;
    s->id[at] = head.id;
    memcpy(s->z + (size_t)at * (size_t)dim, row + (size_t)i * unit + sizeof head, (size_t)dim * sizeof *s->z);
  }
  for (int c = 0; c < covers; c++) {
    const int level = esp_heap_level(cover[c]), first = s->first[c];
    const int64_t k = cover[c] - ((int64_t)1 << level);
    int64_t offset, count;
    esp_shape_node(shape, level, k, &offset, &count);
    ESP_CHECK(count == s->first[c + 1] - first, ESP_ERR_INTERNAL, "node %lld got %d particles, its shape says %lld",
              (long long)cover[c], s->first[c + 1] - first, (long long)count);
    ESP_CALL(grower->order(shape, rule, level, k, (int)count, dim, s->z + (size_t)first * (size_t)dim, s->id + first,
                           s->order + first));
  }
  return ESP_OK;
}

static int fill_slots(int covers, int dim, const esp_inbox *inbox, size_t unit, const sorter *s, int rank,
                      PetscSFNode **remote, int64_t *slot_id, double *slot_z, int64_t *arrived) {
  const int64_t n = inbox->start[inbox->count];
  int *from = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(from, n));
  for (int i = 0; i < inbox->count; i++)
    for (int64_t j = inbox->start[i]; j < inbox->start[i + 1]; j++) from[j] = inbox->rank[i];
  if (PetscMalloc1((size_t)n, remote)) {
    rc = ESP_FAIL(ESP_ERR_MEMORY, "%lld slots", (long long)n);
    goto done;
  }
  for (int c = 0; c < covers; c++)
    for (int t = s->first[c]; t < s->first[c + 1]; t++) {
      const int at = s->first[c] + s->order[t];
      traveller head;
      memcpy(&head, (const char *)inbox->row + (size_t)s->arrival[at] * unit, sizeof head);
      (*remote)[t].rank = from[s->arrival[at]];
      (*remote)[t].index = head.home;
      *arrived += from[s->arrival[at]] != rank;
      slot_id[t] = s->id[at];
      memcpy(slot_z + (size_t)t * (size_t)dim, s->z + (size_t)at * (size_t)dim, (size_t)dim * sizeof *slot_z);
    }
done:
  ESP_FREE(from);
  return rc;
}

static int make_forest(const esp_comm *comm, int n_roots, int n_leaves, PetscSFNode *remote, PetscSF *forest) {
  ESP_PETSC(PetscSFCreate(esp_comm_mpi_get(comm), forest));
  ESP_PETSC(PetscSFSetType(*forest, PETSCSFBASIC));
  ESP_PETSC(PetscSFSetGraph(*forest, n_roots, n_leaves, NULL, PETSC_OWN_POINTER, remote, PETSC_OWN_POINTER));
  ESP_PETSC(PetscSFSetUp(*forest));
  return ESP_OK;
}

int esp_migrate_create(const esp_comm *comm, const esp_shape *shape, const esp_cover *cover, const esp_split_rule *rule,
                       const esp_grower *grower, int dim, int n_home, const double *z, const int64_t *id,
                       const int *cover_of, esp_migrate *migrate, int64_t **slot_id, double **slot_z) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  const size_t unit = sizeof(traveller) + (size_t)dim * sizeof(double);
  const int first = cover->cover_first[comm->rank], covers = cover->cover_first[comm->rank + 1] - first;
  int *dest = NULL;
  char *row = NULL;
  esp_inbox inbox = {0};
  sorter s = {0};
  PetscSFNode *remote = NULL;
  *migrate = (esp_migrate){.n_home = n_home};
  *slot_id = NULL;
  *slot_z = NULL;
  int rc;
  ESP_TRY(comm->agree(comm, pack(cover, dim, n_home, z, id, cover_of, unit, &dest, &row)));
  for (int i = 0; i < n_home; i++) migrate->moved += dest[i] != comm->rank;
  ESP_TRY(esp_comm_scatter(comm, n_home, dest, unit, row, &inbox));
  ESP_FREE(row);
  ESP_FREE(dest);
  migrate->n_own = (int)inbox.start[inbox.count];
  rc = order_subtrees(shape, rule, grower, cover->cover + first, covers, dim, &inbox, unit, first, &s);
  if (!rc) rc = ESP_ALLOC(*slot_id, migrate->n_own);
  if (!rc) rc = ESP_ALLOC(*slot_z, (int64_t)migrate->n_own * dim);
  if (!rc) rc = fill_slots(covers, dim, &inbox, unit, &s, comm->rank, &remote, *slot_id, *slot_z, &migrate->arrived);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(make_forest(comm, n_home, migrate->n_own, remote, &migrate->forest));
done:
  ESP_FREE(s.id);
  ESP_FREE(s.z);
  ESP_FREE(s.first);
  ESP_FREE(s.order);
  ESP_FREE(s.arrival);
  esp_inbox_free(&inbox);
  ESP_FREE(row);
  ESP_FREE(dest);
  if (rc) {
    ESP_FREE(*slot_id);
    ESP_FREE(*slot_z);
    esp_migrate_free(migrate);
  }
  return rc;
}

int esp_migrate_to_slots(esp_migrate *migrate, size_t unit, const void *home, void *slots) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  MPI_Datatype type;
  ESP_CALL(esp_row_types_get(&migrate->units, unit, &type));
  ESP_PETSC(PetscSFBcastBegin(migrate->forest, type, home, slots, MPI_REPLACE));
  ESP_PETSC(PetscSFBcastEnd(migrate->forest, type, home, slots, MPI_REPLACE));
  return ESP_OK;
}

int esp_migrate_to_home(esp_migrate *migrate, size_t unit, const void *slots, void *home) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  MPI_Datatype type;
  ESP_CALL(esp_row_types_get(&migrate->units, unit, &type));
  ESP_PETSC(PetscSFReduceBegin(migrate->forest, type, slots, home, MPI_REPLACE));
  ESP_PETSC(PetscSFReduceEnd(migrate->forest, type, slots, home, MPI_REPLACE));
  return ESP_OK;
}

void esp_migrate_free(esp_migrate *migrate) {
  (void)!PetscSFDestroy(&migrate->forest);
  esp_row_types_free(&migrate->units);
}

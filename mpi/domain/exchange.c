#include "domain/exchange.h"

#include <stdlib.h>
#include <string.h>

#include <petscsys.h>

#include "domain/comm.h"

enum { EXCHANGE_TAG = 71, ROUTE_TAG = 72 };

typedef struct {
  int rank;
  int64_t rows;
} part;

static int by_rank(const void *a, const void *b) {
  const int x = ((const part *)a)->rank, y = ((const part *)b)->rank;
  return (x > y) - (x < y);
}

/* Who sends to me, and how much: fills rank and start of the inbox. */
static int find_senders(MPI_Comm mpi, int n_to, const int *to, const int64_t *rows, esp_inbox *inbox) {
  PetscMPIInt n_from = 0, *from = NULL;
  int64_t *from_rows = NULL;
  ESP_PETSC(PetscCommBuildTwoSided(mpi, 1, MPI_INT64_T, n_to, to, rows, &n_from, &from, &from_rows));
  part *sorted = NULL;
  int rc;
  ESP_TRY(ESP_ALLOC(sorted, n_from));
  ESP_TRY(ESP_ALLOC(inbox->rank, n_from));
  ESP_TRY(ESP_ALLOC(inbox->start, n_from + 1));
  for (int i = 0; i < n_from; i++) sorted[i] = (part){from[i], from_rows[i]};
  /* they come in order of arrival, which differs from run to run */
  qsort(sorted, (size_t)n_from, sizeof *sorted, by_rank);
  inbox->count = n_from;
  for (int i = 0; i < n_from; i++) {
    inbox->rank[i] = sorted[i].rank;
    inbox->start[i + 1] = inbox->start[i] + sorted[i].rows;
  }
done:
  ESP_FREE(sorted);
  if (PetscFree(from)) rc = rc ? rc : ESP_ERR_INTERNAL;
  if (PetscFree(from_rows)) rc = rc ? rc : ESP_ERR_INTERNAL;
  return rc;
}

static int transfer(MPI_Comm mpi, int n_to, const int *to, const int64_t *start, size_t unit, const char *row,
                    esp_inbox *inbox, MPI_Request *request) {
  MPI_Datatype type;
  int used = 0;
  ESP_MPI(MPI_Type_contiguous((int)unit, MPI_BYTE, &type));
  ESP_MPI(MPI_Type_commit(&type));
  for (int i = 0; i < inbox->count; i++) {
    const int64_t n = inbox->start[i + 1] - inbox->start[i];
    ESP_MPI(MPI_Irecv((char *)inbox->row + (size_t)inbox->start[i] * unit, (int)n, type, inbox->rank[i], EXCHANGE_TAG,
                      mpi, &request[used++]));
  }
  for (int i = 0; i < n_to; i++) {
    const int64_t n = start[i + 1] - start[i];
    if (n) ESP_MPI(MPI_Isend(row + (size_t)start[i] * unit, (int)n, type, to[i], EXCHANGE_TAG, mpi, &request[used++]));
  }
  ESP_MPI(MPI_Waitall(used, request, MPI_STATUSES_IGNORE));
  ESP_MPI(MPI_Type_free(&type));
  return ESP_OK;
}

int esp_comm_exchange(const esp_comm *comm, int n_to, const int *to, const int64_t *start, size_t unit, const void *row,
                      esp_inbox *inbox) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  const MPI_Comm mpi = esp_comm_mpi_get(comm);
  int *full = NULL, n_full = 0;
  int64_t *rows = NULL;
  MPI_Request *request = NULL;
  *inbox = (esp_inbox){0};
  int rc = ESP_ALLOC(full, n_to);
  if (!rc) rc = ESP_ALLOC(rows, n_to);
  for (int i = 0; !rc && i < n_to; i++) {
    const int64_t n = start[i + 1] - start[i];
    if (n > INT32_MAX) rc = ESP_FAIL(ESP_ERR_LIMIT, "%lld rows in one message, at most 2^31 - 1", (long long)n);
    if (n <= 0) continue;
    full[n_full] = to[i];
    rows[n_full++] = n;
  }
  ESP_TRY(comm->agree(comm, rc));
  rc = find_senders(mpi, n_full, full, rows, inbox);
  if (!rc) rc = esp_reserve(&inbox->row, (size_t)inbox->start[inbox->count], unit, __FILE__, __LINE__, __func__);
  if (!rc) rc = ESP_ALLOC(request, n_to + inbox->count);
  ESP_TRY(comm->agree(comm, rc));
  ESP_TRY(transfer(mpi, n_to, to, start, unit, row, inbox, request));
done:
  ESP_FREE(request);
  ESP_FREE(rows);
  ESP_FREE(full);
  if (rc) esp_inbox_free(inbox);
  return rc;
}

int esp_comm_scatter(const esp_comm *comm, int64_t n, const int *dest, size_t unit, const void *row, esp_inbox *inbox) {
  ESP_MEMORY_FOR(ESP_MEMORY_HALO);
  char *sorted = NULL;
  int64_t *start = NULL, *at = NULL;
  int *to = NULL, n_to = 0;
  *inbox = (esp_inbox){0};
  int rc = ESP_ALLOC(at, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(start, comm->size + 1);
  if (!rc) rc = ESP_ALLOC(to, comm->size);
  if (!rc) rc = esp_reserve((void **)&sorted, (size_t)n, unit, __FILE__, __LINE__, __func__);
  ESP_TRY(comm->agree(comm, rc));
  for (int64_t i = 0; i < n; i++) at[dest[i] + 1]++;
  for (int r = 0; r < comm->size; r++) {
    if (at[r + 1]) {
      to[n_to++] = r;
      start[n_to] = start[n_to - 1] + at[r + 1];
    }
    at[r + 1] += at[r];
  }
  for (int64_t i = 0; i < n; i++)
    memcpy(sorted + (size_t)at[dest[i]]++ * unit, (const char *)row + (size_t)i * unit, unit);
  ESP_TRY(esp_comm_exchange(comm, n_to, to, start, unit, sorted, inbox));
done:
  ESP_FREE(sorted);
  ESP_FREE(to);
  ESP_FREE(start);
  ESP_FREE(at);
  return rc;
}

typedef struct {
  int64_t word;
  int dest, unused;
} routed;

/* One step: what still has to go an odd multiple of `hop` ranks goes `hop` ranks on. */
static int route_step(const esp_comm *comm, int hop, int64_t *n, routed **row, size_t *room, routed **out,
                      size_t *out_room) {
  const MPI_Comm mpi = esp_comm_mpi_get(comm);
  const int to = (comm->rank + hop) % comm->size, from = (comm->rank - hop + comm->size) % comm->size;
  int64_t kept = 0, leaving = 0, arriving = 0;
  int rc = ESP_GROW(*out, *out_room, *n);
  for (int64_t i = 0; !rc && i < *n; i++) {
    const int distance = ((*row)[i].dest - comm->rank + comm->size) % comm->size;
    if (distance & hop)
      (*out)[leaving++] = (*row)[i];
    else
      (*row)[kept++] = (*row)[i];
  }
  ESP_CALL(comm->agree(comm, rc));
  ESP_MPI(MPI_Sendrecv(&leaving, 1, MPI_INT64_T, to, ROUTE_TAG, &arriving, 1, MPI_INT64_T, from, ROUTE_TAG, mpi,
                       MPI_STATUS_IGNORE));
  rc = ESP_GROW(*row, *room, kept + arriving);
  if (!rc && (leaving > INT32_MAX / 2 || arriving > INT32_MAX / 2))
    rc = ESP_FAIL(ESP_ERR_LIMIT, "routing %lld rows in one message, at most 2^30", (long long)leaving);
  ESP_CALL(comm->agree(comm, rc));
  ESP_MPI(MPI_Sendrecv(*out, (int)leaving * 2, MPI_INT64_T, to, ROUTE_TAG, *row + kept, (int)arriving * 2, MPI_INT64_T,
                       from, ROUTE_TAG, mpi, MPI_STATUS_IGNORE));
  *n = kept + arriving;
  return ESP_OK;
}

int esp_comm_route(const esp_comm *comm, int64_t n, const int *dest, const int64_t *word, int64_t *n_out,
                   int64_t **out) {
  routed *row = NULL, *leaving = NULL;
  size_t room = 0, leaving_room = 0;
  int64_t *result = NULL;
  int rc = ESP_GROW(row, room, n);
  for (int64_t i = 0; !rc && i < n; i++) row[i] = (routed){word[i], dest[i], 0};
  ESP_TRY(comm->agree(comm, rc));
  for (int hop = 1; hop < comm->size; hop *= 2)
    ESP_TRY(route_step(comm, hop, &n, &row, &room, &leaving, &leaving_room));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(result, n)));
  for (int64_t i = 0; i < n; i++) result[i] = row[i].word;
  *n_out = n;
  *out = result;
done:
  ESP_FREE(leaving);
  ESP_FREE(row);
  return rc;
}

int esp_row_types_get(esp_row_types *units, size_t unit, MPI_Datatype *type) {
  for (int i = 0; i < units->count; i++)
    if (units->entry[i].unit == unit) {
      *type = units->entry[i].type;
      return ESP_OK;
    }
  ESP_CHECK(unit > 0 && unit <= INT32_MAX, ESP_ERR_ARG, "a row of %zu bytes; must be 1 to 2^31 - 1", unit);
  ESP_CALL(ESP_GROW(units->entry, units->room, units->count + 1));
  ESP_MPI(MPI_Type_contiguous((int)unit, MPI_BYTE, type));
  ESP_MPI(MPI_Type_commit(type));
  units->entry[units->count].unit = unit;
  units->entry[units->count++].type = *type;
  return ESP_OK;
}

void esp_row_types_free(esp_row_types *units) {
  for (int i = 0; i < units->count; i++) MPI_Type_free(&units->entry[i].type);
  ESP_FREE(units->entry);
  units->count = 0;
  units->room = 0;
}

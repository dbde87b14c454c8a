#include "domain/comm.h"

#include <stdio.h>
#include <string.h>

#include <petscsys.h>

#include "domain/exchange.h"

/* MPI counts are ints: longer reductions go in parts. */
enum { COMM_PART = 1 << 26 };

typedef struct {
  esp_comm table; /* first: the table is the object */
  MPI_Comm mpi;
  esp_comm_there there;
} comm_mpi;

static MPI_Comm get(const esp_comm *comm) {
  return ((const comm_mpi *)comm->impl)->mpi;
}

MPI_Comm esp_comm_mpi_get(const esp_comm *comm) {
  return comm->impl ? get(comm) : MPI_COMM_NULL;
}

int esp_comm_mpi_fail(int mpi_code, const char *call, const char *file, int line, const char *func) {
  char text[MPI_MAX_ERROR_STRING + 1] = "";
  int length = 0;
  if (MPI_Error_string(mpi_code, text, &length) != MPI_SUCCESS) length = 0;
  text[length] = '\0';
  return esp_fail(ESP_ERR_COMM, file, line, func, "MPI error %d (%s) in %.80s", mpi_code, text, call);
}

int esp_comm_petsc_fail(int petsc_code, const char *call, const char *file, int line, const char *func) {
  const char *text = NULL;
  if (PetscErrorMessage(petsc_code, &text, NULL)) text = NULL;
  return esp_fail(petsc_code == PETSC_ERR_MEM ? ESP_ERR_MEMORY : ESP_ERR_COMM, file, line, func,
                  "PETSc error %d (%s) in %.80s", petsc_code, text ? text : "?", call);
}

static int reduce(const esp_comm *comm, char *value, size_t count, size_t unit, MPI_Datatype type, MPI_Op op) {
  for (size_t first = 0; first < count; first += COMM_PART) {
    const size_t part = count - first < COMM_PART ? count - first : COMM_PART;
    ESP_MPI(MPI_Allreduce(MPI_IN_PLACE, value + first * unit, (int)part, type, op, get(comm)));
  }
  return ESP_OK;
}

static int sum_i64(const esp_comm *comm, int64_t *value, size_t count) {
  return reduce(comm, (char *)value, count, sizeof *value, MPI_INT64_T, MPI_SUM);
}
static int max_i64(const esp_comm *comm, int64_t *value, size_t count) {
  return reduce(comm, (char *)value, count, sizeof *value, MPI_INT64_T, MPI_MAX);
}
static int max_f64(const esp_comm *comm, double *value, size_t count) {
  return reduce(comm, (char *)value, count, sizeof *value, MPI_DOUBLE, MPI_MAX);
}

static int exscan_i64(const esp_comm *comm, int64_t *value) {
  int64_t before = 0;
  ESP_MPI(MPI_Exscan(value, &before, 1, MPI_INT64_T, MPI_SUM, get(comm)));
  *value = comm->rank ? before : 0;
  return ESP_OK;
}

static int broadcast(const esp_comm *comm, void *data, size_t bytes, int root) {
  for (size_t first = 0; first < bytes; first += COMM_PART) {
    const size_t part = bytes - first < COMM_PART ? bytes - first : COMM_PART;
    ESP_MPI(MPI_Bcast((char *)data + first, (int)part, MPI_BYTE, root, get(comm)));
  }
  return ESP_OK;
}

/* Bytes of each rank -> int counts and starts; the same error on all ranks where they do not fit. */
static int gather_sizes(const esp_comm *comm, size_t bytes, int *count, int *first, size_t *start) {
  int64_t mine = (int64_t)bytes, *size = NULL;
  int rc = comm->agree(comm, ESP_ALLOC(size, comm->size));
  if (rc) goto done;
  rc = MPI_Allgather(&mine, 1, MPI_INT64_T, size, 1, MPI_INT64_T, get(comm));
  if (rc != MPI_SUCCESS) {
    rc = esp_comm_mpi_fail(rc, "MPI_Allgather", __FILE__, __LINE__, __func__);
    goto done;
  }
  start[0] = 0;
  for (int r = 0; r < comm->size; r++) {
    start[r + 1] = start[r] + (size_t)size[r];
    ESP_NEED(start[r + 1] <= INT32_MAX, ESP_ERR_LIMIT, "gathering more than 2 GiB (%zu bytes up to rank %d)",
             start[r + 1], r);
    count[r] = (int)size[r];
    first[r] = (int)start[r];
  }
done:
  ESP_FREE(size);
  return rc;
}

static int gather_all(const esp_comm *comm, const void *mine, size_t bytes, void **all, size_t *start) {
  int *count = NULL, *first = NULL;
  char *data = NULL;
  int rc = ESP_ALLOC(count, comm->size);
  if (!rc) rc = ESP_ALLOC(first, comm->size);
  rc = comm->agree(comm, rc);
  if (rc) goto done;
  ESP_TRY(gather_sizes(comm, bytes, count, first, start));
  ESP_TRY(comm->agree(comm, ESP_ALLOC(data, start[comm->size])));
  rc = MPI_Allgatherv(mine, (int)bytes, MPI_BYTE, data, count, first, MPI_BYTE, get(comm));
  if (rc != MPI_SUCCESS) {
    rc = esp_comm_mpi_fail(rc, "MPI_Allgatherv", __FILE__, __LINE__, __func__);
    goto done;
  }
  *all = data;
  data = NULL;
done:
  ESP_FREE(data);
  ESP_FREE(first);
  ESP_FREE(count);
  return rc;
}

static int agree(const esp_comm *comm, int code) {
  /* One reduction when all is well: largest code, and the lowest failing rank as a maximum. */
  int worst[2] = {code, code ? comm->size - comm->rank : 0};
  ESP_MPI(MPI_Allreduce(MPI_IN_PLACE, worst, 2, MPI_INT, MPI_MAX, get(comm)));
  if (!worst[0]) return ESP_OK;
  const int from = comm->size - worst[1];
  char text[4096] = "";
  if (comm->rank == from) {
    char head[32] = "";
    const char *message = esp_error_message();
    int named = 0, length = 0;
    /* agreed before, further down the call chain: one heading is enough */
    if (sscanf(message, "rank %d:%n", &named, &length) != 1 || !length) snprintf(head, sizeof head, "rank %d: ", from);
    snprintf(text, sizeof text, "%s%s", head, message);
  }
  ESP_MPI(MPI_Bcast(text, sizeof text, MPI_CHAR, from, get(comm)));
  esp_error_set(worst[0], text);
  return worst[0];
}

int esp_comm_mpi_create(MPI_Comm mpi, esp_comm **comm) {
  comm_mpi *made = NULL;
  ESP_CALL(ESP_ALLOC(made, 1));
  int rc = MPI_Comm_dup(mpi, &made->mpi);
  if (rc == MPI_SUCCESS) rc = MPI_Comm_set_errhandler(made->mpi, MPI_ERRORS_RETURN);
  if (rc == MPI_SUCCESS) rc = MPI_Comm_rank(made->mpi, &made->table.rank);
  if (rc == MPI_SUCCESS) rc = MPI_Comm_size(made->mpi, &made->table.size);
  if (rc != MPI_SUCCESS) {
    ESP_FREE(made);
    return esp_comm_mpi_fail(rc, "MPI_Comm_dup", __FILE__, __LINE__, __func__);
  }
  made->table.impl = made;
  made->table.there = &made->there;
  made->table.sum_i64 = sum_i64;
  made->table.max_i64 = max_i64;
  made->table.max_f64 = max_f64;
  made->table.exscan_i64 = exscan_i64;
  made->table.broadcast = broadcast;
  made->table.gather_all = gather_all;
  made->table.agree = agree;
  made->table.scatter = esp_comm_scatter;
  made->table.exchange_create = esp_exchange_create;
  made->table.exchange_begin = esp_exchange_begin;
  made->table.exchange_end = esp_exchange_end;
  made->table.exchange_free = esp_exchange_free;
  made->table.transfer_begin = esp_transfer_begin;
  made->table.transfer_end = esp_transfer_end;
  *comm = &made->table;
  return ESP_OK;
}

void esp_comm_mpi_free(esp_comm **comm) {
  if (!comm || !*comm) return;
  comm_mpi *made = (*comm)->impl;
  int stopped;
  if (MPI_Finalized(&stopped) == MPI_SUCCESS && !stopped) {
    if (made->there.kept) made->there.free(&made->there.kept);
    MPI_Comm_free(&made->mpi);
  }
  ESP_FREE(made);
  *comm = NULL;
}

int esp_comm_machine(const esp_comm *comm, int *number, int *ranks) {
  MPI_Comm machine;
  *number = 0, *ranks = 1;
  if (!comm->impl) return ESP_OK;
  ESP_MPI(MPI_Comm_split_type(get(comm), MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &machine));
  MPI_Comm_rank(machine, number);
  MPI_Comm_size(machine, ranks);
  ESP_MPI(MPI_Comm_free(&machine));
  return ESP_OK;
}

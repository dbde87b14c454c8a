/* The comm table over an MPI communicator.
 *
 * MPI errors come back as ESP_ERR_COMM with MPI's own text, where the library returns at all (the duplicate's error
 * handler is MPI_ERRORS_RETURN). All functions are collective over the communicator unless they say local. */
#ifndef ESP_MPI_COMM_H
#define ESP_MPI_COMM_H

#include <mpi.h>

#include "base/comm.h"

/* A table over a duplicate of `mpi`. The caller frees it with esp_comm_mpi_free. Errors: memory, ESP_ERR_COMM. */
int esp_comm_mpi_create(MPI_Comm mpi, esp_comm **comm);
/* Frees the duplicate; collective. NULL is fine. Must come before MPI_Finalize. */
void esp_comm_mpi_free(esp_comm **comm);
/* The duplicate, borrowed; MPI_COMM_NULL for the one-rank table. Local. */
MPI_Comm esp_comm_mpi_get(const esp_comm *comm);

/* Which of how many ranks of its machine this one is. Collective. */
int esp_comm_machine(const esp_comm *comm, int *number, int *ranks);

/* Turn an MPI or PETSc return value into an esp_code with a message. Local. */
int esp_comm_mpi_fail(int mpi_code, const char *call, const char *file, int line, const char *func);
int esp_comm_petsc_fail(int petsc_code, const char *call, const char *file, int line, const char *func);
#define ESP_MPI(call)                                                                                     \
  do {                                                                                                    \
    int esp_mpi_ = (call);                                                                                \
    if (esp_mpi_ != MPI_SUCCESS) return esp_comm_mpi_fail(esp_mpi_, #call, __FILE__, __LINE__, __func__); \
  } while (0)
#define ESP_PETSC(call)                                                                          \
  do {                                                                                           \
    int esp_petsc_ = (int)(call);                                                                \
    if (esp_petsc_) return esp_comm_petsc_fail(esp_petsc_, #call, __FILE__, __LINE__, __func__); \
  } while (0)

#endif

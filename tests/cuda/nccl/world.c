/* The ranks of a program that knows nothing of the stand-in. */
#include "domain/comm.h"
#include "nccl.h"

static esp_comm *world;

const esp_comm *esp_nccl_world(void) {
  if (!world && esp_comm_mpi_create(MPI_COMM_WORLD, &world)) MPI_Abort(MPI_COMM_WORLD, 1);
  return world;
}

void esp_nccl_world_free(void) {
  esp_comm_mpi_free(&world);
}

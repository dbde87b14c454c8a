/* The multipole method over ranks: seconds of the slowest, pairs of the busiest over their mean, what a rank fetches. Bodies lie on
 * ranks by turns, in no order. Not a test: run it by hand.
 *
 *   mpirun -n P bench_fmm_ranks [n [repeats [order [tolerance]]]] */
#include <stdio.h>
#include <stdlib.h>

#include <petscsys.h>

#include "domain/comm.h"
#include "fmm/fmm.h"
#include "unit/fmm_case.h"

/* Mean and largest over ranks. */
static int spread(const esp_comm *comm, int64_t mine, double out[2]) {
  int64_t sum = mine, most = mine;
  ESP_CALL(comm->sum_i64(comm, &sum, 1));
  ESP_CALL(comm->max_i64(comm, &most, 1));
  out[0] = (double)sum / comm->size;
  out[1] = (double)most;
  return ESP_OK;
}

static int show(const esp_comm *comm, const char *name, double seconds, const esp_fmm_cost *c) {
  double pairs[2], ghosts[2], nodes[2], bytes[2];
  ESP_CALL(comm->max_f64(comm, &seconds, 1));
  ESP_CALL(spread(comm, c->near_pairs, pairs));
  ESP_CALL(spread(comm, c->ghosts, ghosts));
  ESP_CALL(spread(comm, c->ghost_nodes, nodes));
  ESP_CALL(spread(comm, c->halo_bytes, bytes));
  if (comm->rank == 0)
    printf("| %s | %d | %.3f | %.3f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", name, comm->size, seconds,
           pairs[1] / pairs[0], ghosts[0], ghosts[1], nodes[0], bytes[0] / 1024, bytes[1] / 1024);
  fflush(stdout);
  return ESP_OK;
}

static int measure(const esp_comm *comm, fmm_kind kind, int n, int repeats, const esp_fmm_param *param) {
  fmm_cloud c;
  esp_fmm_cost cost = {0};
  int mine = 0;
  double(*a)[3], best = 1e30;
  ESP_CALL(fmm_cloud_make(kind, n, 1, &c));
  for (int i = comm->rank; i < n; i += comm->size, mine++) {
    memmove(c.x[mine], c.x[i], sizeof *c.x);
    c.m[mine] = c.m[i];
    c.id[mine] = c.id[i];
  }
  ESP_CALL(ESP_ALLOC(a, mine));
  const esp_fmm_bodies bodies = {mine, (const double(*)[3])c.x, c.m, c.id, NULL};
  for (int k = 0; k < repeats; k++) {
    const esp_fmm_result result = {.acceleration = a, .cost = &cost};
    const double begin = esp_wall();
    ESP_CALL(esp_fmm_force(comm, param, &bodies, &result));
    const double seconds = esp_wall() - begin;
    if (seconds < best) best = seconds;
  }
  ESP_FREE(a);
  fmm_cloud_free(&c);
  return show(comm, fmm_name[kind], best, &cost);
}

int main(int argc, char **argv) {
  static const fmm_kind kinds[] = {FMM_PLUMMER, FMM_BALL};
  esp_comm *comm;
  int rc = ESP_OK;
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) MPI_Abort(PETSC_COMM_WORLD, 1);
  const int n = argc > 1 ? atoi(argv[1]) : 1000000, repeats = argc > 2 ? atoi(argv[2]) : 3;
  const esp_fmm_param param = {argc > 3 ? atoi(argv[3]) : 4, argc > 4 ? atof(argv[4]) : 5e-4, 0.01};
  esp_memory_keep();
  if (comm->rank == 0)
    printf(
        "| cloud | ranks | seconds | near pairs, max/mean | bodies fetched, mean | max | cells, mean | KiB, mean | max "
        "|\n"
        "|---|---|---|---|---|---|---|---|---|\n");
  for (int k = 0; k < 2 && !rc; k++) rc = measure(comm, kinds[k], n, repeats, &param);
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || rc;
}

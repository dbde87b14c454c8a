/* The generator of weather on many ranks, stage by stage: mpirun -n P bench_ranks LEVEL STEPS. Seconds of the slowest rank for
 * the mesh without and with its 100 sweeps and for the climate's start; of a step the fastest, which other work on the machine
 * disturbs least, and the median; cells and bytes that a rank receives a step; bytes of arrays a rank, the largest. */
#include <stdio.h>
#include <stdlib.h>

#include <petscsys.h>

#include "domain/comm.h"
#include "domain/domain.h"
#include "tasks/weather/climate.h"
#include "tasks/weather/start.h"

enum { SWEEPS = 100, STAGES = 3 };

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Seconds since *clock, of the slowest rank; *clock is set on. */
static double lap(const esp_comm *comm, double *clock) {
  double seconds = esp_wall() - *clock;
  if (comm->max_f64(comm, &seconds, 1)) return -1;
  *clock = esp_wall();
  return seconds;
}

static int make(const esp_backend *backend, int level, esp_mesh *mesh, esp_flow *flow, esp_climate *climate) {
  const esp_comm *comm = backend->comm;
  const esp_flow_param param = {.gravity = ESP_EARTH_GRAVITY, .theta_0 = 300, .nu4 = esp_climate_nu4(level)};
  double clock = esp_wall(), seconds[3];
  ESP_CALL(esp_mesh_create(backend, level, 0, mesh));
  seconds[0] = lap(comm, &clock);
  esp_mesh_free(mesh);
  ESP_CALL(esp_mesh_create(backend, level, SWEEPS, mesh));
  seconds[1] = lap(comm, &clock);
  ESP_AGREE(comm, esp_flow_create(mesh, &param, flow));
  ESP_CALL(esp_climate_create(flow, &esp_climate_default, climate));
  ESP_CALL(esp_climate_start(climate, 1));
  seconds[2] = lap(comm, &clock);
  if (comm->rank == 0)
    printf("%lld cells, %d ranks: mesh %.2f s, with %d sweeps %.2f s, start of a climate %.2f s\n",
           (long long)mesh->cells, comm->size, seconds[0], SWEEPS, seconds[1], seconds[2]);
  return ESP_OK;
}

static int run(const esp_comm *comm, int level, int steps) {
  const esp_backend backend = {.comm = comm, .build = esp_domain_build_mpi};
  esp_mesh mesh = {0};
  esp_flow flow = {0};
  esp_climate climate = {0};
  double *took = NULL, clock;
  int rc;
  ESP_TRY(comm->agree(comm, ESP_ALLOC(took, steps)));
  ESP_TRY(make(&backend, level, &mesh, &flow, &climate));
  clock = esp_wall();
  for (int s = 0; s < steps; s++) {
    ESP_TRY(esp_climate_step(&climate, esp_climate_dt(level)));
    took[s] = lap(comm, &clock);
  }
  qsort(took, (size_t)steps, sizeof *took, by_size);
  int64_t most[3] = {mesh.n_cell - mesh.n_own, mesh.n_edge - mesh.n_own_edge, (int64_t)esp_memory_peak()};
  ESP_TRY(comm->max_i64(comm, most, 3));
  if (comm->rank == 0)
    printf("step of %.0f s: fastest %.2f ms, median %.2f ms; %lld cells and %.1f kB received a step, %.1f MB a rank\n",
           esp_climate_dt(level), 1e3 * took[0], 1e3 * took[steps / 2], (long long)most[0],
           1e-3 * STAGES * (double)(most[0] * (int64_t)sizeof *flow.cell + most[1] * (int64_t)sizeof *flow.u),
           1e-6 * (double)most[2]);
done:
  if (rc) fprintf(stderr, "%s\n", esp_error_message());
  ESP_FREE(took);
  esp_climate_free(&climate);
  esp_flow_free(&flow);
  esp_mesh_free(&mesh);
  return rc;
}

int main(int argc, char **argv) {
  esp_comm *comm;
  if (argc < 3 || atoi(argv[2]) < 1) {
    fprintf(stderr, "bench_ranks LEVEL STEPS\n");
    return 1;
  }
  if (PetscInitialize(&argc, &argv, NULL, NULL) || esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) return 1;
  int rc = run(comm, atoi(argv[1]), atoi(argv[2]));
  esp_comm_mpi_free(&comm);
  return PetscFinalize() || rc;
}

/* Proves that singular directions are the same bits on any number of ranks, those that own nothing included.
 * ranks: 1 2 3 4 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpi.h>
#include <petscsys.h>
#include <string.h>

#include "domain/comm.h"
#include "singular_case.h"

static esp_comm *comm;

static void same_bits(int64_t n, int dense, int sparse) {
  enum { K = 6, MOST = 64 };
  double one[MOST * K], many[MOST * K], sigma[2][K];
  int64_t first, count;
  esp_set_share(n, comm->rank, comm->size, &first, &count);
  singular_case all = singular_case_make(0, (int)n, dense, sparse, 0.95);
  singular_case mine = singular_case_make(first, (int)count, dense, sparse, 0.95);
  const size_t bytes = sizeof(double) * (size_t)(dense + sparse) * K;
  assert_int_equal(esp_singular_directions(esp_comm_self(), singular_case_rows(&all), K, 2, one, sigma[0]), ESP_OK);
  assert_int_equal(esp_singular_directions(comm, singular_case_rows(&mine), K, 2, many, sigma[1]), ESP_OK);
  assert_memory_equal(one, many, bytes);
  assert_memory_equal(sigma[0], sigma[1], sizeof sigma[0]);
  singular_case_free(&all), singular_case_free(&mine);
}

static void on_any_number_of_ranks(void **state) {
  (void)state;
  same_bits(300, 20, 30);
  same_bits(200, 0, 40);
  same_bits(200, 40, 0);
  same_bits(65, 3, 5);
}

int main(int argc, char **argv) {
  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  if (esp_comm_mpi_create(PETSC_COMM_WORLD, &comm)) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(on_any_number_of_ranks)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  esp_comm_mpi_free(&comm);
  if (failed) MPI_Abort(MPI_COMM_WORLD, failed);
  return PetscFinalize() ? 1 : 0;
}

/* Proves that what gate regression learns, and how wide the gate becomes, are the same bits on any number of ranks, with ranks
 * that own nothing.
 * ranks: 1 2 3 4 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <mpi.h>
#include <petscsys.h>

#include "domain/comm.h"
#include "domain/domain.h"
#include "regression_case.h"

static esp_comm *comm;

enum { MOST = (REGRESSION_DENSE + REGRESSION_WORDS) * 3 };

static void learn(const esp_backend *backend, const esp_set *set, double theta, double E[MOST + 3]) {
  const esp_gate_learning how = {ESP_GATE_BY_REGRESSION, 4, 0.02, 100, REGRESSION_C, 20, 0};
  const esp_gate_shape shape = regression_shape(theta);
  esp_gate_record record;
  memset(E, 0, sizeof(double) * (MOST + 3));
  const int rc = esp_gate_learn(&how, &shape, backend, set, E, &E[MOST], &record);
  if (rc) fail_msg("%s", esp_error_message());
  E[MOST + 1] = record.first, E[MOST + 2] = record.last;
  assert_true(record.last < 0 && record.first < 0);
}

static void on_any_number_of_ranks(void **state) {
  (void)state;
  const esp_backend self = esp_backend_self();
  const esp_backend many = {.comm = comm, .build = esp_domain_build_mpi, .device = self.device};
  for (int k = 0; k < 4; k++) {
    const int64_t n = k < 3 ? 300 : 60;
    double one[MOST + 3], all[MOST + 3];
    esp_set whole = regression_set(n, 0, 1, k != 1, k != 2),
            mine = regression_set(n, comm->rank, comm->size, k != 1, k != 2);
    learn(&self, &whole, 0.4, one);
    learn(&many, &mine, 0.4, all);
    assert_memory_equal(one, all, sizeof one);
    esp_set_free(&whole), esp_set_free(&mine);
  }
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

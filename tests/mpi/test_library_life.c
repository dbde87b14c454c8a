/* Proves that a call of the library before MPI_Init or after MPI_Finalize is an error that says so, not the program's end,
 * and that an object can still be freed then.
 * ranks: 1 2 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "lib/espalier.h"

static espalier *e;

static void says(int code, const char *what) {
  assert_int_equal(code, 1);
  if (!strstr(espalier_error(), what)) fail_msg("not '%s': %s", what, espalier_error());
}

static void in_turn(void **state) {
  (void)state;
  double m = 1, x[1][3] = {{0, 0, 0}}, a[1][3] = {{1, 1, 1}};
  const espalier_particles p = {.n = 1, .mass = &m, .position = (const double(*)[3])x, .G = 1};
  espalier *never;
  says(espalier_create(MPI_COMM_WORLD, NULL, &never), "before MPI_Init");
  says(espalier_create_fortran(0, NULL, &never), "before MPI_Init");
  says(espalier_force(NULL, &p, a, NULL), "before MPI_Init");
  assert_null(never);
  MPI_Init(NULL, NULL);
  says(espalier_create(MPI_COMM_NULL, NULL, &never), "MPI_COMM_NULL");
  assert_int_equal(espalier_create_fortran(MPI_Comm_c2f(MPI_COMM_WORLD), NULL, &e), 0);
  assert_int_equal(espalier_force(e, &p, a, NULL), 0);
  assert_true(a[0][0] == 0);
  MPI_Finalize();
  says(espalier_force(e, &p, a, NULL), "after MPI_Finalize");
  says(espalier_create(MPI_COMM_WORLD, NULL, &never), "after MPI_Finalize");
  assert_int_equal(espalier_destroy(&e), 0);
  assert_null(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(in_turn)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

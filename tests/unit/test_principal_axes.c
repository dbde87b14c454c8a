/* Proves that rows are seen along the axes they were stretched along, and that few, flat and equal rows have axes, too. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/principal_axes.h"
#include "base/rng.h"

#define OK(expr) assert_int_equal((expr), ESP_OK)
enum { N = 400, D = 4, STRIDE = 7, AT = 2 };

/* Rows stretched along orthonormal axes: 5 along the first, 2 along the second, little along the others. */
static void finds_the_stretched_axes(void **state) {
  (void)state;
  const double axis[D][D] = {
      {0.5, 0.5, 0.5, 0.5}, {0.5, -0.5, 0.5, -0.5}, {0.5, 0.5, -0.5, -0.5}, {0.5, -0.5, -0.5, 0.5}};
  const double size[D] = {5, 2, 0.1, 0.1};
  double row[N * STRIDE] = {0}, out[2 * N], sum[2] = {0}, square[2] = {0}, cross = 0;
  for (int i = 0; i < N; i++)
    for (int k = 0; k < D; k++) {
      const double z = size[k] * esp_rng_normal(1, (uint64_t)(i * D + k), ESP_RNG_TEST, 0);
      for (int a = 0; a < D; a++) row[i * STRIDE + AT + a] += z * axis[k][a] + (k == 0 ? 3 : 0);
    }
  OK(esp_principal_axes(N, STRIDE, row + AT, D, out));
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < 2; k++) sum[k] += out[2 * i + k], square[k] += out[2 * i + k] * out[2 * i + k];
    cross += out[2 * i] * out[2 * i + 1];
  }
  for (int k = 0; k < 2; k++) {
    assert_true(fabs(sum[k] / N) < 1e-12);
    assert_true(fabs(sqrt(square[k] / N) / size[k] - 1) < 0.1);
  }
  assert_true(fabs(cross) < 1e-9 * square[1]);
}

static void degenerate_rows(void **state) {
  (void)state;
  double row[4 * D], out[8];
  OK(esp_principal_axes(0, D, row, D, out));
  for (int k = 0; k < 4 * D; k++) row[k] = 7;
  OK(esp_principal_axes(1, D, row, D, out));
  OK(esp_principal_axes(4, D, row, D, out)); /* all equal */
  for (int k = 0; k < 8; k++) assert_true(out[k] == 0);
  for (int i = 0; i < 4; i++) row[i] = i;
  OK(esp_principal_axes(4, 1, row, 1, out)); /* one dimension */
  for (int i = 0; i < 4; i++) assert_true(out[2 * i] == i - 1.5 && out[2 * i + 1] == 0);
  for (int i = 0; i < 4; i++) row[2 * i] = 0, row[2 * i + 1] = -i;
  OK(esp_principal_axes(4, 2, row, 2, out)); /* a line along the second axis, which points upwards */
  for (int i = 0; i < 4; i++) assert_true(fabs(out[2 * i] - (1.5 - i)) < 1e-15 && fabs(out[2 * i + 1]) < 1e-15);
  assert_int_equal(esp_principal_axes(4, 2, row, 0, out), ESP_ERR_ARG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_stretched_axes), cmocka_unit_test(degenerate_rows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

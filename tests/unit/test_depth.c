/* Proves what the rows of depth make of a state and a layer's output, and the way back. Gradients through whole networks of each
 * row: test_stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/depth.h"

static void rows(void **state) {
  (void)state;
  static const char *const name[] = {"residual", "plain"};
  const double o[2] = {5, -3}, next[][2] = {{6, -1}, {5, -3}}, past[][2] = {{7, 8}, {0, 0}};
  int k = 0;
  for (; esp_depths[k]; k++) {
    double after[2] = {1, 2}, ds[2] = {7, 8}, d_o[2];
    esp_depths[k]->join(&esp_rows_cpu, 2, after, o, after);
    assert_memory_equal(after, next[k], sizeof after);
    esp_depths[k]->join_back(&esp_rows_cpu, 2, ds, d_o);
    assert_memory_equal(ds, past[k], sizeof ds);
    assert_true(d_o[0] == 7 && d_o[1] == 8);
    assert_string_equal(esp_depth_name(k), name[k]);
  }
  assert_int_equal(k, 2);
  assert_null(esp_depth_name(k));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
